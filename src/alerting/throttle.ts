import { type Delivery, MINUTE, SECOND, type Severity } from '../model/index.ts';

/** What a kind of channel can bear. */
export type Caps = {
  /** Several alerts may go in one message. */
  readonly gathers: boolean;
  /** The least time between two messages, ms. */
  readonly spacing: number;
  /** Messages a minute; null: as many as there are. */
  readonly perMinute: number | null;
  /** So many of them are kept for what is critical and for ends, half of those for what is critical alone. */
  readonly kept: number;
  /** Whoever is told is woken: what is over by the time that it could be told is not. */
  readonly wakes: boolean;
  /** What it shows is kept by dedup keys: every one that began is to end, also where the alert goes on under another. */
  readonly folds: boolean;
};

const UNBOUNDED: Caps = {
  gathers: false,
  spacing: 0,
  perMinute: null,
  kept: 0,
  wakes: false,
  folds: true,
};

/**
 * Slack takes one message a second from a webhook (https://docs.slack.dev/apis/web-api/rate-limits), and a person reads
 * six a minute at most. PagerDuty takes some hundred events a minute for a key
 * (https://developer.pagerduty.com/docs/events-api-v2-overview).
 */
const CAPS: Readonly<Record<string, Caps>> = {
  slack: { gathers: true, spacing: SECOND, perMinute: 6, kept: 1, wakes: false, folds: false },
  pagerduty: { gathers: false, spacing: 0, perMinute: 100, kept: 20, wakes: true, folds: true },
};

export function capsOf(channelKind: string): Caps {
  return CAPS[channelKind] ?? UNBOUNDED;
}

/** What a message is worth: a critical begin goes before any end, and both before the rest. */
export type Urgency = 'page' | 'end' | 'other';

export function urgencyOf(event: Delivery['event'], severity: Severity): Urgency {
  if (event !== 'trigger') return 'end';
  return severity === 'critical' ? 'page' : 'other';
}

/**
 * When the next message may go to a channel.
 *
 * @param sent the times of the messages of the last minute, ascending
 * @example freeAt([0, 1_000, 2_000, 3_000, 4_000, 5_000], capsOf('slack'), 'page', 6_000) // 60_000
 */
export function freeAt(sent: readonly number[], caps: Caps, urgency: Urgency, now: number): number {
  const spaced = (sent.at(-1) ?? Number.NEGATIVE_INFINITY) + caps.spacing;
  if (caps.perMinute === null) return Math.max(now, spaced);
  const room = caps.perMinute - keptFrom(caps, urgency);
  const recent = sent.filter((at) => at > now - MINUTE);
  const blocking = recent[recent.length - room];
  return Math.max(now, spaced, blocking === undefined ? now : blocking + MINUTE);
}

function keptFrom({ kept }: Caps, urgency: Urgency): number {
  if (urgency === 'page') return 0;
  return urgency === 'end' ? Math.floor(kept / 2) : kept;
}
