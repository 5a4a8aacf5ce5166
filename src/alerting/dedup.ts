import type { Alert, Raise, Severity } from '../model/index.ts';
import { isKnown } from './delivery.ts';
import { dedupKey, subjectOf } from './identity.ts';
import type { Passage, Surroundings } from './passage.ts';
import { risenFrom, stillRisen } from './risen.ts';
import { capsOf } from './throttle.ts';

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/**
 * Folds the signal into the alert of its identity. People are told of the first sight, of a severity that rises and
 * of the end; what merely goes on is counted. What rises where somebody may have taken it on is an alert anew, see
 * {@link mayBeTakenOn}.
 */
export function dedup(passage: Passage, context: Surroundings): Passage {
  const { signal, before } = passage;
  const open = before !== null && before.state !== 'resolved' ? before : null;
  if (signal.type === 'resolve') {
    return open === null ? passage : { ...passage, after: end(open, signal.at), event: 'resolve' };
  }
  if (open === null) return { ...passage, after: begin(passage, signal, context), event: 'trigger' };
  const worse = RANK[signal.severity] > RANK[open.severity];
  if (worse && mayBeTakenOn(open, context))
    return { ...passage, ...goOn(passage, open, signal, context), event: 'trigger' };
  return {
    ...passage,
    after: renew(open, signal, worse ? afterAll(open, context) : null),
    event: worse ? 'trigger' : null,
  };
}

/** Now, but later than all that was owed of the alert: the clock may have been set back. */
function afterAll(alert: Alert, { now, own }: Surroundings): number {
  return own(alert).reduce((latest, { createdAt }) => Math.max(latest, createdAt + 1), now);
}

/**
 * PagerDuty wakes nobody for an event under the key of an incident that is acknowledged, and that may have been done in PagerDuty
 * itself, of which we never hear. So the incident of the lesser severity ends, and another begins.
 */
function mayBeTakenOn(open: Alert, { own, channels }: Surroundings): boolean {
  return own(open).some(
    (one) => one.event === 'trigger' && isKnown(one) && capsOf(channels[one.channel] ?? '').wakes,
  );
}

/** The next generation of what got worse, and the end of the one before it. */
function goOn(
  passage: Passage,
  open: Alert,
  signal: Raise,
  context: Surroundings,
): Pick<Passage, 'after' | 'former'> {
  const next = begin(passage, { ...signal, transient: false }, context);
  return {
    after: {
      ...next,
      evidence: { ...next.evidence, ...risenFrom(open) },
      firstSeenAt: Math.min(open.firstSeenAt, signal.at),
      lastSeenAt: Math.max(open.lastSeenAt, lastOf(signal)),
      count: open.count + 1,
    },
    former: {
      ...open,
      state: 'resolved',
      evidence: { ...open.evidence, goesOnAs: next.id },
      revision: open.revision + 1,
    },
  };
}

function begin(passage: Passage, signal: Raise, context: Surroundings): Alert {
  const generation = (passage.before?.generation ?? 0) + 1;
  return {
    ...subjectOf(signal),
    ...content(signal),
    id: context.newId(),
    dedupKey: dedupKey(signal, generation, context),
    identity: passage.identity,
    generation,
    kind: signal.kind,
    state: signal.transient === true ? 'resolved' : 'triggered',
    firstSeenAt: signal.at,
    lastSeenAt: lastOf(signal),
    count: 1,
    acknowledgedBy: null,
    triggeredAt: context.now,
    reportedAt: null,
    ...(signal.transient === true ? { transient: true } : {}),
    revision: 1,
  };
}

/**
 * Findings of the log watch may come out of order. An acknowledgement was of the lesser severity, so a rise ends it.
 * The severity never falls while the alert is open: what swings about a threshold would page at every turn.
 */
function renew(open: Alert, signal: Raise, worseAt: number | null): Alert {
  const { acknowledgedAt: _, ...before } = open;
  const acknowledged = worseAt !== null && open.state === 'acknowledged';
  return {
    ...(worseAt === null ? open : before),
    ...subjectOf(signal),
    ...content(signal),
    evidence: { ...signal.evidence, ...(acknowledged ? risenFrom(open) : stillRisen(open.evidence)) },
    ...(worseAt === null
      ? { severity: open.severity }
      : { state: 'triggered', acknowledgedBy: null, triggeredAt: worseAt }),
    firstSeenAt: Math.min(open.firstSeenAt, signal.at),
    lastSeenAt: Math.max(open.lastSeenAt, lastOf(signal)),
    count: open.count + 1,
    revision: open.revision + 1,
  };
}

function lastOf({ at, lastAt = at }: Raise): number {
  return Math.max(at, lastAt);
}

/** The end is the last that was seen of it. */
function end(open: Alert, at: number): Alert {
  return {
    ...open,
    state: 'resolved',
    lastSeenAt: Math.max(open.lastSeenAt, at),
    revision: open.revision + 1,
  };
}

function content(signal: Raise) {
  const { severity, title, summary, action, deadline, evidence } = signal;
  return { severity, title, summary, action, deadline, evidence };
}
