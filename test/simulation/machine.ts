import { Commands } from '../../src/engine/commands.ts';
import { Engine } from '../../src/engine/engine.ts';
import type { GrantCommands } from '../../src/engine/grants/contract.ts';
import { MINUTE, SECOND } from '../../src/model/index.ts';
import type { SpooledAnswer } from '../../src/state/spool.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import { channelOf } from './channel.ts';
import { CHANNELS, CLIENT, CREDENTIAL, configOf } from './config.ts';
import type { World } from './ground.ts';
import { HASH } from './hash.ts';
import { hookOf } from './hook.ts';
import { Life } from './life.ts';
import { logOf } from './log.ts';
import { oauthClientOf } from './oauth-client.ts';
import { storeOf } from './place.ts';
import { providerOf } from './provider.ts';
import { spoolOf } from './spool.ts';
import { stateOf } from './state.ts';

/** Where a daemon runs: its clock and its spool outlive it. */
export class Machine {
  readonly index: number;
  readonly #world: World;
  /** How far the wall clock is ahead of the world's time, ms. */
  skew = 0;
  /** The database takes no writes from here before this time. */
  refusesUntil = 0;
  readonly spooled = new Map<string, SpooledAnswer>();
  life: Life | null = null;
  engine: Engine | null = null;
  commands: Commands | null = null;
  #lives = 0;

  constructor(world: World, index: number) {
    this.#world = world;
    this.index = index;
  }

  start(): void {
    const world = this.#world;
    this.#lives += 1;
    const life = new Life(world, this, this.#lives);
    const clock = life.clock();
    this.life = life;
    let ids = 0;
    const owner = `${this.index}.${life.number}`;
    const engine = new Engine({
      config: configOf(world.plan, world.issuer.first.value),
      state: world.bent.state(stateOf(world, life), life),
      spool: spoolOf(world, life),
      rules: world.bent.rules,
      claimFor: world.claimFor,
      plugins: {
        clients: new Map([[CLIENT, world.bent.client(oauthClientOf(world, life), clock)]]),
        providers: new Map([['frameflow', world.bent.provider(providerOf(world, life), clock)]]),
        stores: new Map(
          world.places.map((place) => [place.name, world.bent.store(storeOf(world, life, place))]),
        ),
        channels: new Map(CHANNELS.map((name) => [name, world.bent.channel(channelOf(world, life, name))])),
        hooks: new Map(
          world.places.map((place) => [`${CREDENTIAL} ${place.name}`, hookOf(world, life, place)]),
        ),
        countries: new Map(),
        close: async () => undefined,
      },
      clock: world.bent.clock(clock),
      hash: HASH,
      log: logOf(world, owner),
      counters: new Counters(),
      newId: () => {
        ids += 1;
        return `${owner}-${ids}`;
      },
    });
    this.engine = engine;
    this.commands = new Commands(engine);
    world.touched = true;
    world.trace.add(`${world.time} ${owner} starts`);
    // On SQLite the file's lock proves that the former process is dead; replicas wait for its claims to run out.
    const cleared = world.plan.engines === 1 ? world.database.voidClaims() : Promise.resolve();
    cleared
      .then(() => engine.start(noSchedule))
      .catch((error: unknown) => {
        // As a supervisor does with a process that ended.
        world.defect(error, 'the start');
        if (life.alive) this.crash(MINUTE);
      });
  }

  /** What may be asked of its grants; null: it is dead. */
  get grants(): GrantCommands | null {
    return this.engine?.grants ?? null;
  }

  /** True where the engine goes on by itself: it looks for due work, and is not paused. */
  isTurning(now: number): boolean {
    return this.life !== null && this.life.pausedUntil <= now && this.engine?.turning === true;
  }

  /** As SIGKILL. It is started again after `ms`. */
  crash(ms: number): void {
    const world = this.#world;
    world.trace.add(`${world.time} ${this.index} dies for ${ms}`);
    this.drop();
    world.trouble(`machine ${this.index}`, ms);
    world.at(Math.min(ms, Math.max(SECOND, world.untilHealed)), () => {
      if (this.life === null) this.start();
    });
  }

  /** Ends the process for good. */
  drop(): void {
    if (this.life !== null) this.life.alive = false;
    this.life = null;
    this.engine = null;
    this.commands = null;
  }

  /** Stops the process for `ms`, wherever it is; the world goes on. */
  pause(ms: number): void {
    const world = this.#world;
    if (this.life === null) return;
    const length = Math.min(ms, Math.max(0, world.untilHealed));
    this.life.pausedUntil = Math.max(this.life.pausedUntil, world.time + length);
    world.trouble(`machine ${this.index}`, length);
  }

  /** Sets the wall clock wrong by `ms`. The daemon's own look at it follows within a minute. */
  step(ms: number): void {
    this.skew = ms;
    this.#world.trace.add(`${this.#world.time} ${this.index} clock ${ms}`);
    this.#world.trouble(`clock ${this.index}`, this.#world.untilHealed);
    this.lookSoon();
  }

  /** What the schedule's net does, soon. */
  lookSoon(): void {
    this.#world.at(5 * SECOND, () => this.poll(false));
  }

  /** What the schedule does again and again: turns the loop; reads the log. */
  poll(logs = true): void {
    this.life?.go(() => {
      void this.engine?.reconcile();
      if (logs) void this.engine?.pollLogs();
    });
  }
}

const noSchedule = () => ({ stop: () => undefined });
