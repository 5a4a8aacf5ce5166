import type { Api } from '../api/api.ts';
import type { Config } from '../config/types.ts';
import { Commands } from '../engine/commands.ts';
import type { EngineContext, Plugins } from '../engine/context.ts';
import { Engine } from '../engine/engine.ts';
import { type Succession, succeed } from '../engine/succession.ts';
import { KeywardenError, type Log, SECOND, type Secret } from '../model/index.ts';
import { readMasterKeys } from './master-keys.ts';

/** What lasts as long as the process, whatever is configured. */
export type Lasting = Omit<EngineContext, 'config' | 'plugins' | 'log'>;

/** What one configuration brings. */
export type Reign = { readonly engine: Engine; readonly commands: Commands; readonly plugins: Plugins };

type Parts = {
  readonly lasting: Lasting;
  readonly api: Api;
  /** The master keys that the state was opened with. */
  readonly keys: readonly Secret[];
};

/** A request that began by a former configuration may still need its plug-ins, ms. */
const CLOSE_AFTER = 30 * SECOND;

/** Makes the plug-ins of a configuration; their code is loaded when it is needed. */
export async function pluginsOf(config: Config, parts: Lasting, log: Log): Promise<Plugins> {
  const { loadPlugins } = await import('../engine/plugins.ts');
  const { clock, hash, counters } = parts;
  return loadPlugins(config, { clock, hash, log, counters });
}

/** The engines of a daemon, one after the other: each has a configuration of its own, and all of them one state. */
export class Reigns {
  #current: Reign;
  readonly #parts: Parts;
  readonly #stopping = new AbortController();
  /** Those whose last work is still in flight, and the plug-ins it needs. */
  readonly #former = new Map<Engine, Plugins>();
  /** What exchanges the engine, or needs that nobody does, one after the other. */
  #reloading: Promise<unknown> = Promise.resolve();

  constructor(first: Reign, parts: Parts) {
    this.#current = first;
    this.#parts = parts;
  }

  get current(): Reign {
    return this.#current;
  }

  /** See {@link import('./daemon.ts').Daemon.reload}. */
  reload(config: Config, log: Log): Promise<void> {
    return this.#alone(() => this.#reload(config, log));
  }

  /** Waits for a reload that is under way, and stops what runs then, and what is left of those before. */
  async stop(): Promise<void> {
    this.#stopping.abort(stopped());
    await this.#reloading;
    await Promise.all([this.#current.engine, ...this.#former.keys()].map((engine) => engine.stop()));
  }

  /** Closes the plug-ins. */
  async close(): Promise<void> {
    const all = new Set([this.#current.plugins, ...this.#former.values()]);
    await Promise.all([...all].map((plugins) => plugins.close()));
  }

  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#reloading.then(work);
    this.#reloading = done.catch(() => undefined);
    return done;
  }

  async #reload(config: Config, log: Log): Promise<void> {
    const { lasting, keys } = this.#parts;
    this.#stopping.signal.throwIfAborted();
    await checkKeys(config, keys);
    const plugins = await pluginsOf(config, lasting, log);
    const former = this.#current;
    let done: Succession;
    try {
      const engine = new Engine({ ...lasting, config, plugins, log }, former.engine);
      const next = { engine, commands: new Commands(engine), plugins };
      // All that can fail comes before the one that runs is touched.
      const answer = await this.#prepare(next);
      this.#stopping.signal.throwIfAborted();
      done = await succeed(former.engine, engine, this.#stopping.signal);
      if (done.engine === engine) {
        this.#current = next;
        answer();
      }
    } catch (error) {
      await plugins.close();
      throw error;
    }
    if (done.error === null) void this.#endFormer(former, done.ended, log);
    else {
      await plugins.close();
      await this.#goOn(former, done, log);
      throw done.error;
    }
  }

  /** Closes the former plug-ins once nothing needs them any more; where the former configuration goes on they are in use. */
  async #endFormer(former: Reign, ended: Succession['ended'], log: Log): Promise<void> {
    const { plugins } = former;
    this.#former.set(former.engine, plugins);
    await ended;
    if (this.#stopping.signal.aborted) return;
    try {
      await this.#alone(() => this.#tellEnded());
      await this.#pause(CLOSE_AFTER);
      // By then nobody asks the former one for anything any more.
      await this.#alone(() => this.#tellEnded());
      if (this.#stopping.signal.aborted) return;
      this.#former.delete(former.engine);
      if (!this.#uses(plugins)) await plugins.close();
    } catch (error) {
      log.warn({ error }, 'what the former configuration left could not all be ended; a restart ends it');
    }
  }

  /** Its successor may have been replaced meanwhile: only the one in force knows what is configured. */
  async #tellEnded(): Promise<void> {
    if (!this.#stopping.signal.aborted) await this.#current.engine.formerEnded();
  }

  /** Once the process stops nobody waits for its end any more. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.lasting.clock.after(ms, resolve));
  }

  #uses(plugins: Plugins): boolean {
    return [this.#current.plugins, ...this.#former.values()].includes(plugins);
  }

  /** With the configuration, the plug-ins and the certificates of before, also where their files are gone by now. */
  async #goOn(former: Reign, done: Succession, log: Log): Promise<void> {
    const { engine } = done;
    if (engine === former.engine) return;
    const commands = new Commands(engine);
    this.#current = { ...former, engine, commands };
    void this.#endFormer(former, done.ended, log);
    const { continueApi } = await import('../api/api.ts');
    continueApi(this.#parts.api, { engine, commands, grants: engine.grants });
  }

  async #prepare({ engine, commands }: Reign): Promise<() => void> {
    const { prepareApi } = await import('../api/api.ts');
    const { config } = engine.context;
    return prepareApi(this.#parts.api, { engine, commands, grants: engine.grants }, config.api);
  }
}

/** The state was opened with the keys that were there at the start. @throws {KeywardenError} */
async function checkKeys(config: Config, keys: readonly Secret[]): Promise<void> {
  const now = await readMasterKeys(config);
  if (now.length === keys.length && now.every((key, index) => keys[index]?.equals(key) === true)) return;
  throw new KeywardenError(
    'restart_needed',
    'state.encryptionKeys holds other master keys than at the start, and the state is sealed anew at the start only; put the former back and reload, or restart Keywarden',
  );
}

function stopped(): KeywardenError {
  return new KeywardenError('stopping', 'Keywarden stops; the configuration was not reloaded');
}
