import type { Alert } from '../model/index.ts';

/** True for a report for information only, of which no end will be told: there is nothing to be repaired. */
export function isReport({ severity, state }: Pick<Alert, 'severity' | 'state'>): boolean {
  return severity === 'info' && state === 'resolved';
}

/** True where the alert held and has ended. An event never held: it is told as what it is. */
export function isOver({ state, transient }: Pick<Alert, 'state' | 'transient'>): boolean {
  return state === 'resolved' && transient !== true;
}
