import { type Change, HOUR, MINUTE } from '../../src/model/index.ts';
import { type Hold, type State, StateError } from '../../src/state/contract.ts';
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
      const after = matters ? await strike(world, life, effectOf(changes)) : NOTHING;
      writable();
      await state.commit(changes, rested(options));
      if (changes.length > 0) world.committed(changes, life);
      after();
      if (!life.alive) await life.going();
    }),
  };
}

const IDLE: ReadonlySet<Change['type']> = new Set([
  'credential.expect',
  'grant.expect',
  'client.expect',
  'authorization.expect',
  'monitor.put',
  'use.put',
  'grant.use',
  'grant.wake',
  'grants.shift',
  'work.wake',
  'work.free',
]);
const NOTHING = () => undefined;

const OF_GRANTS: ReadonlySet<Change['type']> = new Set([
  'grant.put',
  'grant.answer',
  'grant.delete',
  'narrow.put',
  'client.put',
]);

/** Commits about grants are counted apart: those about keys are the same, and are struck the same, with grants and without. */
function effectOf(changes: readonly Change[]): 'commit' | 'grantCommit' {
  return changes.some(({ type }) => OF_GRANTS.has(type)) ? 'grantCommit' : 'commit';
}

/** How much later than after its hour a client is looked at again: 720 looks in a month cost more than all else of it. */
const RESTS = 11 * HOUR;

function rested(options: { readonly hold?: Hold } = {}): typeof options {
  const { hold } = options;
  if (hold?.claim.kind !== 'client' || hold.next === null) return options;
  return { ...options, hold: { ...hold, next: hold.next + RESTS } };
}

/** What strikes this commit before it is done; gives what strikes it after. */
async function strike(world: World, life: Life, effect: 'commit' | 'grantCommit'): Promise<() => void> {
  const { fault, stream } = world.begin(effect, life);
  if (fault === null) return NOTHING;
  world.trace.add(`${world.time} ${life.machine.index}.${life.number} ${effect} !${fault}`);
  const size = Math.round(extent(fault, stream, world.plan.overlap));
  const { machine } = life;
  switch (fault) {
    case 'refused':
      machine.refusesUntil = world.time + Math.min(size, world.untilHealed);
      world.trouble(`machine ${machine.index}`, size);
      // A turn that could not be written comes again in a minute, and so does the release of its claim.
      world.trouble(`turns ${machine.index}`, size + 2 * MINUTE);
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
