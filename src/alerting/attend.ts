import type { Alert, Delivery } from '../model/index.ts';
import { type Causes, explainedBy } from './inhibit.ts';
import { audienceOf, type ChannelKinds, escalationsFor, type Route } from './route.ts';
import { mutedUntil } from './silence.ts';
import { capsOf } from './throttle.ts';
import { pressedUntil, presses } from './transient.ts';

/** What surrounds an alert that is looked at. */
export type AttendContext = Causes & {
  readonly routes: readonly Route[];
  readonly channels: ChannelKinds;
  /** What is still triggered is told again after so long, ms. */
  readonly repeat: number;
  /** A channel that has refused an alert so often is not asked to take it again. */
  readonly refusals: number;
};

export type Attention = {
  /** The channels to which a trigger is owed now. */
  readonly owed: readonly string[];
  /** When to look again; null: when something happens to the alert. */
  readonly nextAt: number | null;
};

const NOTHING: Attention = { owed: [], nextAt: null };

/**
 * What an alert that is triggered, or an event that {@link presses}, is owed now: its first telling where a silence or an
 * explanation has ended, the next repeat, the escalation that nobody's acknowledgement has stopped. Whoever acknowledges ends
 * all of it.
 *
 * @param deliveries those of this alert
 * @example attend(alert, deliveries, { ...scope, silences, open }) // { owed: ['oncall'], nextAt: 1760000600000 }
 */
export function attend(alert: Alert, deliveries: readonly Delivery[], context: AttendContext): Attention {
  const { now, silences } = context;
  // An event that a silence kept quiet is not told after it.
  const pressed = presses(alert, now) && deliveries.length > 0;
  if (alert.state !== 'triggered' && !pressed) return NOTHING;
  const muted = mutedUntil(alert, silences, now);
  if (muted !== null) return { owed: [], nextAt: muted };
  if (explainedBy(alert, context) !== null) return NOTHING;
  const told = latestTriggers(alert, deliveries, context);
  const first = unrefused(alert, deliveries, context).filter((channel) => !told.has(channel));
  const repeats = repeatsOf(alert, told, context);
  const escalations = escalationsOf(alert, deliveries, context);
  const owed = new Set([...first, ...due(repeats, now), ...due(escalations, now)]);
  const later = [...repeats, ...escalations].filter(({ at }) => at > now).map(({ at }) => at);
  const again = owed.size > 0 && alert.severity !== 'info' ? [now + context.repeat] : [];
  // What presses is never lost sight of: a channel that refuses it may come back.
  const last = pressed ? [pressedUntil(alert)] : [];
  const nextAt = Math.min(...later, ...again, ...last);
  return { owed: [...owed], nextAt: Number.isFinite(nextAt) ? nextAt : null };
}

type Step = { readonly channel: string; readonly at: number };

function due(steps: readonly Step[], now: number): string[] {
  return steps.filter(({ at }) => at <= now).map(({ channel }) => channel);
}

/** By channel, the last trigger since the alert began or got worse that has reached it or may yet. */
function latestTriggers(
  alert: Alert,
  deliveries: readonly Delivery[],
  { channels }: AttendContext,
): ReadonlyMap<string, Delivery> {
  const latest = new Map<string, Delivery>();
  for (const delivery of deliveries) {
    const { event, state, channel, createdAt } = delivery;
    const reaches = event === 'trigger' && (state === 'delivered' || state === 'pending');
    if (!reaches || createdAt < alert.triggeredAt || !Object.hasOwn(channels, channel)) continue;
    if (createdAt >= (latest.get(channel)?.createdAt ?? 0)) latest.set(channel, delivery);
  }
  return latest;
}

/** Nobody was told yet: where the routes send it by now. What is for information only is offered once. */
function unrefused(alert: Alert, deliveries: readonly Delivery[], context: AttendContext): string[] {
  if (alert.severity === 'info' && deliveries.length > 0) return [];
  return audienceOf(alert, deliveries, context).filter(
    (name) => refusalsOf(name, deliveries) < context.refusals,
  );
}

function refusalsOf(name: string, deliveries: readonly Delivery[]): number {
  return deliveries.filter(
    ({ channel, event, state }) => channel === name && event === 'trigger' && state === 'failed',
  ).length;
}

/**
 * What was for information only is not repeated. Nor is an event where people are woken: its incident stands until somebody
 * resolves it, and a repeat would open it again.
 */
function repeatsOf(
  { severity, transient }: Alert,
  told: ReadonlyMap<string, Delivery>,
  { repeat, now, channels }: AttendContext,
): Step[] {
  if (severity === 'info') return [];
  return Array.from(told, ([channel, { state, at }]) => ({
    channel,
    at: state === 'delivered' ? (at ?? now) + repeat : now + repeat,
  })).filter(({ channel }) => transient !== true || !capsOf(channels[channel] ?? '').wakes);
}

/** Each once: what was sent there since it came due is not sent again. */
function escalationsOf(alert: Alert, deliveries: readonly Delivery[], context: AttendContext): Step[] {
  return escalationsFor(alert, context.routes, context.channels).flatMap(({ after, channels }) => {
    const at = alert.triggeredAt + after;
    const sent = (name: string) =>
      deliveries.some(
        ({ channel, event, createdAt, state }) =>
          channel === name &&
          event === 'trigger' &&
          createdAt >= at &&
          (state === 'failed' ? refusalsOf(name, deliveries) >= context.refusals : state !== 'cancelled'),
      );
    return channels.filter((channel) => !sent(channel)).map((channel) => ({ channel, at }));
  });
}
