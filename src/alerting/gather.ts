import { type Alert, type Delivery, SECOND, type Severity } from '../model/index.ts';
import { isOver } from './transient.ts';

/** A message that is owed, with its alert. */
export type Owed = { readonly delivery: Delivery; readonly alert: Alert };

/** What is sent as one message. */
export type Bundle = {
  /** `single`: one alert; `group`: several of one kind about one thing; `digest`: whatever there is. */
  readonly form: 'single' | 'group' | 'digest';
  /** The gravest first, ends last; never empty. */
  readonly items: readonly [Owed, ...Owed[]];
};

/** Whoever sends a message of several has heard of it by then, ms: nobody else sends sooner what it bears. */
const HEARD_WITHIN = 90 * SECOND;

/** Above so many that wait on one channel, they are told together whatever they are about. */
const DIGEST_ABOVE = 10;

const GRAVITY: Readonly<Record<Severity, number>> = { critical: 2, warning: 1, info: 0 };

/** When it may be sent by another than whoever sends it now, if anybody does. */
export function heardBy({ at, attempts, lastError }: Delivery, now: number): number {
  const underWay = attempts > 0 && lastError?.verdict === 'unknown' && at !== null && at <= now;
  return underWay ? Math.max(now, at + HEARD_WITHIN) : now;
}

/** What is told together: alerts of one kind about one credential, or one monitor or channel. */
export function groupOf({
  kind,
  credential,
  monitor,
  channel,
}: Pick<Alert, 'kind' | 'credential' | 'monitor' | 'channel'>): string {
  return JSON.stringify([
    kind,
    credential ?? null,
    credential === undefined ? (monitor ?? channel ?? null) : null,
  ]);
}

/**
 * What goes out now with the message that is due.
 *
 * @param waiting all that may be sent on the channel, `first` included or not
 * @param most so many at most go in one message
 * @example gather(first, waiting).form // 'group'
 */
export function gather(first: Owed, waiting: readonly Owed[], most = Number.POSITIVE_INFINITY): Bundle {
  const others = waiting.filter(({ delivery }) => delivery.id !== first.delivery.id);
  if (first.alert.kind === 'test' || most <= 1) return { form: 'single', items: [first] };
  const ordinary = others.filter(({ alert }) => alert.kind !== 'test');
  if (ordinary.length >= DIGEST_ABOVE)
    return { form: 'digest', items: sorted(first, ordinary.slice(0, most - 1)) };
  const group = groupOf(first.alert);
  // One that begins is told in full, whatever else of its kind has ended.
  const alike = ordinary.filter(
    ({ delivery, alert }) => delivery.event === first.delivery.event && groupOf(alert) === group,
  );
  return alike.length === 0
    ? { form: 'single', items: [first] }
    : { form: 'group', items: sorted(first, alike.slice(0, most - 1)) };
}

function sorted(first: Owed, others: readonly Owed[]): Bundle['items'] {
  const [head = first, ...rest] = [first, ...others].sort(
    (a, b) => rank(b) - rank(a) || a.delivery.createdAt - b.delivery.createdAt,
  );
  return [head, ...rest];
}

/** What holds before what is over, the graver before the lesser. */
function rank({ delivery, alert }: Owed): number {
  const holds = delivery.event === 'trigger' && !isOver(alert);
  return GRAVITY[alert.severity] + (holds ? 10 : 0);
}
