import type { Alert, AlertKind } from '../model/index.ts';

/** Kinds that report something that is over as they are told: no end ever follows, and nothing is to be repaired. */
const REPORTS: ReadonlySet<AlertKind> = new Set(['rotation-completed', 'test']);

/**
 * True for a report, of which no end will be told. Beside the kinds that are never anything else these are the
 * informational findings that were over when they were found; a warning that is over has its end told.
 */
export function isReport({ kind, severity, state }: Pick<Alert, 'kind' | 'severity' | 'state'>): boolean {
  return REPORTS.has(kind) || (severity === 'info' && state === 'resolved');
}

/** True where the condition had ended before its begin was told: the channel was down meanwhile. */
export function isOver({ kind, state }: Pick<Alert, 'kind' | 'state'>): boolean {
  return state === 'resolved' && !REPORTS.has(kind);
}
