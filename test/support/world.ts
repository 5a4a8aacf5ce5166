import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { startDaemon } from '../../src/cli/daemon.ts';
import { loadConfig } from '../../src/config/index.ts';
import type { Commands } from '../../src/engine/commands.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { parseDuration } from '../../src/model/fields.ts';
import type { Alert, CredentialSnapshot, Rotation } from '../../src/model/index.ts';
import { DAY, formatTime } from '../../src/model/index.ts';
import type { Sandbox, SandboxOptions } from '../../src/sandbox/index.ts';
import type { FakeSecretsManager } from '../../src/stores/aws-secrets-manager/fake.ts';
import type { FakeVault } from '../../src/stores/vault/fake.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { Application } from './application.ts';
import { type Boundaries, type KillableDaemon, startKillable } from './killable.ts';
import { Oncall, Team } from './people.ts';
import { awsPlace, filePlace, type Place, vaultPlace } from './places.ts';
import { CREDENTIAL, settingsDocument, type WorldSettings } from './settings.ts';
import { makeSurroundings, type Surroundings } from './surroundings.ts';
import { type DaemonClock, VirtualClock } from './virtual-clock.ts';

/** A Thursday. */
export const START = Date.UTC(2026, 9, 1, 9);

export type WorldOptions = WorldSettings & {
  readonly sandbox?: SandboxOptions;
  /** How often the log is polled and the application works where nothing else happens, ms. */
  readonly every?: number;
  /** False: the test starts the daemon itself. */
  readonly started?: boolean;
  /** The daemon can be killed in this process; it is then wired by the test's support, without API. */
  readonly killable?: boolean | Boundaries;
  /** False: there is no application. */
  readonly application?: boolean;
};

type RunningDaemon = {
  readonly engine: Engine;
  readonly commands: Commands;
  stop(): Promise<void>;
};

/**
 * The sandbox, a Vault, an AWS Secrets Manager, a dotenv file, a daemon and an application that uses the key, all on
 * one clock that the test moves. Gone at the test's end.
 *
 * @example
 * const world = await makeWorld({ rotation: { every: '30d' } });
 * await world.advance('31d');
 * await world.vault.expectVersion(2);
 */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  onTestFinished(() => world.end());
  return world;
}

/** The same outside of a test; the caller ends it. */
export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new VirtualClock(START);
  const world = new World(clock, await makeSurroundings(() => clock.time, options.sandbox), options);
  await world.configure(options);
  if (options.started !== false) await world.start();
  return world;
}

export class World {
  readonly clock: VirtualClock;
  readonly folder: string;
  readonly sandbox: Sandbox;
  readonly vaultServer: FakeVault;
  readonly awsServer: FakeSecretsManager;
  readonly vault: Place;
  readonly aws: Place;
  readonly file: Place;
  readonly slack: Team;
  readonly pagerduty: Oncall;
  readonly application: Application;
  /** Every line the daemons logged. */
  readonly logged: string[] = [];
  readonly env: Record<string, string>;
  /** How many daemons were started. */
  starts = 0;
  readonly #options: WorldOptions;
  readonly #surroundings: Surroundings;
  #daemon: RunningDaemon | null = null;
  #killable: KillableDaemon | null = null;
  #daemonClock: DaemonClock | null = null;
  #nextTick: number;

  constructor(clock: VirtualClock, surroundings: Surroundings, options: WorldOptions) {
    const { folder, sandbox, vaultServer, awsServer, env } = surroundings;
    this.clock = clock;
    this.folder = folder;
    this.sandbox = sandbox;
    this.vaultServer = vaultServer;
    this.awsServer = awsServer;
    this.env = env;
    this.#surroundings = surroundings;
    this.#options = options;
    this.vault = vaultPlace(vaultServer);
    this.aws = awsPlace(awsServer);
    this.file = filePlace(join(folder, 'app.env'));
    this.slack = new Team(sandbox);
    this.pagerduty = new Oncall(sandbox);
    this.application = new Application([this.vault, this.aws, this.file], {
      url: sandbox.frameflow.url,
      ca: sandbox.ca,
    });
    this.#nextTick = clock.time + this.#tickEvery;
  }

  get daemon(): RunningDaemon {
    const daemon = this.#killable ?? this.#daemon;
    if (daemon === null) throw new Error('no daemon runs in this world');
    return daemon;
  }

