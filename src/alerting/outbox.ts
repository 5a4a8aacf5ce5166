import {
  type Alert,
  type Change,
  channelLane,
  type Delivery,
  type DeliveryEvent,
  type Work,
} from '../model/index.ts';
import { isKnown } from './delivery.ts';
import { goesOnAs } from './risen.ts';
import type { ChannelKinds } from './route.ts';
import { type Urgency, urgencyOf } from './throttle.ts';

/** Where alerts that are due to be looked at stand. */
export const ALERTS_LANE = 'alerts';

const RANKS: Readonly<Record<Urgency, 0 | 1 | 2>> = { page: 0, end: 1, other: 2 };

/** The due record of a message. */
export function deliveryWork(
  { id, channel, event }: Delivery,
  { severity }: Pick<Alert, 'severity'>,
  dueAt: number,
): Work {
  const lane = channelLane(channel, RANKS[urgencyOf(event, severity)]);
  return { kind: 'delivery', id, lane, dueAt };
}

/**
 * A message owed to a channel, and the work that sends it. It comes after all that the channel was owed of this alert,
 * also where the clock was set back since.
 *
 * @param context `own`: the deliveries of this alert
 */
export function owe(
  alert: Alert,
  event: DeliveryEvent,
  channel: string,
  context: { readonly now: number; readonly newId: () => string; readonly own: readonly Delivery[] },
): Change[] {
  const before = context.own.filter((one) => one.channel === channel).map(({ createdAt }) => createdAt + 1);
  const delivery: Delivery = {
    id: context.newId(),
    alertId: alert.id,
    channel,
    event,
    state: 'pending',
    attempts: 0,
    lastError: null,
    createdAt: Math.max(context.now, alert.triggeredAt, ...before),
    at: null,
  };
  return [
    { type: 'delivery.put', delivery },
    { type: 'work.put', work: deliveryWork(delivery, alert, context.now) },
  ];
}

/**
 * The channels that still exist to which a trigger of an alert went, or may have gone, or may yet go.
 *
 * @param own the deliveries of that alert
 */
export function told(own: readonly Delivery[], kinds: ChannelKinds): readonly string[] {
  const names = own
    .filter((one) => one.event === 'trigger' && (one.state === 'pending' || isKnown(one)))
    .map(({ channel }) => channel);
  return [...new Set(names)].filter((name) => Object.hasOwn(kinds, name));
}

export function audited(
  action: 'alert.raised' | 'alert.acknowledged' | 'alert.resolved',
  alert: Alert,
  actor: string,
  at: number,
): Change {
  const { id, kind, severity, credential, monitor, channel } = alert;
  const next = goesOnAs(alert);
  const subject = { monitor: monitor ?? null, channel: channel ?? null };
  return {
    type: 'audit.append',
    entry: {
      at,
      actor,
      action,
      credential: credential ?? null,
      detail: { alert: id, kind, severity, ...subject, ...(next === null ? {} : { goesOnAs: next }) },
    },
  };
}
