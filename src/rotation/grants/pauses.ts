import type { Change, ClientPause, ClientRecord, Failure, Signal } from '../../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { clientPaused, conditionOf, refreshWorks } from './alerts.ts';
import type { GrantSituation } from './situation.ts';

/** The client's record as it becomes, and what is told. */
export type ClientStep = { readonly client: ClientRecord; readonly signals: readonly Signal[] };

type Why = ClientPause['why'];

/** A pause gives way to one that says more, and never to one that says less. */
const WEIGHT: Readonly<Record<Why, number>> = {
  'rate-limited': 0,
  unavailable: 0,
  'grants-refused': 1,
  'client-refused': 2,
};

/** How long the first pause is, doubling to the last. */
const LENGTH: Readonly<Record<Why, readonly [first: number, last: number]>> = {
  'rate-limited': [30 * SECOND, 15 * MINUTE],
  unavailable: [2 * SECOND, 5 * MINUTE],
  'grants-refused': [5 * MINUTE, HOUR],
  'client-refused': [MINUTE, 5 * MINUTE],
};

/** So many requests in succession that were not served open the breaker. */
const BREAKER = 3;
/** A server that is away for a minute or so (six pauses) is no news; one that asks for ten minutes is. */
const TOLD_FROM = 6;
const TOLD_LENGTH = 10 * MINUTE;
/** No server's word keeps a client away for longer. */
const LONGEST = DAY;

/** What is remembered of a client that was never seen. */
export function blankClient(client: string): ClientRecord {
  return {
    client,
    pause: null,
    refusedAt: [],
    failures: 0,
    faults: {},
    slides: null,
    lookedAt: null,
  };
}

/** Nothing is sent for the client now. Once it is over and still noted, one grant tries; its success ends it. */
export function isPaused({ pause }: ClientRecord, now: number): boolean {
  return pause !== null && now < pause.until;
}

/** A replay passes a breaker: the provider's grace does not wait, and nothing new is put at risk by it. */
export function mayPass({ client, held, policy }: GrantSituation, now: number): boolean {
  const { attempt } = held.grant;
  const replays = attempt !== null && now < attempt.sentAt + policy.refreshGrace;
  return !isPaused(client, now) || (replays && client.pause?.why === 'unavailable');
}

/**
 * The client is paused, told where a person should know. Answers that come in during a pause only prolong it; what says less
 * than the pause that it follows leaves that as long as it was.
 */
export function paused(
  client: ClientRecord,
  why: Why,
  failure: Failure,
  now: number,
  spread = 0,
): ClientStep {
  const before = client.pause;
  const kept = before !== null && WEIGHT[before.why] > WEIGHT[why] ? before.why : why;
  const again = before !== null && before.why === kept;
  const count = again ? before.count + (kept === why && now >= before.until ? 1 : 0) : 1;
  const until = Math.max(before?.until ?? 0, now + lengthOf(kept, count, failure, spread));
  if (again && count === before.count && isLittle(until - before.until)) return { client, signals: [] };
  const pause: ClientPause = { until, why: kept, count };
  return {
    client: { ...client, pause },
    signals: [
      ...(before !== null && conditionOf(before.why) !== conditionOf(kept)
        ? [ended(client, before, now)]
        : []),
      ...(isTold(pause, before, now) ? [clientPaused(client.client, pause, failure, now)] : []),
    ],
  };
}

/** So that 32 answers to requests under way do not write the client's record 32 times. */
const isLittle = (ms: number): boolean => ms < SECOND;

function lengthOf(why: Why, count: number, { retryAfterMs }: Failure, spread: number): number {
  const [first, last] = LENGTH[why];
  const asked = Math.min(retryAfterMs ?? 0, LONGEST);
  if (why === 'rate-limited' && asked > 0) return Math.ceil(asked);
  const doubled = Math.min(last, first * 2 ** Math.min(count - 1, 20));
  return Math.ceil(Math.max(asked, doubled * (why === 'unavailable' ? 1 + spread / 2 : 1)));
}

function isTold(pause: ClientPause, before: ClientPause | null, now: number): boolean {
  const fresh = before === null || before.why !== pause.why || before.count !== pause.count;
  if (conditionOf(pause.why) !== 'unavailable') return fresh;
  return pause.until - now >= TOLD_LENGTH || (fresh && pause.count >= TOLD_FROM);
}

/**
 * The server did not serve a request, or nothing is known of it. The third in succession, whichever grant's it was, and
 * every 503 that says when to come back, pauses the client: an outage must not put one grant after the other at risk.
 */
export function strained(client: ClientRecord, failure: Failure, now: number, spread: number): ClientStep {
  if (isPaused(client, now) && failure.retryAfterMs === undefined) return { client, signals: [] };
  const counted = { ...client, failures: Math.min(client.failures + 1, BREAKER) };
  const opens = counted.failures >= BREAKER || failure.retryAfterMs !== undefined || client.pause !== null;
  return opens ? paused(counted, 'unavailable', failure, now, spread) : { client: counted, signals: [] };
}

/** A request was served: a pause that was over ends, and so does the row of failures. */
export function served(client: ClientRecord, now: number): ClientStep {
  return isPaused(client, now) ? { client, signals: [] } : heard(client, now);
}

/** The same during a pause: what it was for is proven to be over. */
export function heard(client: ClientRecord, now: number): ClientStep {
  if (client.pause === null && client.failures === 0) return { client, signals: [] };
  return {
    client: { ...client, pause: null, failures: 0 },
    signals: client.pause === null ? [] : [ended(client, client.pause, now)],
  };
}

function ended({ client }: ClientRecord, { why }: ClientPause, now: number): Signal {
  return refreshWorks(client, conditionOf(why), now);
}

/** The write of the client's record; none where it stays as it is. */
export function putClient({ client, clientRevision }: GrantSituation, next: ClientRecord): Change[] {
  if (next === client) return [];
  return [
    { type: 'client.expect', client: client.client, revision: clientRevision },
    { type: 'client.put', record: next },
  ];
}
