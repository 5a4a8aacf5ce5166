import type { AgentCredential } from '../config/agent/types.ts';
import { createFiles } from '../files/index.ts';
import { type Clock, type Failure, failureOf } from '../model/index.ts';
import { backoff } from '../rotation/backoff.ts';
import type { AgentParts } from './agent.ts';
import { Bell } from './bell.ts';
import { isSame } from './held.ts';
import { Holdings } from './holdings.ts';
import { type AgentPlugins, connectUpstream, loadAgentPlugins } from './plugins.ts';
import { Upstream } from './upstream.ts';
import { visit } from './visit.ts';

/** What came of one sync. */
export type Synced = {
  /** The files that have their version, and credentials without files that are held. */
  readonly done: ReadonlyArray<{
    readonly credential: string;
    readonly place: string;
    readonly version: number;
  }>;
  /** Credentials that were taken from what was held, for the upstream did not answer: a line each. */
  readonly stale: readonly string[];
  /** What is missing, a line each; empty: all is written. */
  readonly missing: readonly string[];
};

type Work = {
  readonly holdings: Holdings;
  readonly plugins: AgentPlugins;
  readonly clock: Clock;
  readonly log: AgentParts['log'];
  /** Aborted once the time is up. */
  readonly late: AbortSignal;
};

/**
 * Fetches every configured credential once and writes its files, trying again until `timeout`, ms, is over. What could
 * not be fetched by then is written from what is held on disk. No hook is run, and none is owed for what is written here:
 * it runs before the application does.
 *
 * @throws {KeywardenError} where what is held cannot be opened
 */
export async function syncOnce(parts: AgentParts, timeout: number): Promise<Synced> {
  const { config, keys, clock, log } = parts;
  const files = createFiles();
  const installation = `${config.installation.name}/${config.installation.environment}`;
  const credentials = Object.values(config.credentials);
  const holdings = await Holdings.open({
    directory: config.state.directory,
    keys,
    installation,
    credentials: credentials.map(({ name }) => name),
    files,
  });
  const plugins = await loadAgentPlugins(withoutHooks(parts), { ...parts, files });
  const net = connectUpstream(config.upstream);
  const upstream = new Upstream({ config: config.upstream, installation, net });
  const over = new AbortController();
  const cancel = clock.after(timeout, () => over.abort());
  const work: Work = { holdings, plugins, clock, log, late: over.signal };
  try {
    const all = await Promise.all(
      credentials.map((credential) => syncCredential(credential, upstream, work)),
    );
    return {
      done: all.flatMap(({ done }) => done),
      stale: all.flatMap(({ stale }) => stale),
      missing: all.flatMap(({ missing }) => missing),
    };
  } finally {
    cancel();
    await plugins.close();
    await net.close();
  }
}

function withoutHooks({ config }: AgentParts): AgentParts['config'] {
  const credentials = Object.entries(config.credentials).map(([name, { destinations }]) => [
    name,
    { name, destinations: destinations.map((each) => ({ ...each, onChange: null })) },
  ]);
  return { ...config, credentials: Object.fromEntries(credentials) };
}

async function syncCredential(
  { name, destinations }: AgentCredential,
  upstream: Upstream,
  work: Work,
): Promise<Synced> {
  const { holdings } = work;
  const unreached = await untilDone(work, () => fetch(name, upstream, work));
  const held = holdings.version(name);
  if (held === null) return { done: [], stale: [], missing: [`${name}: ${unreached?.message ?? 'no time'}`] };
  const stale =
    unreached === null
      ? []
      : [`${name}: version ${held.mark.number} is taken from what is held on disk: ${unreached.message}`];
  const version = held.mark.number;
  if (destinations.length === 0)
    return { done: [{ credential: name, place: 'held', version }], stale, missing: [] };
  const written = await Promise.all(
    destinations.map(async (destination) => {
      const place = { credential: name, destination, store: work.plugins.store, holdings, log: work.log };
      const confirmed = () => unreached === null;
      const failure = await untilDone(work, () => visit(place, held, { confirmed, hooks: false }));
      return { place: destination.id, failure };
    }),
  );
  return {
    done: written
      .filter(({ failure }) => failure === null)
      .map(({ place }) => ({ credential: name, place, version })),
    stale,
    missing: written.flatMap(({ place, failure }) =>
      failure === null ? [] : [`${name}: ${place}: ${failure.message}`],
    ),
  };
}

async function fetch(name: string, upstream: Upstream, { holdings, late }: Work): Promise<void> {
  const have = holdings.version(name)?.mark ?? null;
  const answer = await upstream.current({
    credential: name,
    have,
    wait: 0,
    signal: late,
  });
  if (answer !== null && !isSame(have, answer.mark)) await holdings.take(answer);
}

/** Tries at least once, and until the time is up. Null: it was done; else why not. */
async function untilDone({ clock, late }: Work, attempt: () => Promise<void>): Promise<Failure | null> {
  const never = new Bell();
  let last: Failure | null = null;
  for (let attempts = 1; ; attempts += 1) {
    try {
      await attempt();
      return null;
    } catch (error) {
      const failure = failureOf(error);
      // A request that was cut off at the end says nothing; what failed before it does.
      if (failure.code !== 'aborted' || last === null) last = failure;
      if (late.aborted) return last;
      const ms = backoff(attempts, failure);
      await never.wait(never.count, { signal: late, after: { clock, ms } });
      if (late.aborted) return last;
    }
  }
}
