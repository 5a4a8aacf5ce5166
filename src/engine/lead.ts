import { planDelivery, tellingOf } from '../alerting/delivery.ts';
import { heardBy, type Owed } from '../alerting/gather.ts';
import { deliveryWork } from '../alerting/outbox.ts';
import type { Change, Delivery } from '../model/index.ts';
import type { Outbox } from '../state/contract.ts';
import type { Gathered } from './bundle.ts';

/** Its multiples, less their whole parts, lie as evenly as can be however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * What goes first where a channel takes some messages and not others, whichever was claimed and whatever its rank: what was
 * tried most often is most likely at fault. Of what was tried as often anything may be.
 *
 * @param failures messages that the channel has failed to take in succession; 0: what was tried as often goes together
 */
export function leastTried(head: Owed, outbox: Outbox, failures: number): Owed {
  if (head.delivery.attempts === 0) return head;
  const sendable = [head, ...sendableOf(outbox)];
  const fewest = Math.min(...sendable.map(({ delivery }) => delivery.attempts));
  const least = sendable.filter(({ delivery }) => delivery.attempts === fewest);
  // Those at fault may stand side by side: each time another place, far from those before.
  const place = fewest === 0 ? 0 : Math.floor(((failures * GOLDEN) % 1) * least.length);
  return least[place] ?? head;
}

/** What may go with it, what was tried least first: what was not tried yet is not sent with what was not taken. */
export function besides({ delivery: { attempts } }: Owed, outbox: Outbox): Outbox {
  const alike = outbox.due.filter((delivery) => attempts > 0 || delivery.attempts === 0);
  return { ...outbox, due: alike.toSorted((a, b) => a.attempts - b.attempts) };
}

/** The claimed one is not among what is due: it may go with another as well. */
export function withHead(outbox: Outbox, { delivery, alert }: Owed, own: readonly Delivery[]): Outbox {
  const siblings = own.filter(({ channel }) => channel === delivery.channel);
  return {
    due: [...outbox.due, delivery],
    alerts: [...outbox.alerts.filter(({ id }) => id !== alert.id), alert],
    deliveries: [...outbox.deliveries.filter(({ alertId }) => alertId !== alert.id), ...siblings],
  };
}

/** Its due record is the claimed one. */
export function isWorkOf(change: Change, { delivery }: Owed): boolean {
  return change.type === 'work.put' && change.work.id === delivery.id;
}

function sendableOf({ due, alerts, deliveries }: Outbox): Owed[] {
  const byId = new Map(alerts.map((alert) => [alert.id, alert]));
  const siblings = Map.groupBy(deliveries, ({ alertId }) => alertId);
  return due.flatMap((delivery): Owed[] => {
    const alert = byId.get(delivery.alertId);
    if (alert === undefined || alert.kind === 'test') return [];
    const plan = planDelivery(delivery, siblings.get(alert.id) ?? [], tellingOf(alert, false));
    return plan === 'send' ? [{ delivery, alert }] : [];
  });
}

export function isAmong({ delivery: { id } }: Owed, { attempts }: Pick<Gathered, 'attempts'>): boolean {
  return attempts.some(({ delivery }) => delivery.id === id);
}

/** The claim is on another: nobody else takes this one up before its sender must have heard of it. */
export function unclaimed(
  { alert, delivery }: Owed,
  attempts: readonly { readonly delivery: Delivery }[],
  now: number,
): Change {
  const begun = attempts.find((one) => one.delivery.id === delivery.id)?.delivery ?? delivery;
  return { type: 'work.put', work: deliveryWork(delivery, alert, heardBy(begun, now)) };
}
