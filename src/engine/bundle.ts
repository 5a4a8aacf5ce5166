import {
  type Attempt,
  beginDelivery,
  cancelDelivery,
  type FoldedDelivery,
  foldDelivery,
  overSince,
  planDelivery,
  type Turn,
  tellingOf,
  wakeFollowers,
} from '../alerting/delivery.ts';
import { type Bundle, gather, heardBy, type Owed } from '../alerting/gather.ts';
import { deliveryWork } from '../alerting/outbox.ts';
import type { Alert, Change, Delivery, Failure } from '../model/index.ts';
import type { Outbox } from '../state/contract.ts';

/** What goes out in one message, and what is found to be void on the way. */
export type Gathered = {
  readonly bundle: Bundle;
  readonly attempts: readonly BundledAttempt[];
  /** Ends that the message tells already: it calls their alerts over. */
  readonly covered: readonly Delivery[];
  /** What to commit with the attempts: what was cancelled, and that nobody else takes up the others meanwhile. */
  readonly cancelled: readonly Change[];
};

type BundledAttempt = Attempt & { readonly owed: Owed };

/** What is sent together with the message that is due, of all that its channel is owed by now. */
export function gatherDue(
  head: Owed,
  outbox: Outbox,
  { now, most }: { readonly now: number; readonly most: number },
): Gathered {
  const alerts = new Map(outbox.alerts.map((alert) => [alert.id, alert]));
  const siblings = Map.groupBy(outbox.deliveries, ({ alertId }) => alertId);
  const waiting: Owed[] = [];
  const cancelled: Change[] = [];
  for (const delivery of outbox.due) {
    const alert = alerts.get(delivery.alertId);
    if (alert === undefined || delivery.id === head.delivery.id) continue;
    const own = siblings.get(alert.id) ?? [];
    // Nobody is woken by a message of several.
    const plan = planDelivery(delivery, own, tellingOf(alert, false));
    if (plan === 'send') waiting.push({ delivery, alert });
    if (plan === 'cancel') cancelled.push(...cancel(delivery, own, now));
  }
  const bundle = gather(head, waiting, most);
  const attempts = bundle.items.map((owed) => ({ owed, ...beginDelivery(owed.delivery, now) }));
  return {
    bundle,
    attempts,
    covered: bundle.form === 'single' ? [] : coveredBy(bundle, siblings),
    cancelled: [...cancelled, ...attempts.flatMap((attempt) => held(attempt, head, now))],
  };
}

/** The claim is on the head alone: what goes with it is due again only once its sender must have heard of it. */
function held({ owed, delivery }: BundledAttempt, head: Owed, now: number): Change[] {
  return delivery.id === head.delivery.id ? [] : [later(owed, heardBy(delivery, now))];
}

function cancel(delivery: Delivery, siblings: readonly Delivery[], now: number): Change[] {
  const over = cancelDelivery(delivery, now);
  return [put(over), free(delivery), ...wakeFollowers(over, siblings, now)];
}

/** An end that waits for the begin beside which it would be told. */
function coveredBy({ items }: Bundle, siblings: ReadonlyMap<string, readonly Delivery[]>): Delivery[] {
  return items.flatMap(({ delivery, alert }) => {
    if (delivery.event !== 'trigger' || alert.state !== 'resolved') return [];
    return (siblings.get(alert.id) ?? []).filter(({ id, event, state }) => {
      return id !== delivery.id && event === 'resolve' && state === 'pending';
    });
  });
}

/** What a message of several came to. */
export type Outcome = {
  readonly changes: readonly Change[];
  readonly signals: FoldedDelivery['signals'];
  /** When the one that was claimed is tried again; null: it is settled. */
  readonly nextAt: number | null;
};

/**
 * Folds the one answer into all that the message bore. The claimed one is released by the caller; the due records of the
 * others stand beside their deliveries. What somebody else has settled or sent meanwhile is left as it is.
 *
 * @param after the deliveries of these alerts as they are now
 */
export function foldBundle(
  { attempts, covered }: Pick<Gathered, 'attempts' | 'covered'>,
  failure: Failure | null,
  {
    head,
    after,
    ...turn
  }: Omit<Turn, 'overSince'> & { readonly head: string; readonly after: readonly Delivery[] },
): Outcome {
  const siblings = Map.groupBy(after, ({ alertId }) => alertId);
  const told = new Set(covered.map(({ id }) => id));
  const changes: Change[] = [];
  let signals: Outcome['signals'] = [];
  let nextAt: number | null = null;
  for (const { delivery, owed } of attempts) {
    const own = siblings.get(delivery.alertId) ?? [];
    if (!own.some((now) => isSame(now, delivery))) continue;
    const folded = foldDelivery(delivery, failure, {
      ...turn,
      overSince: overSince(delivery, own, owed.alert),
    });
    if (signals.length === 0) signals = folded.signals;
    changes.push(put(folded.delivery));
    if (delivery.id === head) nextAt = folded.nextAt;
    else changes.push(folded.nextAt === null ? free(delivery) : later(owed, folded.nextAt));
    const others = own.filter(({ id }) => failure !== null || !told.has(id));
    changes.push(...wakeFollowers(folded.delivery, others, turn.now));
  }
  if (failure === null) {
    for (const delivery of covered.filter((each) => after.some((now) => isSame(now, each)))) {
      changes.push(
        put({ ...beginDelivery(delivery, turn.now).delivery, state: 'delivered', lastError: null }),
      );
      changes.push(free(delivery));
    }
  }
  return { changes, signals, nextAt };
}

/** Nobody has sent or settled it since. */
function isSame(now: Delivery, { id, attempts }: Delivery): boolean {
  return now.id === id && now.state === 'pending' && now.attempts === attempts;
}

/** The alerts of a message. */
export function alertsOf({ items }: Bundle): readonly Alert[] {
  return items.map(({ alert }) => alert);
}

export function put(delivery: Delivery): Change {
  return { type: 'delivery.put', delivery };
}

function free({ id }: Delivery): Change {
  return { type: 'work.delete', kind: 'delivery', id };
}

function later({ delivery, alert }: Owed, dueAt: number): Change {
  return { type: 'work.put', work: deliveryWork(delivery, alert, dueAt) };
}
