import { type Api, openListeners } from '../api/listeners.ts';
import type { AgentConfig, AgentCredential } from '../config/agent/types.ts';
import { createFiles } from '../files/index.ts';
import { type Clock, failureOf, type Hash, type Log, type Net, SECOND, type Secret } from '../model/index.ts';
import { Bell } from './bell.ts';
import { Follower } from './follow.ts';
import { Holdings } from './holdings.ts';
import { HookRunner } from './hook.ts';
import type { Jitter } from './jitter.ts';
import { agentName } from './name.ts';
import { type AgentPlugins, connectUpstream, loadAgentPlugins } from './plugins.ts';
import { Publisher } from './publish.ts';
import { Reporter } from './report.ts';
import { localRoutes } from './routes.ts';
import { Upstream } from './upstream.ts';
import { type Place, recordKey } from './visit.ts';

/** How long the end waits for the upstream to take notice, ms. */
const FAREWELL = 2 * SECOND;

/** What an agent is made of. */
export type AgentParts = {
  readonly config: AgentConfig;
  /** The master keys: the first seals, all open. */
  readonly keys: readonly Secret[];
  /** The name of the machine or pod. */
  readonly host: string;
  readonly clock: Clock;
  readonly hash: Hash;
  readonly log: Log;
};

/** A running agent. */
export type Agent = {
  readonly name: string;
  readonly api: Api;
  /** What is lacking until every configured credential is held and published; empty: ready. */
  faults(): readonly string[];
  /** Resolves once it is ready for the first time, or stopped. */
  ready(): Promise<void>;
  /** Ends or parks what is under way, within ten seconds. */
  stop(): Promise<void>;
};

/** One credential and all that works on it. */
type Desk = {
  readonly name: string;
  readonly follower: Follower;
  readonly publishers: readonly Publisher[];
  readonly runners: readonly HookRunner[];
  /** Rings when another version is held. */
  readonly news: Bell;
};

/**
 * Starts an agent: what it holds, its files, its local API, and one request after the other to its upstream. It holds no
 * provider's key but those that this gives it, and never mints.
 *
 * @throws {KeywardenError} with what failed and what to do; everything opened until then is closed
 */
