import type { Change } from '../../src/model/index.ts';
import { configOf, makeDaemon } from './daemon.ts';
import { diskTimed, intercepted } from './recorder.ts';
import { type Interval, uncovered } from './timeline.ts';
import { CREDENTIAL, openWorld } from './world.ts';

export const DESTINATIONS = 50;

const ASKED = { emergency: false, reason: null, actor: 'bench', requestKey: null };

/** How long after the new version became current each destination but the hanging one was recorded to have it, ms. */
export type FanOut = {
  readonly after: readonly number[];
  /** How much of the longest of these times the state waited for its disk, ms. */
  readonly disk: number;
  /** What this process computed in that time, ms of one core: what a busy machine does not change. */
  readonly cpu: number;
};

/**
 * One rotation through the engine on SQLite, published to fields of as many secrets of one Vault, of which one never
 * answers the write.
 */
export async function fanOutOnce(): Promise<FanOut> {
  const world = await openWorld();
  try {
    const file = await world.configure('fan-out', { stores: ['vault'], publish: places(), settle: '50ms' });
    const timer = new Timer();
    const daemon = await makeDaemon(await configOf(world, file), {
      state: (state) =>
        intercepted(state, (method, call, args) =>
          method === 'commit' ? timer.commit(call, args[0] as readonly Change[]) : call(),
        ),
      database: (database) => diskTimed(database, timer.disk),
    });
    try {
      const adopted = timer.published(DESTINATIONS);
      await daemon.engine.start();
      await adopted;
      const published = timer.published(DESTINATIONS - 1);
      await daemon.commands.rotate(CREDENTIAL, ASKED);
      return await published;
    } finally {
      await daemon.stop();
    }
  } finally {
    await world.end();
  }
}

function places(): object[] {
  return Array.from({ length: DESTINATIONS }, (_, index) => {
    // In the midst of the others: those that come after it would have to wait.
    const path = `footage/app-${index}${index === DESTINATIONS / 2 ? '-hangs' : ''}`;
    return { store: 'vault', path, field: 'api_key' };
  });
}

/** Takes down when a version becomes current, and when which destination has it. */
class Timer {
  readonly disk: Interval[] = [];
  #current = 0;
  #cpu = process.cpuUsage();
  #at = new Map<string, number>();
  #awaited = 0;
  #everywhere: (fanOut: FanOut) => void = () => undefined;

  /** Begins anew, and resolves with the times once so many destinations have been recorded. */
  published(count: number): Promise<FanOut> {
    this.#at.clear();
    this.disk.length = 0;
    this.#awaited = count;
    return new Promise((resolve) => {
      this.#everywhere = resolve;
    });
  }

  async commit(call: () => unknown, changes: readonly Change[]): Promise<unknown> {
    const outcome = await call();
    const now = performance.now();
    for (const change of changes) {
      if (change.type === 'version.put' && change.version.state === 'current') {
        this.#current = now;
        this.#cpu = process.cpuUsage();
      }
      if (change.type !== 'destination.put' || change.destination.state !== 'published') continue;
      const { id } = change.destination;
      if (!this.#at.has(id)) this.#at.set(id, now - this.#current);
    }
    if (this.#at.size === this.#awaited) this.#everywhere(this.#result());
    return outcome;
  }

  #result(): FanOut {
    const after = [...this.#at.values()];
    const longest = Math.max(...after);
    const whole = { from: this.#current, to: this.#current + longest };
    const { user, system } = process.cpuUsage(this.#cpu);
    return { after, disk: longest - uncovered(whole, this.disk), cpu: (user + system) / 1_000 };
  }
}
