import { type Alert, DAY } from '../model/index.ts';

/** So long a person is pressed to look at an event that is critical, ms. */
export const PRESSED_FOR = DAY;

/** True for a report for information only, of which no end will be told: there is nothing to be repaired. */
export function isReport({ severity, state }: Pick<Alert, 'severity' | 'state'>): boolean {
  return severity === 'info' && state === 'resolved';
}

/** True where the alert held and has ended. An event never held: it is told as what it is. */
export function isOver({ state, transient }: Pick<Alert, 'state' | 'transient'>): boolean {
  return state === 'resolved' && transient !== true;
}

/**
 * True of an event that is critical and that nobody has taken on, for a day: it is repeated and escalates like what holds. A key
 * that a stranger minted stays minted, and Keywarden cannot see when somebody has dealt with it.
 */
export function presses(alert: Alert, now: number): boolean {
  return isPressing(alert) && now < pressedUntil(alert);
}

/** When an event ceases to press, ms since the epoch. */
export function pressedUntil({ triggeredAt }: Pick<Alert, 'triggeredAt'>): number {
  return triggeredAt + PRESSED_FOR;
}

/** The same, however long ago it was. */
export function isPressing({ severity, transient, acknowledgedBy }: Alert): boolean {
  return transient === true && severity === 'critical' && acknowledgedBy === null;
}
