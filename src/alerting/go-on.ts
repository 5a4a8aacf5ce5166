import type { Alert, Delivery } from '../model/index.ts';
import { knowAsBefore } from './delivery.ts';
import { conditionOf, type DedupScope, dedupKey } from './identity.ts';
import { answerDueAt } from './incident.ts';
import type { ChannelKinds } from './route.ts';
import { capsOf } from './throttle.ts';

/**
 * Whether a page about what got worse might be heard by nobody: one of these channels wakes people and has the alert as the
 * lesser that it was. PagerDuty wakes nobody for an event under the key of an incident that is acknowledged, and that may have
 * been done in PagerDuty itself, of which we never hear.
 *
 * @param channels who is told of it now
 * @param own the deliveries of this alert
 */
export function mayBeTakenOn(
  alert: Alert,
  channels: readonly string[],
  own: readonly Delivery[],
  kinds: ChannelKinds,
): boolean {
  const before = knowAsBefore(alert, own);
  return channels.some((name) => before.has(name) && capsOf(kinds[name] ?? '').wakes);
}

/**
 * The next generation of what got worse, and the end of the one before it. Where the provider's answer to a report is waited for,
 * it is waited for of the next; what was told to be overdue keeps the id by which it was told.
 *
 * @param before as it was
 * @param worse as it is, under the former's id
 */
export function goOn(
  before: Alert,
  worse: Alert,
  context: DedupScope & { readonly now: number; readonly newId: () => string },
): { readonly former: Alert; readonly next: Alert } {
  const id = context.newId();
  const generation = worse.generation + 1;
  const about = { ...worse, condition: conditionOf(worse) ?? worse.identity };
  const waits = (answerDueAt(before) ?? 0) > context.now;
  return {
    next: {
      ...worse,
      id,
      generation,
      dedupKey: dedupKey(about, generation, context),
      triggeredAt: Math.min(worse.triggeredAt, context.now),
      reportedAt: waits ? before.reportedAt : null,
      revision: 1,
    },
    former: {
      ...before,
      state: 'resolved',
      evidence: { ...before.evidence, goesOnAs: id },
      reportedAt: waits ? null : before.reportedAt,
    },
  };
}
