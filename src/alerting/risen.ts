import { type Alert, type Evidence, formatTime } from '../model/index.ts';

/**
 * What the evidence of an alert that got worse keeps of how it stood before.
 *
 * @example risenFrom(alert) // { risen: 'acknowledged as a warning by ops at 2026-10-01T09:00:00Z' }
 */
export function risenFrom({ severity, state, acknowledgedBy, acknowledgedAt }: Alert): Evidence {
  const grade = severity === 'warning' ? 'a warning' : 'information';
  if (state !== 'acknowledged') return { risen: `told as ${grade} before` };
  const when = acknowledgedAt === undefined ? '' : ` at ${formatTime(acknowledgedAt)}`;
  return { risen: `acknowledged as ${grade} by ${acknowledgedBy}${when}` };
}

/** The same in a sentence that ends with a space; empty where it has been as grave from the first. */
export function risenText({ severity, evidence }: Pick<Alert, 'severity' | 'evidence'>): string {
  return typeof evidence.risen === 'string' ? `Rises to ${severity}; it was ${evidence.risen}. ` : '';
}

/** What is kept of it when the evidence is renewed. */
export function stillRisen({ risen }: Evidence): Evidence {
  return risen === undefined ? {} : { risen };
}

/** The id of the alert as which one that got worse goes on, under a dedup key of its own; null: it does not. */
export function goesOnAs({ evidence }: Pick<Alert, 'evidence'>): string | null {
  return typeof evidence.goesOnAs === 'string' ? evidence.goesOnAs : null;
}
