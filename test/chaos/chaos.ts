import { Stream } from '../simulation/streams.ts';
import { SpawnedDaemon } from '../support/spawned-daemon.ts';
import { openWorld, type World } from '../support/world.ts';
import { Activity, milliseconds, SIGNS, type Sign } from './activity.ts';
import { inspect, type Keys } from './inspection.ts';
import { CREDENTIALS, operate, useTheKeys } from './people.ts';
import { settle } from './rest.ts';
import { Trace } from './trace.ts';
import { Weather } from './weather.ts';

export type Report = {
  readonly seed: number;
  readonly kills: number;
  /** Lives that ended before their daemon was ready. */
  readonly diedStarting: number;
  /** Calls of the applications. */
  readonly calls: number;
  readonly keys: Keys;
  /** What was done to the daemon and around it, oldest first. */
  readonly trace: readonly string[];
  /** Everything that must not be, for a person; empty: all is well. */
  readonly faults: readonly string[];
};

/** A replaced key stays valid so long, ms: no store is down for nearly as long here. */
const OVERLAP = 240_000;

/** How long a start may take, and everything to come to rest after the last kill, ms. */
const PATIENCE = 120_000;

/**
 * A daemon on SQLite files, killed by SIGKILL at random moments of its work while keys are replaced, faults come and go
 * around it, and applications use the keys. What is drawn follows from the seed; what the machine makes of it does not.
 *
 * @param options `program`: the daemon's file
 */
export async function runChaos(
  { seed, kills, program }: { readonly seed: number; readonly kills: number; readonly program: string },
  onKill: (kill: number) => void = () => undefined,
): Promise<Report> {
  const tier = { requestsPerMinute: 60_000 };
  const world = await openWorld({
    started: false,
    second: true,
    timeout: '1s',
    schedule: { reconcile: '*/10 * * * * *', pollLogs: '*/2 * * * * *' },
    provider: { settle: { minimum: '0s', successes: 1, budget: '20s' }, rateShare: 1, tier },
    // The provider's own clock is the machine's here, as the daemon's is.
    sandbox: { now: Date.now, overlapMs: OVERLAP, tier },
  });
  const chaos = new Chaos(world, seed, program);
  try {
    return await chaos.run(kills, onKill);
  } finally {
    await chaos.end();
    await world.end();
  }
}

class Chaos {
  readonly #world: World;
  readonly #seed: number;
  readonly #program: string;
  readonly #trace = new Trace();
  readonly #weather: Weather;
  readonly #moments: Stream;
  #daemon: SpawnedDaemon;

  constructor(world: World, seed: number, program: string) {
    this.#world = world;
    this.#seed = seed;
    this.#program = program;
    this.#weather = new Weather(world, new Stream(seed, 'weather'), this.#trace);
    this.#moments = new Stream(seed, 'moments');
    this.#daemon = new SpawnedDaemon(world, program);
  }

  async run(kills: number, onKill: (kill: number) => void): Promise<Report> {
    const world = this.#world;
    await this.#ready();
    const applications = new AbortController();
    const used = useTheKeys(world, applications.signal, this.#trace);
    try {
      const diedStarting = await this.#killAll(kills, onKill);
      await this.#ready();
      const restless = await settle(world, PATIENCE);
      applications.abort();
      const { calls, faults } = await used;
      await this.#stop();
      const { keys, faults: wrong } = await inspect(world);
      const notAtRest = restless.map((what) => `not at rest: ${what}`);
      return {
        seed: this.#seed,
        kills,
        diedStarting,
        calls,
        keys,
        trace: this.#trace.lines,
        faults: [...faults, ...notAtRest, ...wrong],
      };
    } finally {
      applications.abort();
      await used;
    }
  }

  /** How many of these lives ended before their daemon was ready. */
  async #killAll(kills: number, onKill: (kill: number) => void): Promise<number> {
    const operators = new AbortController();
    const { signal } = operators;
    const operating = CREDENTIALS.map((name) =>
      operate(this.#world, name, { stream: new Stream(this.#seed, name), signal }),
    );
    const activity = new Activity(this.#world);
    let diedStarting = 0;
    try {
      for (let kill = 1; kill <= kills; kill += 1) {
        await this.#live(activity);
        if (!this.#daemon.isReady) diedStarting += 1;
        this.#trace.note(`kill ${kill}${this.#daemon.isReady ? '' : ', during the start'}`);
        await this.#daemon.kill();
        this.#daemon = new SpawnedDaemon(this.#world, this.#program);
        onKill(kill);
      }
    } finally {
      operators.abort();
      activity.close();
      this.#weather.clear();
      await Promise.all(operating);
    }
    return diedStarting;
  }

  /** Until the moment of its death, during the start for some. @throws {Error} where it ends by itself */
  async #live(activity: Activity): Promise<void> {
    const daemon = this.#daemon;
    const until = (sign: Sign, more: number) => activity.until(sign, more, () => daemon.ended);
    if (this.#moments.chance(0.15)) await until('write of the state', this.#moments.whole(0, 5));
    else await this.#work(until);
    if (daemon.ended) throw new Error(`seed ${this.#seed}: the daemon ended by itself: ${daemon.said}`);
  }

  /** The weather may change twice before that moment. */
  async #work(until: (sign: Sign, more: number) => Promise<void>): Promise<void> {
    const moments = this.#moments;
    await this.#ready();
    for (let changes = moments.whole(0, 2); changes > 0; changes -= 1) {
      this.#weather.change();
      await until('write of the state', moments.whole(1, 25));
    }
    const sign = moments.pick(SIGNS);
    await until(sign, sign === 'write of the state' ? moments.spread(1, 120) : moments.whole(1, 3));
    // Often the very moment, sometimes a little later.
    if (moments.chance(0.5)) await milliseconds(moments.spread(1, 100));
  }

  async #ready(): Promise<void> {
    const daemon = this.#daemon;
    const end = performance.now() + PATIENCE;
    while (!daemon.isReady) {
      if (daemon.ended || performance.now() > end)
        throw new Error(`seed ${this.#seed}: the daemon did not start: ${daemon.said}`);
      await milliseconds(5);
    }
  }

  async #stop(): Promise<void> {
    const daemon = this.#daemon;
    const code = await daemon.stop();
    if (code !== 0) throw new Error(`seed ${this.#seed}: it ended with ${code} at SIGTERM: ${daemon.said}`);
  }

  async end(): Promise<void> {
    if (!this.#daemon.ended) await this.#daemon.kill();
  }
}
