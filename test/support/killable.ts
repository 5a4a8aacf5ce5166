import { randomUUID } from 'node:crypto';
import { copyFileSync, existsSync, renameSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { readMasterKeys } from '../../src/cli/master-keys.ts';
import type { Config } from '../../src/config/index.ts';
import { Commands } from '../../src/engine/commands.ts';
import type { Plugins } from '../../src/engine/context.ts';
import { Engine } from '../../src/engine/engine.ts';
import { createKeyedHash } from '../../src/engine/hash.ts';
import { WHILE_IT_LIVES } from '../../src/engine/loop.ts';
import { loadPlugins } from '../../src/engine/plugins.ts';
import type { Change, Claim, Log } from '../../src/model/index.ts';
import { rules } from '../../src/rotation/index.ts';
import type { Hold, State, StateError } from '../../src/state/contract.ts';
import { KeyRing } from '../../src/state/sealing.ts';
import { openSpool } from '../../src/state/spool-file.ts';
import { openState } from '../../src/state/sqlite/index.ts';
import { openFile } from '../../src/state/sqlite/open.ts';
import { Counters } from '../../src/telemetry/counters.ts';
import type { DaemonClock } from './virtual-clock.ts';

/** Told of every boundary, in order; true: the process dies here. */
export type Boundaries = (name: string) => boolean;

export type KillableDaemon = {
  readonly engine: Engine;
  readonly commands: Commands;
  readonly api: null;
  /** The open database, to fill it up or to take the right to write. */
  readonly database: DatabaseSync;
  /** What every write is refused with while it is set: a full disk. Only SQLite's own tests fill up a real one. */
  refusal: StateError | null;
  /** True once it was killed. */
  readonly dead: boolean;
  /** As SIGKILL: what is under way never goes on, the database is left as it is on the disk. */
  kill(): void;
  stop(): Promise<void>;
};

/** The calls whose begin and end are boundaries: every commit, and every effect on the world. */
const EFFECTS: readonly string[] = [
  'mint',
  'verify',
  'readLog',
  'preflight',
  'readBack',
  'publish',
  'renewLogin',
  'run',
  'deliver',
];

/** A daemon, wired as `startDaemon` does, that can die between any two of its calls to the state and to plug-ins. */
export async function startKillable(
  config: Config,
  clock: DaemonClock,
  log: Log,
  boundaries: Boundaries = () => false,
): Promise<KillableDaemon> {
  const file = config.state.database;
  const opened = openFile(file);
  const masterKeys = await readMasterKeys(config);
  const keys = new KeyRing(masterKeys);
  const owner = `${config.installation.name}-${process.pid}`;
  const state = await openState(opened, { file, keys, now: () => clock.now(), owner });
  const hash = createKeyedHash(await state.fingerprintKey());
  const counters = new Counters();
  const plugins = await loadPlugins(config, { clock, hash, log, counters });
  const life = new Life(boundaries, () => {
    clock.drop();
    leaveAsKilled(opened.database, file);
    void plugins.close();
  });
  const spool = openSpool({
    database: file,
    keys: masterKeys,
    torn: (error) => log.error({ error }, error.message),
  });
  const engine = new Engine({
    config,
    state: mortalState(state, life),
    spool: mortal(spool, life, (method) => (SPOOLING.has(method) ? `${method} at the spool` : null)),
    rules,
    claimFor: WHILE_IT_LIVES,
    plugins: mortalPlugins(plugins, life),
    clock,
    hash,
    log,
    counters,
    newId: randomUUID,
  });
  // A kill during the start leaves it hanging, as everything else of that process.
  await Promise.race([engine.start(), life.ended]);
  return {
    engine,
    commands: new Commands(engine),
    api: null,
    database: opened.database,
    get refusal() {
      return life.refusal;
    },
    set refusal(refusal) {
      life.refusal = refusal;
    },
    get dead() {
      return !life.alive;
    },
    kill: () => life.end(),
    stop: async () => {
      await engine.stop();
      await plugins.close();
      await state.close();
    },
  };
}

/** One process's life, as far as its calls go. */
class Life {
  alive = true;
  refusal: StateError | null = null;
  readonly ended: Promise<void>;
  readonly #boundaries: Boundaries;
  readonly #end: () => void;

  constructor(boundaries: Boundaries, atEnd: () => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#boundaries = boundaries;
    this.#end = () => {
      atEnd();
      resolve();
    };
  }

  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#end();
  }

  pass(name: string): void {
    if (this.alive && this.#boundaries(name)) this.end();
  }

  /** Makes the call; never returns once the process is dead, whatever came of it. */
  async call<T>(name: string | null, run: () => Promise<T>): Promise<T> {
    if (name !== null) this.pass(`before ${name}`);
    if (!this.alive) return NEVER;
    const outcome = await Promise.allSettled([run()]);
    if (name !== null) this.pass(`after ${name}`);
    if (!this.alive) return NEVER;
    const [settled] = outcome;
    if (settled.status === 'rejected') throw settled.reason;
    return settled.value;
  }
}

