import { type Alert, type Delivery, MINUTE, type Silence } from '../model/index.ts';
import { isPressing } from './transient.ts';

/** Smaller steps of the clock do no harm: nothing waits for more than a minute longer. */
const TOLERANCE = MINUTE;

/** An alert with its messages. */
export type Noted = {
  readonly alert: Alert;
  readonly own: readonly Delivery[];
  /** Those that differ from what was handed in. */
  readonly moved: readonly Delivery[];
};

/**
 * An alert as a clock that was set back must read it: what was noted while it was ahead happened by now, in the same order.
 * Write it where it differs, else `now` is later at each look and nothing is ever due. Messages that wait stay as they
 * are, for somebody may be sending them.
 *
 * @param own all deliveries of the alert, oldest first
 */
export function noted(alert: Alert, own: readonly Delivery[], now: number): Noted {
  const limit = now + TOLERANCE;
  const isAhead = (at: number | null): at is number => at !== null && at > limit;
  if (alert.state === 'resolved' && !isPressing(alert)) return { alert, own, moved: [] };
  const late = own.filter(({ state, createdAt }) => state !== 'pending' && isAhead(createdAt));
  const before = own.filter(({ createdAt }) => !isAhead(createdAt)).map(({ createdAt }) => createdAt + 1);
  const first = Math.max(now, ...before);
  const places = new Map(late.map(({ id }, index) => [id, first + index]));
  const read = own.map((delivery) => {
    const { id, state, at, createdAt } = delivery;
    const isOld = state !== 'pending' && isAhead(at);
    if (!isOld && !places.has(id)) return delivery;
    return { ...delivery, createdAt: places.get(id) ?? createdAt, at: isOld ? now : at };
  });
  const { triggeredAt, reportedAt } = alert;
  const since = late.filter(({ createdAt }) => createdAt < triggeredAt).length;
  return {
    alert:
      isAhead(triggeredAt) || isAhead(reportedAt)
        ? {
            ...alert,
            triggeredAt: isAhead(triggeredAt) ? first + since : triggeredAt,
            reportedAt: isAhead(reportedAt) ? now : reportedAt,
          }
        : alert,
    own: read,
    moved: read.filter((delivery, index) => delivery !== own[index]),
  };
}

/** A silence that was begun while the clock was ahead lasts, from now on, for as long as was asked. */
export function silenceNotAhead(silence: Silence, now: number): Silence {
  const { createdAt, endsAt } = silence;
  if (createdAt <= now + TOLERANCE) return silence;
  return { ...silence, createdAt: now, endsAt: now + Math.max(0, endsAt - createdAt) };
}
