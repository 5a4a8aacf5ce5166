import type { MonitorConfig } from '../../config/types.ts';
import type { Feed, Locate, ManagedKey, WatchContext } from '../../detectors/contract.ts';
import { createWatch, type Watch } from '../../detectors/watch.ts';
import {
  type Change,
  type Claim,
  type CredentialSnapshot,
  EdgeError,
  type Failure,
  type Finding,
  failureOf,
  type LogEvent,
  type LogPage,
  MINUTE,
  type MonitorRecord,
  type Signal,
  type Version,
} from '../../model/index.ts';
import { currentVersion } from '../../rotation/index.ts';
import { StateError } from '../../state/contract.ts';
import type { CommitOptions, Committer } from '../commit.ts';
import { type EngineContext, named } from '../context.ts';
import { type FactsView, factsIn, managedKeys, supersededIn } from '../log-facts.ts';
import { keyAccepted, keyRefused } from '../log-reader.ts';
import { readSince, standstillOf } from '../log-standstill.ts';
import { openMemory } from './afresh.ts';
import { Backfill } from './backfill.ts';
import type { WatchMemory } from './memory.ts';
import { respond } from './respond.ts';
import { recordOf } from './take-over.ts';

/** Events of a page; the provider's own limit is 1,000. */
const PAGE = 1_000;

/** An event may arrive so long after its time: a lost cursor resumes this much before the last event seen. */
const LATE = 5 * MINUTE;

/** So often in succession a credential may change under the page that would rotate it. */
const RESPOND_LIMIT = 10;

/** A monitor is made due by the schedule; this only keeps its record in the table. */
const UNTIL_POLLED = 8_640_000_000_000_000;

/** One poll of one log: every page to the end, each committed with its cursor, what the detectors remember and their alerts. */
export async function turnMonitor(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  stopping: AbortSignal,
): Promise<void> {
  const { config, state, clock } = context;
  const monitor = config.monitors[claim.id];
  const release = { claim, next: UNTIL_POLLED };
  if (monitor === undefined) return state.commit([], { hold: { claim, next: null } });
  const locate = await freshCountries(context, monitor.name);
  let record = await recordOf(context, claim, monitor.name);
  const watch = createWatch(monitor.rules);
  const memory = await openMemory(context, committer, claim, watch);
  if (isUnread(record)) memory.backfill ??= new Backfill();
  for (;;) {
    const begun = clock.now();
    const reader = currentVersion((await state.credential(monitor.credential))?.versions ?? []);
    const page = await read(context, { monitor, record, begun }, reader);
    // The keys are read after the page: one minted and used while it was under way is no stranger's.
    const snapshots = await state.credentials();
    const keys = managedKeys(snapshots, await state.supersededBy(supersededIn(snapshots)));
    const poll: Poll = { monitor, watch, memory, locate, record, begun, reader, snapshots, keys };
    await tellReader(context, claim, poll, 'failure' in page ? page.failure : null);
    if ('failure' in page) {
      const folded = await afterFailure(poll, page.failure, clock.now());
      return commitPage(context, committer, poll, folded, { hold: release });
    }
    const folded = await afterPage(context, poll, page);
    record = folded.record;
    const last = !page.hasMore || stopping.aborted;
    await commitPage(context, committer, poll, folded, last ? { hold: release } : { under: claim });
    if (last) return;
  }
}

/** Where addresses lie by the monitor's country database, as it is now. One that cannot be read is told in the log, once. */
async function freshCountries({ plugins, clock, log }: EngineContext, monitor: string): Promise<Locate> {
  const countries = plugins.countries.get(monitor);
  if (countries === undefined) return () => null;
  const problem = await countries.refresh(clock.now());
  if (problem !== null) log.warn({ monitor }, `${monitor}: ${problem}`);
  return countries.locate;
}

type Poll = {
  readonly monitor: MonitorConfig;
  readonly watch: Watch;
  readonly memory: WatchMemory;
  readonly locate: Locate;
  readonly record: MonitorRecord;
  readonly begun: number;
  /** The version whose key read the log; null: there was none. */
  readonly reader: Version | null;
  readonly snapshots: readonly CredentialSnapshot[];
  readonly keys: readonly ManagedKey[];
};

/** A credential that is to be rotated may change under the page: then what is to be done is decided anew. */
async function commitPage(
  context: EngineContext,
  committer: Committer,
  { monitor }: Poll,
  { changes, findings, signals }: Folded,
  options: CommitOptions,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await respond(context, monitor, findings);
    const all = [...response.signals, ...signals];
    try {
      return await committer.commit([...changes, ...response.changes], all, options);
    } catch (error) {
      const moved = error instanceof StateError && (error.code === 'stale' || error.code === 'conflict');
      if (!moved || response.changes.length === 0 || attempt === RESPOND_LIMIT) throw error;
    }
  }
}

/** What the poll showed of the key that read. Where its credential has changed meanwhile, the next poll sees again. */
async function tellReader(
  { state, clock }: EngineContext,
  claim: Claim,
  { monitor, record, reader, snapshots }: Poll,
  failure: Failure | null,
): Promise<void> {
  const snapshot = snapshots.find(({ record: { name } }) => name === monitor.credential);
  const changes =
    failure === null
      ? keyAccepted({ snapshot, reader }, clock.now())
      : keyRefused({ snapshot, reader, failures: record.attempts + 1 }, failure, clock.now());
  if (changes.length === 0) return;
  try {
    await state.commit(changes, { under: claim });
  } catch (error) {
    if (!(error instanceof StateError && error.code === 'stale')) throw error;
  }
}

