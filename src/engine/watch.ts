import { findingsToSignals } from '../alerting/finding.ts';
import type { MonitorConfig } from '../config/types.ts';
import type { ManagedKey } from '../detectors/contract.ts';
import { createWatch, type Watch, type WatchState } from '../detectors/watch.ts';
import {
  type Change,
  type Claim,
  type CredentialSnapshot,
  EdgeError,
  type Failure,
  type Finding,
  failureOf,
  type LogPage,
  MINUTE,
  type MonitorRecord,
  type Signal,
  type Version,
} from '../model/index.ts';
import { currentVersion } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import { factsIn, managedKeys } from './log-facts.ts';
import { keyAccepted, keyRefused } from './log-reader.ts';

/** Events of a page; the provider's own limit is 1,000. */
const PAGE = 1_000;

/** An event may arrive so long after its time: a lost cursor resumes this much before the last event seen. */
const LATE = 5 * MINUTE;

/** A monitor is made due by the schedule; this only keeps its record in the table. */
const UNTIL_POLLED = 8_640_000_000_000_000;

/** One poll of one log: every page to the end, each committed with its cursor, the detectors' state and their alerts. */
export async function turnMonitor(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  stopping: AbortSignal,
): Promise<void> {
  const { config, state, clock, log } = context;
  const monitor = config.monitors[claim.id];
  const release = { claim, next: UNTIL_POLLED };
  if (monitor === undefined) return state.commit([], { hold: { claim, next: null } });
  const watch = createWatch(monitor.rules);
  let record = (await state.monitor(monitor.name)) ?? unseen(monitor.name);
  const watched = watch.restore(record.detectors);
  if (watched.startedAfresh !== null)
    log.warn(
      { monitor: monitor.name },
      `${monitor.name}: ${watched.startedAfresh}; its habits are learnt anew`,
    );
  for (;;) {
    const begun = clock.now();
    const reader = currentVersion((await state.credential(monitor.credential))?.versions ?? []);
    const page = await read(context, { monitor, record, begun }, reader);
    // The keys are read after the page: one minted and used while it was under way is no stranger's.
    const snapshots = await state.credentials();
    const keys = managedKeys(snapshots);
    const poll: Poll = { monitor, watch, watched, record, begun, reader, snapshots, keys };
    await tellReader(context, claim, poll, 'failure' in page ? page.failure : null);
    if ('failure' in page) {
      const folded = afterFailure(poll, page.failure, clock.now());
      return committer.commit(folded.changes, folded.signals, { hold: release });
    }
    const folded = await afterPage(context, poll, page);
    record = folded.record;
    const last = !page.hasMore || stopping.aborted;
    await committer.commit(folded.changes, folded.signals, last ? { hold: release } : { under: claim });
    if (last) return;
  }
}

type Poll = {
  readonly monitor: MonitorConfig;
  readonly watch: Watch;
  readonly watched: WatchState;
  readonly record: MonitorRecord;
  readonly begun: number;
  /** The version whose key read the log; null: there was none. */
  readonly reader: Version | null;
  readonly snapshots: readonly CredentialSnapshot[];
  readonly keys: readonly ManagedKey[];
};

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
  readonly signals: readonly Signal[];
};

function foldedTo(
  record: MonitorRecord,
  findings: readonly Finding[],
  facts: { readonly changes: readonly Change[]; readonly signals: readonly Signal[] },
): Folded {
  return {
    record,
    changes: [{ type: 'monitor.put', monitor: record }, ...facts.changes],
    signals: [...findingsToSignals(findings, record.name), ...facts.signals],
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
  const { monitor, watch, watched, record, begun, keys } = poll;
  const now = clock.now();
  const surroundings = { monitor: monitor.name, keys, now, feed: null };
  const findings = watch.observe(watched, page.events, surroundings);
  const facts = await factsOf(context, poll, page, now);
  const feed = { caughtUp: !page.hasMore, trouble: null };
  findings.push(...watch.tick(watched, { ...surroundings, now: begun, feed }));
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
    detectors: watch.save(watched),
  };
  return foldedTo(polled, findings, facts);
}

function factsOf(
  { config, state }: EngineContext,
  { monitor, watch, watched, snapshots, keys }: Poll,
  { events }: LogPage,
  now: number,
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
    first: (event) => watch.first(watched, 'mint', event),
    now,
  });
}

/** A cursor that the provider no longer knows is dropped: the next poll resumes by time, and repeats change nothing. */
function afterFailure(poll: Poll, failure: Failure, now: number): Folded {
  const { monitor, watch, watched, record, keys } = poll;
  const feed = { caughtUp: false, trouble: failure.message };
  const findings = watch.tick(watched, { monitor: monitor.name, keys, now, feed });
  const refused: MonitorRecord = {
    ...record,
    cursor: failure.code === 'cursor_expired' ? null : record.cursor,
    attempts: record.attempts + 1,
    detectors: watch.save(watched),
  };
  return foldedTo(refused, findings, { changes: [], signals: [] });
}

function unseen(name: string): MonitorRecord {
  return { name, cursor: null, lastEventAt: null, polledAt: null, attempts: 0, skipped: 0, detectors: null };
}
