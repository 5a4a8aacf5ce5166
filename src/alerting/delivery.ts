import {
  type Alert,
  type Change,
  DAY,
  type Delivery,
  type Failure,
  type Raise,
  type Severity,
  type Signal,
} from '../model/index.ts';
import { backoff, DOWN_AFTER } from './backoff.ts';
import { goesOnAs } from './risen.ts';
import { bounded } from './text.ts';

/** How long a delivery is tried at least, and after the end of its alert. */
const GIVE_UP_AFTER = DAY;

const IN_FLIGHT: Failure = {
  code: 'in_flight',
  verdict: 'unknown',
  message: 'it is being sent; the channel has not answered yet',
};

const INTERRUPTED: Failure = {
  code: 'interrupted',
  verdict: 'unknown',
  message: 'Keywarden ended while it was being sent; it may have arrived',
};

/** True where an attempt may have reached the channel although nobody confirmed it. */
function mayHaveArrived(delivery: Delivery): boolean {
  return delivery.attempts > 0 && delivery.lastError?.verdict === 'unknown';
}

/** What to commit before an attempt. */
export type Attempt = {
  readonly delivery: Delivery;
  /** An earlier attempt may have arrived: the message says so. */
  readonly repeat: boolean;
};

/** The intent to send, recorded first: after a crash it is known that the message may have arrived. */
export function beginDelivery(delivery: Delivery, now: number): Attempt {
  const { lastError } = delivery;
  const unsettled = lastError?.code === IN_FLIGHT.code ? INTERRUPTED : lastError;
  return {
    delivery: {
      ...delivery,
      attempts: delivery.attempts + 1,
      at: now,
      lastError: unsettled?.verdict === 'unknown' ? unsettled : IN_FLIGHT,
    },
    repeat: mayHaveArrived(delivery),
  };
}

export function cancelDelivery(delivery: Delivery, now: number): Delivery {
  return { ...delivery, state: 'cancelled', at: now };
}

/** `wait`: look again when the delivery before it is settled, within some seconds. */
export type DeliveryPlan = 'send' | 'wait' | 'cancel';

/** Who is told of what. */
export type Telling = {
  /** The alert's. */
  readonly severity: Severity;
  /** The channel wakes people, and the message had to wait: the channel was down or full. */
  readonly late: boolean;
  /** It goes on as another alert, whose message says all that its own would. */
  readonly goesOn?: boolean;
};

/** How a message of this alert is told. */
export function tellingOf(alert: Alert, late: boolean): Telling {
  return { severity: alert.severity, late, goesOn: goesOnAs(alert) !== null };
}

/**
 * Whether a pending delivery is sent now. Per alert and channel the order is first in, first out; a trigger never
 * follows its resolve, and what never arrived needs no resolve. What ended before it could be told is told all the
 * same, unless it was for information only, would wake somebody late, or was heard of there before.
 *
 * @param siblings the deliveries of the same alert
 */
export function planDelivery(
  delivery: Delivery,
  siblings: readonly Delivery[],
  { severity, late, goesOn = false }: Telling,
): DeliveryPlan {
  const others = siblings.filter(({ id, channel }) => id !== delivery.id && channel === delivery.channel);
  const triggers = others.filter(({ event }) => event === 'trigger');
  const ends = others.filter(({ event }) => event === 'resolve');
  if (delivery.event === 'trigger') {
    const told = ends.some(({ state, attempts }) => state !== 'pending' || attempts > 0);
    const stale = severity === 'info' || late || triggers.some(isKnown);
    return goesOn || told || (ends.length > 0 && stale) ? 'cancel' : planTrigger(delivery, triggers);
  }
  // An alert that got worse since is to be taken on anew.
  const isVoid = ends.length > 0 || triggers.some((trigger) => follows(trigger, delivery));
  if (delivery.event === 'acknowledge' && isVoid) return 'cancel';
  // A trigger that nobody has sent yet is waited for too: another worker may be about to.
  if (triggers.some(({ state }) => state === 'pending')) return 'wait';
  return triggers.some(isKnown) ? 'send' : 'cancel';
}

/** The channel has it, or may have. */
export function isKnown(trigger: Delivery): boolean {
  return trigger.state === 'delivered' || mayHaveArrived(trigger);
}

/**
 * The channels that have an alert, or may have, as the lesser that it was before it got worse, and not as it is.
 *
 * @param own the deliveries of this alert
 */
export function knowAsBefore(
  { triggeredAt }: Pick<Alert, 'triggeredAt'>,
  own: readonly Delivery[],
): ReadonlySet<string> {
  const known = own.filter((one) => one.event === 'trigger' && isKnown(one));
  const since = new Set(known.flatMap((one) => (one.createdAt >= triggeredAt ? [one.channel] : [])));
  return new Set(known.map(({ channel }) => channel).filter((name) => !since.has(name)));
}

/** A later trigger (the severity rose) says all that an earlier one would. */
function planTrigger(delivery: Delivery, others: readonly Delivery[]): DeliveryPlan {
  if (others.some((other) => follows(other, delivery) && other.state !== 'cancelled')) return 'cancel';
  return others.some(({ state, lastError }) => state === 'pending' && lastError?.code === IN_FLIGHT.code)
    ? 'wait'
    : 'send';
}

