import type { Change } from '../../src/model/index.ts';
import { type State, StateError } from '../../src/state/contract.ts';
import { extent } from './faults.ts';
import type { Life, World } from './ground.ts';

/** The state as one process reaches it: every commit that says something is an effect, and is seen by the invariants. */
export function stateOf(world: World, life: Life): State {
  const state = world.database.open(`${life.machine.index}.${life.number}`, life.clock());
  const gated = <Args extends readonly unknown[], T>(method: (...args: Args) => Promise<T>) => {
    return async (...args: Args): Promise<T> => {
      if (!life.alive || life.pausedUntil > world.time) await life.going();
      const result = await method(...args);
      if (!life.alive || life.pausedUntil > world.time) await life.going();
      return result;
    };
  };
  const writable = () => {
    if (world.time < life.machine.refusesUntil) throw new StateError('state_full', 'the disk is full');
  };
  const all = Object.fromEntries(
    Object.entries(state).map(([name, method]) => [name, gated(method as () => Promise<unknown>)]),
  ) as unknown as State;
  return {
    ...all,
    claim: gated(async (lane, query) => {
      writable();
      return state.claim(lane, { ...query, until: Math.min(query.until, query.now + world.claimFor) });
    }),
    prove: gated(async () => {
      writable();
      return state.prove();
    }),
    commit: gated(async (changes, options) => {
      const matters = changes.some(({ type }) => !IDLE.has(type));
      const after = matters ? await strike(world, life) : NOTHING;
      writable();
      await state.commit(changes, options);
      if (changes.length > 0) world.committed(changes, life);
      after();
      if (!life.alive) await life.going();
    }),
  };
}

const IDLE: ReadonlySet<Change['type']> = new Set([
  'credential.expect',
  'monitor.put',
  'use.put',
  'work.wake',
  'work.free',
]);
const NOTHING = () => undefined;

/** What strikes this commit before it is done; gives what strikes it after. */
async function strike(world: World, life: Life): Promise<() => void> {
  const { fault, stream } = world.begin('commit', life);
  if (fault === null) return NOTHING;
  world.trace.add(`${world.time} ${life.machine.index}.${life.number} commit !${fault}`);
  const size = Math.round(extent(fault, stream, world.plan.overlap));
  const { machine } = life;
  switch (fault) {
    case 'refused':
      machine.refusesUntil = world.time + Math.min(size, world.untilHealed);
      world.trouble(`machine ${machine.index}`, size);
      return NOTHING;
    case 'stall':
      machine.pause(size);
      break;
    case 'clock-step':
      machine.step(size);
      break;
    case 'crash-before':
    case 'down':
      machine.crash(size);
      break;
    case 'restore':
      return () => world.restore();
    case 'applied-crash':
      return () => machine.crash(size);
    default:
      break;
  }
  await life.going();
  return NOTHING;
}
