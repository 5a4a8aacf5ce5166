import type { MonitorRecord } from '../../model/index.ts';
import type { MonitorTable } from '../tables.ts';

export function monitorRow(monitor: MonitorRecord): MonitorTable {
  return {
    name: monitor.name,
    cursor: monitor.cursor,
    last_event_at: monitor.lastEventAt,
    polled_at: monitor.polledAt,
    attempts: monitor.attempts,
    skipped: monitor.skipped,
    detectors: monitor.detectors,
  };
}

export function monitorFrom(row: MonitorTable): MonitorRecord {
  return {
    name: row.name,
    cursor: row.cursor,
    lastEventAt: row.last_event_at,
    polledAt: row.polled_at,
    attempts: row.attempts,
    skipped: row.skipped,
    detectors: row.detectors,
  };
}
