import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import {
  ConfigError,
  changedParts,
  filesReadOnce,
  fixedFaults,
  type Loaded,
  loadConfig,
  readConfig,
  renderFault,
} from '../config/index.ts';
import type { Config } from '../config/types.ts';
import { StandstillError } from '../engine/succession.ts';
import type { Change, Clock, Log, Signal } from '../model/index.ts';
import { KeywardenError } from '../model/index.ts';
import { createLog } from '../telemetry/log.ts';
import { changedFiles, identitiesOf } from './config-watch.ts';
import type { Daemon } from './daemon.ts';
import { anatomy } from './exit.ts';
import { filesNamed } from './reload-files.ts';
import { type Cause, refusal, refused, reloaded, resolved } from './reload-report.ts';
import type { StandingLog } from './standing-log.ts';

/** A configuration, and what the files beside it were when it was loaded. */
export type InForce = { readonly loaded: Loaded; readonly files: ReadonlyMap<string, string> };

/** Loads a configuration for `run`. @throws {ConfigError} */
export async function loadInForce(files: readonly string[] | undefined): Promise<InForce> {
  const loaded = await loadConfig(at(files));
  return { loaded, files: await identitiesOf(filesReadOnce(loaded.config)) };
}

/**
 * What the files of a configuration, and all that it names, are before it is loaded: what changes after that is seen later. Where
 * the configuration has a fault of its own, it names nothing.
 */
export async function lookAhead(files: readonly string[] = []): Promise<ReadonlyMap<string, string>> {
  const { config, sources } = await readConfig({ ...at(files), offline: true });
  const named = config === null ? [] : filesNamed(config);
  const asked = files.map((file) => resolve(file));
  return identitiesOf([...new Set([...asked, ...sources, ...named])]);
}

function at(files: readonly string[] = []) {
  return { files, env: process.env, cwd: process.cwd() };
}

type ReloadParts = {
  readonly daemon: Daemon;
  readonly clock: Clock;
  /** Of what lasts as long as the process; it goes by the configuration in force. */
  readonly log: StandingLog;
  /** Is told of the configuration in force after each reload. */
  readonly took: (config: Config) => void;
};

/**
 * Replaces the configuration of a running daemon, one reload at a time. What is asked for during one is done once more
 * after it. Nothing is taken over of a configuration with a fault: that is logged, audited and told, until a reload goes
 * well.
 */
export class Reloads {
  readonly #parts: ReloadParts;
  #inForce: InForce;
  #log: Log;
  /** What the files were before the last load; none: they were not looked at. */
  #seen: ReadonlyMap<string, string>;
  /** The last load was refused: all that it named may be what it lacks. */
  #refused = false;
  #asked: Cause | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  /** @param seen what {@link lookAhead} gave before the configuration in force was loaded; absent: its files are not watched */
  constructor(inForce: InForce, parts: ReloadParts, seen: ReadonlyMap<string, string> = new Map()) {
    this.#inForce = inForce;
    this.#parts = parts;
    this.#log = parts.log.log;
    this.#seen = seen;
  }

  /**
   * The files whose change asks for a reload, and what they were before the last load: the configuration's, and those that are read
   * with it. Where the last one was refused, also all that it named: what it lacks may come.
   */
  get files(): ReadonlyMap<string, string> {
    const { loaded, files } = this.#inForce;
    const own = [...loaded.sources, ...files.keys()];
    const all = this.#refused ? [...own, ...this.#seen.keys()] : own;
    return new Map(
      all.flatMap((path) => {
        const before = this.#seen.get(path) ?? files.get(path);
        return before === undefined ? [] : [[path, before] as const];
      }),
    );
  }

  /** Ends what an earlier process has told of a configuration that it did not take. */
  async begin(): Promise<void> {
    await this.#tell([], [resolved(this.#parts.clock.now())]);
  }

  /** @throws {StandstillError} by way of an unhandled rejection: the process has to end */
  ask(cause: Cause): void {
    this.#asked = cause;
    this.#running ??= this.#all().finally(() => {
      this.#running = null;
    });
  }

  /** Begins no more. One that is under way is ended by the daemon's stop. */
  stop(): void {
    this.#stopped = true;
  }

  async #all(): Promise<void> {
    for (let cause = this.#asked; cause !== null && !this.#stopped; cause = this.#asked) {
      this.#asked = null;
      await this.#reload(cause);
    }
  }

  async #reload(cause: Cause): Promise<void> {
    this.#log.info({ cause }, 'the configuration is loaded anew');
    let next: InForce | null = null;
    try {
      this.#seen = await lookAhead(this.#inForce.loaded.sources);
      next = await loadInForce(this.#inForce.loaded.sources);
      for (const warning of next.loaded.warnings)
        this.#log.warn({ keyPath: warning.keyPath }, renderFault(warning));
      const changed = changesOf(this.#inForce, next);
      if (changed.length > 0) await this.#take(next);
      this.#refused = false;
      await this.#done(cause, changed);
    } catch (error) {
      if (this.#stopped) return;
      this.#refused = true;
      await this.#failed(cause, error, next);
      if (error instanceof StandstillError) throw error;
    }
  }

  async #take(next: InForce): Promise<void> {
    const [before, after] = [this.#inForce.loaded, next.loaded];
    const fixed = fixedFaults(before.config, after.config, after.written);
    if (fixed.length > 0) throw new ConfigError(fixed);
    const sameLog = isDeepStrictEqual(before.config.log, after.config.log);
    const log = sameLog ? this.#log : createLog(after.config.log);
    await this.#parts.daemon.reload(after.config, log);
    this.#inForce = next;
    this.#log = log;
    if (!sameLog) this.#parts.log.exchange(log);
    this.#parts.took(after.config);
  }

  async #done(cause: Cause, changed: readonly string[]): Promise<void> {
    const now = this.#parts.clock.now();
    const audit = changed.length === 0 ? [] : [reloaded(cause, changed, now)];
    await this.#tell(audit, [resolved(now)]);
    if (changed.length === 0) this.#log.info({ cause }, 'nothing has changed in the configuration; it stays');
    else this.#log.info({ cause, changed }, 'the configuration was reloaded');
  }

  async #failed(cause: Cause, error: unknown, next: InForce | null): Promise<void> {
    const { sources } = (next ?? this.#inForce).loaded;
    const why = refusal(error, sources);
    const unforeseen = error instanceof KeywardenError ? {} : anatomy(error);
    this.#log.error(
      { cause, faults: why.faults, ...unforeseen },
      `the configuration was not reloaded, the one before stays in force: ${why.first}; to do: ${why.action}`,
    );
    const now = this.#parts.clock.now();
    await this.#tell([refused(cause, why, now)], [why.signal(cause, now)]);
  }

  async #tell(changes: readonly Change[], signals: readonly Signal[]): Promise<void> {
    try {
      await this.#parts.daemon.engine.submit(changes, signals);
    } catch (error) {
      this.#log.error({ error }, 'what became of the reload could not be kept in the state');
    }
  }
}

/** The names of what differs; nothing: a reload has nothing to do. */
function changesOf(before: InForce, after: InForce): readonly string[] {
  return [
    ...changedParts(before.loaded.written.values, after.loaded.written.values),
    ...changedFiles(before.files, after.files),
  ];
}
