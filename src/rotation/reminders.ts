import type { AlertKind, Signal } from '../model/index.ts';
import { raise, resolve, type Telling } from './signals.ts';

/** One of several reminders of the same thing; each is an alert of its own, so that it wakes anew. */
export type Stage = { readonly condition: string; readonly from: number };

/**
 * The stage that was reached last is told, those before it have ended: one open alert at a time. Stages come in the
 * order of their times.
 */
export function remind(
  kind: AlertKind,
  credential: string,
  stages: readonly Stage[],
  telling: Telling,
  now: number,
): Signal[] {
  const reached = stages.filter(({ from }) => from <= now);
  return reached.map(({ condition }, index) =>
    index === reached.length - 1
      ? raise(kind, credential, now, { ...telling, condition })
      : resolve(kind, credential, now, condition),
  );
}

/** What was reminded of is done. */
export function remindersEnd(
  kind: AlertKind,
  credential: string,
  stages: readonly Stage[],
  now: number,
): Signal[] {
  return stages.map(({ condition }) => resolve(kind, credential, now, condition));
}

/** When the next stage is reached; null after the last. */
export function nextStage(stages: readonly Stage[], now: number): number | null {
  return stages.find(({ from }) => from > now)?.from ?? null;
}
