import type { Alert, Change, Delivery, DeliveryEvent } from '../model/index.ts';
import type { ChannelKinds } from './route.ts';

/** Where alerts that are due to be looked at stand. */
export const ALERTS_LANE = 'alerts';

/** A message owed to a channel, and the work that sends it. */
export function owe(
  alert: Alert,
  event: DeliveryEvent,
  channel: string,
  context: { readonly now: number; readonly newId: () => string },
): Change[] {
  const delivery: Delivery = {
    id: context.newId(),
    alertId: alert.id,
    channel,
    event,
    state: 'pending',
    attempts: 0,
    lastError: null,
    createdAt: context.now,
    at: null,
  };
  return [
    { type: 'delivery.put', delivery },
    {
      type: 'work.put',
      work: { kind: 'delivery', id: delivery.id, lane: `channel:${channel}`, dueAt: context.now },
    },
  ];
}

/** The channels that still exist to which a trigger of this alert went or may yet go. */
export function told(alert: Alert, deliveries: readonly Delivery[], kinds: ChannelKinds): readonly string[] {
  const names = deliveries
    .filter(
      ({ alertId, event, state }) =>
        alertId === alert.id && event === 'trigger' && (state === 'pending' || state === 'delivered'),
    )
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
  const subject = { monitor: monitor ?? null, channel: channel ?? null };
  return {
    type: 'audit.append',
    entry: {
      at,
      actor,
      action,
      credential: credential ?? null,
      detail: { alert: id, kind, severity, ...subject },
    },
  };
}
