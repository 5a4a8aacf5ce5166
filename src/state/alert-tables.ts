import type { Alert, Delivery } from '../model/index.ts';

export type AlertTable = {
  id: string;
  dedup_key: string;
  identity: string;
  generation: number;
  kind: Alert['kind'];
  severity: Alert['severity'];
  state: Alert['state'];
  credential: string | null;
  monitor: string | null;
  channel: string | null;
  title: string;
  summary: string;
  action: string | null;
  deadline: number | null;
  evidence: string;
  first_seen_at: number;
  last_seen_at: number;
  count: number;
  acknowledged_by: string | null;
  acknowledged_at: number | null;
  triggered_at: number;
  reported_at: number | null;
  transient: number;
  revision: number;
};

/** Lists as JSON. */
export type SilenceTable = {
  id: string;
  kind: string;
  credential: string;
  severity: string;
  created_at: number;
  ends_at: number;
  reason: string;
  author: string;
};

export type DeliveryTable = {
  id: string;
  alert_id: string;
  channel: string;
  event: Delivery['event'];
  state: Delivery['state'];
  attempts: number;
  last_error: string | null;
  created_at: number;
  at: number | null;
};