const NEVER = new Promise<never>(() => undefined);

type Method = (...args: readonly unknown[]) => Promise<unknown>;

function mortal<T extends object>(
  target: T,
  life: Life,
  nameOf: (method: string, args: readonly unknown[]) => string | null,
): T {
  return new Proxy(target, {
    get(object, property) {
      const member: unknown = Reflect.get(object, property, object);
      if (typeof member !== 'function' || typeof property !== 'string') return member;
      const method = (member as Method).bind(object);
      if (SYNCHRONOUS.has(property)) return method;
      return (...args: readonly unknown[]) => life.call(nameOf(property, args), () => method(...args));
    },
  });
}

const SYNCHRONOUS = new Set(['malformed', 'mismatch', 'parseMint', 'seenClock']);
const SPOOLING = new Set(['reserve', 'save', 'clear']);

function mortalState(state: State, life: Life): State {
  const refusing: State = {
    ...state,
    ...refusingWrites(state, life),
  };
  return mortal(refusing, life, (method, args) =>
    method === 'commit' ? commitName(args[0] as readonly Change[], args[1] as CommitOptions) : null,
  );
}

function refusingWrites(state: State, life: Life): Pick<State, 'claim' | 'commit' | 'prove'> {
  const write = async <T>(run: () => Promise<T>): Promise<T> => {
    if (life.refusal !== null) throw life.refusal;
    return run();
  };
  return {
    claim: (lane, query) => write(() => state.claim(lane, query)),
    commit: (changes, options) => write(() => state.commit(changes, options)),
    prove: () => write(() => state.prove()),
  };
}

type CommitOptions = { readonly hold?: Hold; readonly under?: Claim } | undefined;

/** `commit of credential: rotation (verifying), version (pending)`. */
function commitName(changes: readonly Change[], options: CommitOptions): string {
  const claim = options?.hold?.claim ?? options?.under;
  const written = changes.filter(({ type }) => !type.endsWith('.expect'));
  const parts = written.map((change) => {
    const kind = change.type.split('.')[0] ?? '';
    if (change.type === 'rotation.put') return `${kind} (${change.rotation.state})`;
    if (change.type === 'version.put') return `${kind} (${change.version.state})`;
    return kind;
  });
  return `the commit of ${claim?.kind ?? 'nobody'}: ${[...new Set(parts)].join(', ') || 'only its due time'}`;
}

function mortalPlugins(plugins: Plugins, life: Life): Plugins {
  const all = <T extends object>(made: ReadonlyMap<string, T>): Map<string, T> =>
    new Map(
      [...made].map(([name, plugin]) => [
        name,
        mortal(plugin, life, (method) => (EFFECTS.includes(method) ? `${method} at ${name}` : null)),
      ]),
    );
  return {
    providers: all(plugins.providers),
    clients: all(plugins.clients),
    stores: all(plugins.stores),
    channels: all(plugins.channels),
    hooks: all(plugins.hooks),
    countries: plugins.countries,
    close: () => plugins.close(),
  };
}

/**
 * Frees the file's lock, which only the end of a process does, and leaves beside it what a kill would: closing in good
 * order would fold the write-ahead log into the database, and no recovery would be tried.
 */
function leaveAsKilled(database: DatabaseSync, file: string): void {
  const parts = [file, `${file}-wal`].filter((path) => existsSync(path));
  for (const path of parts) copyFileSync(path, `${path}.killed`);
  database.close();
  for (const path of parts) renameSync(`${path}.killed`, path);
}