  /** The daemon of a world made with `killable`. */
  get killable(): KillableDaemon {
    if (this.#killable === null) throw new Error('this world was made without killable: true');
    return this.#killable;
  }

  get state() {
    return this.daemon.engine.context.state;
  }

  /** The world's time, ms. */
  get time(): number {
    return this.clock.time;
  }

  get configFile(): string {
    return join(this.folder, 'keywarden.yaml');
  }

  /** Writes the configuration for the next start. */
  async configure(settings: WorldSettings): Promise<void> {
    const { folder, sandbox, vaultServer, awsServer } = this;
    const document = settingsDocument(settings, {
      folder,
      sandbox,
      vault: vaultServer.url,
      aws: awsServer.url,
    });
    await writeFile(this.configFile, JSON.stringify(document, null, 2));
  }

  /** Starts a daemon on what is there, and lets it come to rest. */
  async start(): Promise<void> {
    const { config } = await loadConfig({ files: [this.configFile], env: this.env, cwd: this.folder });
    const clock = this.clock.daemon();
    const log = createLog(
      { level: 'debug', format: 'json', now: () => clock.now() },
      { write: (line) => this.logged.push(line) },
    );
    const { killable = false } = this.#options;
    this.starts += 1;
    this.#daemonClock = clock;
    if (killable === false) this.#daemon = await startDaemon(config, clock, log);
    else {
      const boundaries = killable === true ? undefined : killable;
      this.#killable = await startKillable(config, clock, log, boundaries);
    }
    await this.settle();
  }

  /** As SIGTERM. */
  async stop(): Promise<void> {
    await this.daemon.stop();
    this.#forget();
  }

  /** As SIGKILL, now. */
  kill(): void {
    this.killable.kill();
    this.#forget();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  #forget(): void {
    this.#daemonClock?.drop();
    this.#daemon = null;
    this.#killable = null;
  }

  /** Lets everything that is due now happen, real I/O included; a daemon that died is started again. */
  async settle(): Promise<void> {
    for (;;) {
      if (this.#killable?.dead === true) {
        this.#forget();
        await this.start();
      }
      const fired = this.clock.fireDue();
      const waits = this.#daemonClock?.waits ?? 0;
      const active = (this.#killable ?? this.#daemon)?.engine.active ?? 0;
      if (active <= waits && !fired) return;
      await turnOfTheEventLoop();
    }
  }

  /** What the schedule does again and again: turns the loop and polls the log. */
  async poll(): Promise<void> {
    const { engine } = this.daemon;
    let done = false;
    // A daemon that dies meanwhile never ends either.
    void engine
      .reconcile()
      .then(() => engine.pollLogs())
      .then(() => {
        done = true;
      });
    while (!done && this.#killable?.dead !== true) await turnOfTheEventLoop();
    await this.settle();
  }

  /** Moves time on, from one due moment to the next. @throws {Error} where the application was refused */
  async advance(duration: string | number): Promise<void> {
    const ms = typeof duration === 'number' ? duration : parseDuration(duration);
    if (ms === null) throw new RangeError(`${duration} is no duration`);
    await this.#moveUntil(() => false, this.time + ms);
  }

  /** Moves time on until the condition holds. @throws {Error} where it does not within `limit` */
  async until(condition: () => boolean | Promise<boolean>, limit = '120d'): Promise<void> {
    const end = this.time + (parseDuration(limit) ?? 0);
    if (!(await this.#moveUntil(condition, end))) throw new Error(`it did not come to that within ${limit}`);
  }

  async #moveUntil(condition: () => boolean | Promise<boolean>, end: number): Promise<boolean> {
    await this.settle();
    for (;;) {
      await this.#work();
      if (await condition()) return true;
      const next = Math.min(this.clock.nextTimer ?? Number.POSITIVE_INFINITY, this.#nextTick);
      if (next > end) break;
      this.clock.moveTo(next);
      await this.settle();
      if (this.time >= this.#nextTick) await this.#tick();
    }
    this.clock.moveTo(end);
    await this.settle();
    await this.#work();
    return condition();
  }

  async #tick(): Promise<void> {
    this.#nextTick = this.time + this.#tickEvery;
    if ((this.#killable ?? this.#daemon) !== null) await this.poll();
  }

  get #tickEvery(): number {
    return this.#options.every ?? DAY;
  }

  async #work(): Promise<void> {
    if (this.#options.application === false) return;
    const faults = await this.application.work();
    if (faults.length === 0) return;
    throw new Error(`at ${formatTime(this.time)}: ${faults.join('; ')}\n${await this.#describe()}`);
  }

  async #describe(): Promise<string> {
    if ((this.#killable ?? this.#daemon) === null) return 'no daemon runs';
    return JSON.stringify(await this.credential(), null, 1);
  }

  async credential(name = CREDENTIAL): Promise<CredentialSnapshot> {
    const snapshot = await this.state.credential(name);
    if (snapshot === null) throw new Error(`the state knows no ${name}`);
    return snapshot;
  }

  /** Oldest first. */
  async rotations(credential = CREDENTIAL): Promise<readonly Rotation[]> {
    return (await this.state.rotations({ credential, limit: 1_000 })).items.toReversed();
  }

  /** The latest rotation. */
  async rotation(credential = CREDENTIAL): Promise<Rotation> {
    const last = (await this.rotations(credential)).at(-1);
    if (last === undefined) throw new Error(`${credential} was never rotated`);
    return last;
  }

  /** Oldest first. */
  async alerts(kind?: string): Promise<readonly Alert[]> {
    const all = (await this.state.alerts({ limit: 1_000 })).items.toReversed();
    return kind === undefined ? all : all.filter((alert) => alert.kind === kind);
  }

  /** How many requests this daemon has sent to the provider. */
  providerCalls(): number {
    const { counters } = this.daemon.engine.context;
    return counters.counted('provider_requests_total').reduce((sum, { value }) => sum + value, 0);
  }

  /** Asks for a rotation as an operator does, and lets what can happen at once happen. */
  async rotate(
    options: { readonly emergency?: boolean; readonly credential?: string } = {},
  ): Promise<Rotation> {
    const { emergency = false, credential = CREDENTIAL } = options;
    const request = { emergency, reason: 'a test', actor: 'ops', requestKey: null };
    const rotation = await this.daemon.commands.rotate(credential, request);
    await this.settle();
    return rotation;
  }

  async end(): Promise<void> {
    this.sandbox.admin.clearFaults();
    this.vaultServer.fault = null;
    this.awsServer.fault = null;
    const daemon = this.#killable ?? this.#daemon;
    await daemon?.stop();
    this.#forget();
    await this.#surroundings.end();
  }
}

function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