function follows(later: Delivery, earlier: Delivery): boolean {
  if (later.createdAt !== earlier.createdAt) return later.createdAt > earlier.createdAt;
  return later.id > earlier.id;
}

/** What one attempt came to. */
export type FoldedDelivery = {
  readonly delivery: Delivery;
  /** For {@link import('./pipeline.ts').process}, in the same commit. */
  readonly signals: readonly Signal[];
  /** When it is tried again; null where it is settled. */
  readonly nextAt: number | null;
};

/** What surrounds an attempt. */
export type Turn = {
  readonly now: number;
  /** In [0, 1): jitter that survives a restart. */
  readonly unit: number;
  /** When the alert's end was noted; null while it is open. */
  readonly overSince: number | null;
  /** Messages of any alert that the channel has failed to take in succession, this one included; absent: unknown. */
  readonly failures?: number;
};

/**
 * When the end of a delivery's alert was noted: by our own clock, not by that of the log that showed it. For what had
 * to wait for another message, when that was settled.
 *
 * @param siblings the deliveries of the same alert
 */
export function overSince(
  delivery: Delivery,
  siblings: readonly Delivery[],
  alert: Pick<Alert, 'state'>,
): number | null {
  if (alert.state !== 'resolved') return null;
  const times = siblings
    .filter(({ channel }) => channel === delivery.channel)
    .map(({ event, createdAt, state, at }) =>
      event === 'resolve' ? createdAt : state === 'pending' ? 0 : (at ?? 0),
    );
  return Math.max(delivery.createdAt, ...times);
}

/**
 * Wakes what waits for this delivery, once it is settled.
 *
 * @param siblings the deliveries of the same alert
 */
export function wakeFollowers(delivery: Delivery, siblings: readonly Delivery[], now: number): Change[] {
  if (delivery.state === 'pending') return [];
  return siblings
    .filter(({ id, channel, state }) => {
      return id !== delivery.id && channel === delivery.channel && state === 'pending';
    })
    .map(({ id }) => ({ type: 'work.wake', kind: 'delivery', id, at: now }));
}

/**
 * Folds an attempt's outcome into its delivery (as {@link beginDelivery} made it). A delivery is tried for as long as
 * its alert is open and for 24 h after that; a channel that is down for good, or fails many times in succession, is an
 * alert of its own, which ends when it delivers again.
 *
 * @param outcome the failure, or null where the channel took it
 */
export function foldDelivery(delivery: Delivery, outcome: Failure | null, turn: Turn): FoldedDelivery {
  const { now } = turn;
  const { channel } = delivery;
  if (delivery.state !== 'pending') return { delivery, signals: [], nextAt: null };
  if (outcome === null) {
    return {
      delivery: { ...delivery, state: 'delivered', lastError: null, at: now },
      signals: [{ type: 'resolve', kind: 'channel-failed', channel, condition: channel, at: now }],
      nextAt: null,
    };
  }
  const lastError = remember(delivery, outcome);
  const failures = Math.max(delivery.attempts, turn.failures ?? 0);
  const hopeless = isLasting(outcome);
  const expired = turn.overSince !== null && now - turn.overSince >= GIVE_UP_AFTER;
  const signals =
    hopeless || failures % DOWN_AFTER === 0
      ? [channelFailed(delivery.channel, outcome, { failures, now })]
      : [];
  if (hopeless || expired) {
    return { delivery: { ...delivery, state: 'failed', lastError, at: now }, signals, nextAt: null };
  }
  const nextAt = now + backoff(failures, turn.unit, outcome.retryAfterMs);
  return { delivery: { ...delivery, lastError }, signals, nextAt };
}

/** The channel will not take it, however often it is tried. */
export function isLasting({ verdict }: Failure): boolean {
  return verdict === 'permanent' || verdict === 'rejected';
}

/** An attempt that may have arrived is not forgotten when a later one certainly did not. */
function remember(delivery: Delivery, outcome: Failure): Failure {
  const doubtful = mayHaveArrived(delivery) && delivery.lastError?.code !== IN_FLIGHT.code;
  return doubtful ? { ...outcome, verdict: 'unknown' } : outcome;
}

/** What a channel said, without the advice that follows it. */
function verdictOf({ message }: Failure): string {
  return bounded(message.split(/; |\. /, 1)[0] ?? message, 70);
}

function channelFailed(
  channel: string,
  failure: Failure,
  { failures, now }: { readonly failures: number; readonly now: number },
): Raise {
  const lasting = isLasting(failure);
  return {
    type: 'raise',
    kind: 'channel-failed',
    channel,
    condition: channel,
    severity: 'warning',
    at: now,
    title: lasting
      ? `Channel ${channel} is down: ${verdictOf(failure)}`
      : `Channel ${channel} has failed ${failures} times in succession: ${verdictOf(failure)}`,
    summary: lasting
      ? `${failure.message}. That message is lost on this channel; the others have it where routes say so.`
      : `${failure.message}. Keywarden keeps what is owed to it and goes on trying.`,
    action: `Correct the channel or its network, then run \`keywarden alerts test ${channel}\``,
    deadline: null,
    evidence: { code: failure.code, verdict: failure.verdict, attempts: failures },
  };
}
