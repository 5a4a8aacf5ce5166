import type { Alert, Raise, Severity } from '../model/index.ts';
import { isKnown } from './delivery.ts';
import { dedupKey, subjectOf } from './identity.ts';
import type { Passage, Surroundings } from './passage.ts';
import { risenFrom, stillRisen } from './risen.ts';
import { capsOf } from './throttle.ts';

const RANK: Readonly<Record<Severity, number>> = { info: 0, warning: 1, critical: 2 };

/**
 * Folds the signal into the alert of its identity. People are told of the first sight, of a severity that rises and
 * of the end; what merely goes on is counted.
 */
export function dedup(passage: Passage, context: Surroundings): Passage {
  const { signal, before } = passage;
  const open = before !== null && before.state !== 'resolved' ? before : null;
  if (signal.type === 'resolve') {
    return open === null ? passage : { ...passage, after: end(open, signal.at), event: 'resolve' };
  }
  if (open === null) return { ...passage, after: begin(passage, signal, context), event: 'trigger' };
  if (RANK[signal.severity] <= RANK[open.severity]) return { ...passage, after: renew(open, signal) };
  return { ...passage, after: rise(open, signal, context), event: 'trigger' };
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
 * Findings of the log watch may come out of order. The severity never falls while the alert is open: what swings about a
 * threshold would page at every turn.
 */
function renew(open: Alert, signal: Raise): Alert {
  return {
    ...open,
    ...subjectOf(signal),
    ...content(signal),
    evidence: { ...signal.evidence, ...stillRisen(open.evidence) },
    severity: open.severity,
    firstSeenAt: Math.min(open.firstSeenAt, signal.at),
    lastSeenAt: Math.max(open.lastSeenAt, lastOf(signal)),
    count: open.count + 1,
    revision: open.revision + 1,
  };
}

/** An acknowledgement was of the lesser severity, so a rise ends it. */
function rise(open: Alert, signal: Raise, context: Surroundings): Alert {
  const { acknowledgedAt: _, ...renewed } = renew(open, signal);
  const { severity } = signal;
  const own = context.own(open);
  const isHeard = own.some(
    (one) => one.event === 'trigger' && isKnown(one) && capsOf(context.channels[one.channel] ?? '').wakes,
  );
  const before = open.state === 'acknowledged' || isHeard ? risenFrom(open) : {};
  return {
    ...renewed,
    severity,
    evidence: { ...renewed.evidence, ...before },
    state: 'triggered',
    acknowledgedBy: null,
    // Later than all that was owed of it: the clock may have been set back.
    triggeredAt: own.reduce((latest, { createdAt }) => Math.max(latest, createdAt + 1), context.now),
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
