import { findingsToSignals } from '../alerting/finding.ts';
import type { MonitorConfig } from '../config/types.ts';
import type { ManagedKey } from '../detectors/contract.ts';
import { createWatch, type Watch, type WatchState } from '../detectors/watch.ts';
import {
  type Change,
  type Claim,
  EdgeError,
  type Failure,
  type Finding,
  failureOf,
  type LogPage,
  MINUTE,
  type MonitorRecord,
  type Signal,
} from '../model/index.ts';
import { currentVersion, keyRejected } from '../rotation/index.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';

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
    const page = await read(context, { monitor, record, begun });
    // The keys are read after the page: one minted and used while it was under way is no stranger's.
    const poll: Poll = { monitor, watch, watched, record, begun, keys: await managedKeys(context) };
    if ('failure' in page) {
      const folded = afterFailure(poll, page.failure, clock.now());
      return committer.commit(
        [{ type: 'monitor.put', monitor: folded.record }],
        [...findingsToSignals(folded.findings, monitor.name), ...rejection(poll, page.failure, clock.now())],
        { hold: release },
      );
    }
    const folded = afterPage(context, poll, page);
    const signals = [...findingsToSignals(folded.findings, monitor.name), ...acceptance(poll, clock.now())];
    record = folded.record;
    const last = !page.hasMore || stopping.aborted;
    const options = last ? { hold: release } : { under: claim };
    const changes: Change[] = [{ type: 'monitor.put', monitor: record }, ...usesIn(page, poll.keys)];
    await committer.commit(changes, signals, options);
    if (last) return;
  }
}

type Poll = {
  readonly monitor: MonitorConfig;
  readonly watch: Watch;
  readonly watched: WatchState;
  readonly record: MonitorRecord;
  readonly begun: number;
  readonly keys: readonly ManagedKey[];
};

/** So many polls in succession must be refused before it is more than a hiccup. */
const REFUSED_LIMIT = 2;

/** The key that reads the log is the one that applications use: where it is refused, so are they. */
function rejection({ monitor, record, keys }: Poll, failure: Failure, now: number): Signal[] {
  if (failure.verdict !== 'rejected' || record.attempts + 1 < REFUSED_LIMIT) return [];
  const current = keys.find(
    ({ credential, state }) => credential === monitor.credential && state === 'current',
  );
  return [keyRejected(monitor.credential, current?.keyId ?? null, failure, now)];
}

/** The first page after failures proves the key again. */
function acceptance({ monitor, record }: Poll, at: number): Signal[] {
  if (record.attempts === 0) return [];
  return [
    { type: 'resolve', kind: 'credential-rejected', credential: monitor.credential, condition: '', at },
  ];
}

type Folded = { readonly record: MonitorRecord; readonly findings: readonly Finding[] };

async function read(
  context: EngineContext,
  { monitor, record, begun }: Pick<Poll, 'monitor' | 'record' | 'begun'>,
): Promise<LogPage | { readonly failure: Failure }> {
  try {
    const snapshot = await context.state.credential(monitor.credential);
    const current = snapshot && currentVersion(snapshot.versions);
    if (!current) throw new EdgeError(noKey(monitor));
    const provider = named(context.plugins.providers, monitor.provider);
    const since = record.cursor === null ? resumeAt(record, monitor, begun) : null;
    return await provider.readLog(await context.state.versionValue(current.id), {
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

function afterPage({ counters, clock }: EngineContext, poll: Poll, page: LogPage): Folded {
  const { monitor, watch, watched, record, begun, keys } = poll;
  const now = clock.now();
  const surroundings = { monitor: monitor.name, keys, now, feed: null };
  const findings = watch.observe(watched, page.events, surroundings);
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
  return {
    findings,
    record: {
      ...record,
      cursor: page.nextCursor ?? record.cursor,
      lastEventAt: latest === 0 ? null : latest,
      polledAt: begun,
      attempts: 0,
      skipped: record.skipped + page.skipped,
      detectors: watch.save(watched),
    },
  };
}

/** A cursor that the provider no longer knows is dropped: the next poll resumes by time, and repeats change nothing. */
function afterFailure(poll: Poll, failure: Failure, now: number): Folded {
  const { monitor, watch, watched, record, keys } = poll;
  const feed = { caughtUp: false, trouble: failure.message };
  const findings = watch.tick(watched, { monitor: monitor.name, keys, now, feed });
  return {
    findings,
    record: {
      ...record,
      cursor: failure.code === 'cursor_expired' ? null : record.cursor,
      attempts: record.attempts + 1,
      detectors: watch.save(watched),
    },
  };
}

/** When each of our keys was last accepted, as far as this page tells. */
function usesIn({ events }: LogPage, keys: readonly ManagedKey[]): Change[] {
  const latest = new Map<string, number>();
  for (const { keyId, status, time } of events) {
    if (keyId !== null && status < 400) latest.set(keyId, Math.max(time, latest.get(keyId) ?? 0));
  }
  return keys.flatMap(({ keyId }) => {
    const at = latest.get(keyId);
    return at === undefined ? [] : [{ type: 'use.put' as const, keyId, at }];
  });
}

async function managedKeys({ state }: EngineContext): Promise<ManagedKey[]> {
  const snapshots = await state.credentials();
  return snapshots.flatMap(({ record, versions }) =>
    versions.flatMap(({ keyId, state: versionState, expiresAt }) =>
      keyId === null ? [] : [{ keyId, credential: record.name, state: versionState, expiresAt }],
    ),
  );
}

function unseen(name: string): MonitorRecord {
  return { name, cursor: null, lastEventAt: null, polledAt: null, attempts: 0, skipped: 0, detectors: null };
}
