import type { Alert, AlertKind, Resolve } from '../model/index.ts';
import { conditionOf, subjectOf } from './identity.ts';

/** What the configuration names. */
export type Configured = {
  /** What alerts of each credential may be about: its destinations' ids, and the names of its reminders. */
  readonly credentials: Readonly<Record<string, readonly string[]>>;
  /** OAuth clients: an alert of theirs bears the client's name as its credential. */
  readonly clients: readonly string[];
  readonly monitors: readonly string[];
  readonly channels: readonly string[];
};

/** Kinds whose condition is a destination or a reminder, and the conditions of theirs that are neither. */
const OF_ONE: readonly AlertKind[] = [
  'publish-failed',
  'store-unreachable',
  'store-drift',
  'file-permissions',
  'hook-failed',
  'old-key-in-use',
  'rotation-due',
  'inactivity-expiry',
];
const OF_NONE: readonly string[] = ['', 'preflight', 'adopt', 'due'];

/**
 * The ends of the alerts about what is no longer configured: nothing that runs would ever end them.
 *
 * @example orphans(open, { credentials: {}, clients: [], monitors: [], channels: ['team'] }, now)
 */
export function orphans(openAlerts: readonly Alert[], configured: Configured, now: number): Resolve[] {
  return openAlerts.flatMap((alert) => {
    const condition = conditionOf(alert);
    if (condition === null || !isOrphan(alert, condition, configured)) return [];
    return [{ type: 'resolve', kind: alert.kind, condition, at: now, ...subjectOf(alert) }];
  });
}

/** An alert of a monitor ends with the monitor, whatever credential it found concerned. */
function isOrphan(alert: Alert, condition: string, configured: Configured): boolean {
  const { credential, monitor, channel, kind } = alert;
  if (monitor !== undefined) return !configured.monitors.includes(monitor);
  if (credential === undefined) return channel !== undefined && !configured.channels.includes(channel);
  if (configured.clients.includes(credential)) return false;
  if (!Object.hasOwn(configured.credentials, credential)) return true;
  return (
    OF_ONE.includes(kind) &&
    !OF_NONE.includes(condition) &&
    !configured.credentials[credential]?.includes(condition)
  );
}

/** The end of an alert, told from outside of what raised it; null where its condition cannot be told from it. */
export function endOf(alert: Alert, at: number): Resolve | null {
  const condition = conditionOf(alert);
  return condition === null
    ? null
    : { type: 'resolve', kind: alert.kind, condition, at, ...subjectOf(alert) };
}
