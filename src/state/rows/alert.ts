import type { Alert, AlertSubject, Delivery, Evidence } from '../../model/index.ts';
import type { AlertTable, DeliveryTable } from '../alert-tables.ts';
import { failureFrom, jsonText, parseJson } from './json.ts';

export function alertRow(alert: Alert): AlertTable {
  return {
    id: alert.id,
    dedup_key: alert.dedupKey,
    identity: alert.identity,
    generation: alert.generation,
    kind: alert.kind,
    severity: alert.severity,
    state: alert.state,
    credential: alert.credential ?? null,
    monitor: alert.monitor ?? null,
    channel: alert.channel ?? null,
    title: alert.title,
    summary: alert.summary,
    action: alert.action,
    deadline: alert.deadline,
    evidence: JSON.stringify(alert.evidence),
    first_seen_at: alert.firstSeenAt,
    last_seen_at: alert.lastSeenAt,
    count: alert.count,
    acknowledged_by: alert.acknowledgedBy,
    acknowledged_at: alert.acknowledgedAt ?? null,
    triggered_at: alert.triggeredAt,
    reported_at: alert.reportedAt,
    transient: alert.transient === true ? 1 : 0,
    revision: alert.revision,
  };
}

export function alertFrom(row: AlertTable): Alert {
  return {
    id: row.id,
    dedupKey: row.dedup_key,
    identity: row.identity,
    generation: row.generation,
    kind: row.kind,
    severity: row.severity,
    state: row.state,
    ...subjectFrom(row),
    title: row.title,
    summary: row.summary,
    action: row.action,
    deadline: row.deadline,
    evidence: parseJson<Evidence>(row.evidence, `the evidence of alert ${row.id}`),
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
    count: row.count,
    acknowledgedBy: row.acknowledged_by,
    ...(row.acknowledged_at === null ? {} : { acknowledgedAt: row.acknowledged_at }),
    triggeredAt: row.triggered_at,
    reportedAt: row.reported_at,
    ...(row.transient === 1 ? { transient: true } : {}),
    revision: row.revision,
  };
}

/** What an alert is about, as its columns say. */
export function subjectFrom({
  credential,
  monitor,
  channel,
}: Pick<AlertTable, 'credential' | 'monitor' | 'channel'>): AlertSubject {
  return {
    ...(credential === null ? {} : { credential }),
    ...(monitor === null ? {} : { monitor }),
    ...(channel === null ? {} : { channel }),
  };
}

export function deliveryRow(delivery: Delivery): DeliveryTable {
  return {
    id: delivery.id,
    alert_id: delivery.alertId,
    channel: delivery.channel,
    event: delivery.event,
    state: delivery.state,
    attempts: delivery.attempts,
    last_error: jsonText(delivery.lastError),
    created_at: delivery.createdAt,
    at: delivery.at,
  };
}

export function deliveryFrom(row: DeliveryTable): Delivery {
  return {
    id: row.id,
    alertId: row.alert_id,
    channel: row.channel,
    event: row.event,
    state: row.state,
    attempts: row.attempts,
    lastError: failureFrom(row.last_error, `the last error of delivery ${row.id}`),
    createdAt: row.created_at,
    at: row.at,
  };
}