type Folded = {
  readonly record: MonitorRecord;
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  /** What else is told. */
  readonly signals: readonly Signal[];
};

type Seen = {
  readonly findings: readonly Finding[];
  readonly facts: { readonly changes: readonly Change[]; readonly signals: readonly Signal[] };
  /** The log has been read to its end. */
  readonly isEnd: boolean;
};

/** What the first reading of the log finds is kept until it has come to the log's end. */
function foldedTo(
  record: MonitorRecord,
  { monitor, memory, begun }: Poll,
  { findings, facts, isEnd }: Seen,
): Folded {
  const page = { monitor: monitor.name, now: begun, isEnd };
  const told = memory.backfill?.take(findings, page) ?? { findings, signals: [] };
  return {
    record,
    changes: [{ type: 'monitor.put', monitor: record }, ...memory.changes(), ...facts.changes],
    findings: told.findings,
    signals: [...facts.signals, ...told.signals],
  };
}

async function read(
  context: EngineContext,
  { monitor, record, begun }: Pick<Poll, 'monitor' | 'record' | 'begun'>,
  reader: Version | null,
): Promise<LogPage | { readonly failure: Failure }> {
  try {
    if (reader === null) throw new EdgeError(noKey(monitor));
    const provider = named(context.plugins.providers, monitor.provider);
    const since = record.cursor === null ? resumeAt(record, monitor, begun) : null;
    return await provider.readLog(await context.state.versionValue(reader.id), {
      cursor: record.cursor,
      since,
      limit: PAGE,
    });
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function resumeAt({ lastEventAt }: MonitorRecord, { backfill }: MonitorConfig, now: number): number {
  return lastEventAt === null ? now - backfill : Math.min(lastEventAt, now) - LATE;
}

function noKey({ credential }: MonitorConfig): Failure {
  return {
    code: 'no_key',
    verdict: 'retryable',
    message: `${credential} has no working key yet, so its provider's log cannot be read`,
  };
}

async function afterPage(context: EngineContext, poll: Poll, page: LogPage): Promise<Folded> {
  const { counters, clock } = context;
  const { monitor, watch, memory, record, begun } = poll;
  const now = clock.now();
  const surroundings = surroundingsOf(poll, now, null);
  const watched = await memory.ready(page.events, surroundings);
  const findings = watch.observe(watched, page.events, surroundings);
  const first = (event: LogEvent) => watch.first(watched, 'mint', event);
  const facts = await factsOf(context, poll, page, { first, now });
  for (const { status } of page.events) {
    counters.count('log_events_total', {
      monitor: monitor.name,
      status_class: `${Math.floor(status / 100)}xx`,
    });
  }
  // A time ahead of our clock would make a lost cursor resume too late.
  const latest = page.events.reduce(
    (most, { time }) => Math.max(most, Math.min(time, now)),
    record.lastEventAt ?? 0,
  );
  const polled: MonitorRecord = {
    ...record,
    cursor: page.nextCursor ?? record.cursor,
    lastEventAt: latest === 0 ? null : latest,
    polledAt: begun,
    attempts: 0,
    skipped: record.skipped + page.skipped,
  };
  const snapshot = poll.snapshots.find(({ record: { name } }) => name === monitor.credential);
  const since = readSince({ record, known: memory.readSince, backfill: monitor.backfill, begun });
  memory.readSince = since;
  const trouble = standstillOf(page, { record: polled, snapshot, since, begun });
  const feed = { caughtUp: !page.hasMore && trouble === null, trouble };
  findings.push(...watch.tick(watched, { ...surroundings, now: begun, feed }));
  const isEnd = !page.hasMore && page.stuck === undefined;
  return foldedTo(polled, poll, { findings, facts, isEnd });
}

/** Nothing of its log was ever read. */
function isUnread({ cursor, lastEventAt, polledAt }: MonitorRecord): boolean {
  return cursor === null && lastEventAt === null && polledAt === null;
}

function surroundingsOf({ monitor, locate, keys }: Poll, now: number, feed: Feed | null): WatchContext {
  return { monitor: monitor.name, locate, keys, now, feed };
}

function factsOf(
  { config, state }: EngineContext,
  { monitor, snapshots, keys }: Poll,
  { events }: LogPage,
  at: Pick<FactsView, 'first' | 'now'>,
) {
  return factsIn(events, {
    monitor: monitor.name,
    keys,
    otherKeys: monitor.rules.otherKeys,
    credentials: Object.values(config.credentials)
      .filter(({ provider }) => provider === monitor.provider)
      .map(({ name }) => name),
    snapshots,
    configured: (credential) => Object.hasOwn(config.credentials, credential),
    keyUsers: (keyIds) => state.keyUsers(keyIds),
    ...at,
  });
}

/** A cursor that the provider no longer knows is dropped: the next poll resumes by time, and repeats change nothing. */
async function afterFailure(poll: Poll, failure: Failure, now: number): Promise<Folded> {
  const { watch, memory, record } = poll;
  const surroundings = surroundingsOf(poll, now, { caughtUp: false, trouble: failure.message });
  const findings = watch.tick(await memory.ready([], surroundings), surroundings);
  const refused: MonitorRecord = {
    ...record,
    cursor: failure.code === 'cursor_expired' ? null : record.cursor,
    attempts: record.attempts + 1,
  };
  return foldedTo(refused, poll, { findings, facts: { changes: [], signals: [] }, isEnd: false });
}