export async function startAgent(parts: AgentParts): Promise<Agent> {
  const { config, log, clock } = parts;
  const opened: Array<() => Promise<void>> = [];
  const closeAll = async () => {
    await Promise.all(
      opened.map((close) =>
        close().catch((error: unknown) => log.error({ error }, 'a part of the agent did not close')),
      ),
    );
  };
  try {
    const files = createFiles();
    const installation = `${config.installation.name}/${config.installation.environment}`;
    const holdings = await Holdings.open({
      directory: config.state.directory,
      keys: parts.keys,
      installation,
      credentials: Object.keys(config.credentials),
      files,
    });
    const plugins = await loadAgentPlugins(config, { ...parts, files });
    opened.push(() => plugins.close());
    await tidy(config, plugins, log);
    const connect = (): Upstream => {
      const net: Net = connectUpstream(config.upstream);
      opened.push(() => net.close());
      return new Upstream({ config: config.upstream, installation, net });
    };
    const house = new House(parts, { holdings, plugins, connect });
    const routes = localRoutes({
      holdings,
      news: house.news,
      faults: () => house.faults(),
      notes: () => house.notes(),
    });
    const api = await openListeners(routes, { api: config.api, log, now: () => clock.now() });
    opened.push(() => api.close());
    house.start();
    const stop = async () => {
      const ended = house.stop();
      await house.farewell();
      await closeAll();
      await ended;
    };
    return {
      name: house.name,
      api,
      faults: () => house.faults(),
      ready: () => house.ready(),
      stop,
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** What a crash has left beside the files. What cannot be removed is told, and harms nothing. */
async function tidy({ credentials }: AgentConfig, { store }: AgentPlugins, log: Log): Promise<void> {
  const targets = Object.values(credentials).flatMap(({ destinations }) =>
    destinations.map(({ target }) => target),
  );
  try {
    await store.tidy?.(targets);
  } catch (error) {
    log.warn({ failure: failureOf(error) }, 'what a crash may have left beside the files stays');
  }
}

type Means = {
  readonly holdings: Holdings;
  readonly plugins: AgentPlugins;
  readonly connect: () => Upstream;
};

/** Everything that runs, and what is known of it. */
class House {
  readonly name: string;
  readonly #holdings: Holdings;
  readonly news: ReadonlyMap<string, Bell>;
  readonly #desks: readonly Desk[];
  readonly #reporter: Reporter;
  readonly #moved = new Bell();
  readonly #stopping = new AbortController();
  #running: Promise<unknown> = Promise.resolve();

  constructor({ config, host, clock, hash, log }: AgentParts, means: Means) {
    this.name = config.name ?? agentName(config.installation.name, host);
    this.#holdings = means.holdings;
    const jitter: Jitter = (...of) => hash.unit(this.name, ...of);
    const shared = { clock, jitter, log };
    this.#desks = Object.values(config.credentials).map((credential) =>
      this.#desk(credential, means, shared),
    );
    this.news = new Map(this.#desks.map(({ name, news }) => [name, news]));
    this.#reporter = new Reporter({
      name: this.name,
      upstream: means.connect(),
      delivered: () => this.#delivered(),
      ...shared,
    });
  }

  #desk(
    { name, destinations }: AgentCredential,
    { holdings, plugins, connect }: Means,
    shared: { readonly clock: Clock; readonly jitter: Jitter; readonly log: Log },
  ): Desk {
    const news = new Bell();
    const runners: HookRunner[] = [];
    const publishers: Publisher[] = [];
    const changed = () => {
      this.#moved.ring();
      this.#reporter.wake();
    };
    const follower: Follower = new Follower({
      credential: name,
      upstream: connect(),
      holdings,
      ...shared,
      changed: () => {
        news.ring();
        for (const publisher of publishers) publisher.wake();
        changed();
      },
    });
    for (const destination of destinations) {
      const place: Place = { credential: name, destination, store: plugins.store, holdings, log: shared.log };
      const hook = plugins.hooks.get(recordKey(name, destination.id));
      const runner = hook && new HookRunner({ ...place, hook, clock: shared.clock });
      if (runner !== undefined) runners.push(runner);
      const arrived = () => {
        runner?.wake();
        changed();
      };
      publishers.push(new Publisher({ ...place, ...shared, follower, changed: arrived }));
    }
    return { name, follower, publishers, runners, news };
  }

  start(): void {
    const { signal } = this.#stopping;
    const loops = this.#desks.flatMap(({ follower, publishers, runners }) => [
      follower,
      ...publishers,
      ...runners,
    ]);
    this.#running = Promise.all([...loops, this.#reporter].map((loop) => loop.run(signal)));
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async farewell(): Promise<void> {
    await this.#reporter.farewell(AbortSignal.timeout(FAREWELL));
  }

  async ready(): Promise<void> {
    const { signal } = this.#stopping;
    for (;;) {
      const since = this.#moved.count;
      if (this.faults().length === 0 || signal.aborted) return;
      await this.#moved.wait(since, { signal });
    }
  }

  faults(): readonly string[] {
    return this.#desks.flatMap(({ name, follower, publishers }) => {
      if (this.#holdings.version(name) === null)
        return [
          `${name} is not held yet: ${follower.trouble?.message ?? 'the upstream has not answered yet'}`,
        ];
      return publishers
        .filter(({ isPublished }) => !isPublished)
        .map(({ id, trouble }) => `${name}: ${id}: ${trouble?.message ?? 'not written yet'}`);
    });
  }

  notes(): readonly string[] {
    return this.#desks.flatMap(({ name, follower }) =>
      follower.trouble === null || this.#holdings.version(name) === null
        ? []
        : [`${name}: ${follower.trouble.message}; what is held is served on`],
    );
  }

  /** A version counts where every file of the credential has it; without files, where it is held. */
  #delivered(): Readonly<Record<string, number>> {
    const numbers = this.#desks.flatMap(({ name, publishers }) => {
      const held = this.#holdings.version(name)?.mark.number ?? null;
      const there = publishers.length === 0 ? [held] : publishers.map(({ number }) => number);
      const known = there.filter((number) => number !== null);
      return known.length < there.length ? [] : [[name, Math.min(...known)] as const];
    });
    return Object.fromEntries(numbers);
  }
}
