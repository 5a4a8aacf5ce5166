import {
  type ClientPause,
  type ClientRecord,
  GRANT_LANES,
  type Grant,
  type GrantLane,
  type RefreshAttempt,
} from '../../model/index.ts';
import type { ClientTable, GrantTable } from '../tables.ts';
import { failureFrom, jsonFrom, jsonText, parseJson } from './json.ts';

/** A grant's row without its tokens, its revision and its due time. */
export type GrantRow = Omit<GrantTable, 'revision' | 'key_id' | 'box' | 'due_at' | 'lane'>;

/** The columns of {@link GrantRow}: what a list reads. */
export const GRANT_COLUMNS = [
  'grants.client',
  'grants.subject',
  'grants.state',
  'grants.reason',
  'grants.generation',
  'grants.scopes',
  'grants.consented_at',
  'grants.renewed_at',
  'grants.refresh_expires_at',
  'grants.access_sent_at',
  'grants.access_expires_at',
  'grants.used_at',
  'grants.attempt',
  'grants.access_generation',
  'grants.rejected_generation',
  'grants.attempts',
  'grants.retry_at',
  'grants.last_error',
] as const;

export function grantRow(grant: Grant): GrantRow {
  return {
    client: grant.client,
    subject: grant.subject,
    state: grant.state,
    reason: grant.reason,
    generation: grant.generation,
    scopes: grant.scopes.join(' '),
    consented_at: grant.consentedAt,
    renewed_at: grant.renewedAt,
    refresh_expires_at: grant.refreshExpiresAt,
    access_sent_at: grant.accessSentAt,
    access_expires_at: grant.accessExpiresAt,
    used_at: grant.usedAt,
    attempt: attemptText(grant.attempt),
    access_generation: grant.accessGeneration,
    rejected_generation: grant.rejectedGeneration,
    attempts: grant.attempts,
    retry_at: grant.retryAt,
    last_error: jsonText(grant.lastError),
  };
}

export function grantFrom(row: GrantRow): Grant {
  const where = `of the grant of ${JSON.stringify(row.subject)} to ${row.client}`;
  return {
    client: row.client,
    subject: row.subject,
    state: row.state,
    reason: row.reason,
    generation: row.generation,
    scopes: row.scopes === '' ? [] : row.scopes.split(' '),
    consentedAt: row.consented_at,
    renewedAt: row.renewed_at,
    refreshExpiresAt: row.refresh_expires_at,
    accessSentAt: row.access_sent_at,
    accessExpiresAt: row.access_expires_at,
    usedAt: row.used_at,
    attempt: attemptFrom(row.attempt, `the attempt ${where}`),
    accessGeneration: row.access_generation,
    rejectedGeneration: row.rejected_generation,
    attempts: row.attempts,
    retryAt: row.retry_at,
    lastError: failureFrom(row.last_error, `the last error ${where}`),
  };
}

/** A list, without names: a row that grows and shrinks with every refresh leaves holes among its neighbours. */
type AttemptList = [
  RefreshAttempt['generation'],
  RefreshAttempt['fingerprint'],
  RefreshAttempt['sentAt'],
  RefreshAttempt['sent'],
  RefreshAttempt['scope'],
];

function attemptText(attempt: RefreshAttempt | null): string | null {
  if (attempt === null) return null;
  const { generation, fingerprint, sentAt, sent, scope } = attempt;
  const list: AttemptList = [generation, fingerprint, sentAt, sent, scope];
  return JSON.stringify(list);
}

function attemptFrom(text: string | null, where: string): RefreshAttempt | null {
  const list = jsonFrom<AttemptList>(text, where);
  if (list === null) return null;
  const [generation, fingerprint, sentAt, sent, scope] = list;
  return { generation, fingerprint, sentAt, sent, scope };
}

/** A lane as the database orders it. */
export const laneRank = (lane: GrantLane): number => GRANT_LANES.indexOf(lane);

export function clientRow(record: ClientRecord): Omit<ClientTable, 'revision'> {
  return {
    client: record.client,
    pause: jsonText(record.pause),
    refused_at: JSON.stringify(record.refusedAt),
    failures: record.failures,
    faults: JSON.stringify(record.faults),
    slides: record.slides === null ? null : Number(record.slides),
    looked_at: record.lookedAt,
  };
}

export function clientFrom(row: Omit<ClientTable, 'revision'>): ClientRecord {
  return {
    client: row.client,
    pause: jsonFrom<ClientPause>(row.pause, `the pause of the client ${row.client}`),
    refusedAt: parseJson<number[]>(row.refused_at, `what the client ${row.client} was refused`),
    failures: row.failures,
    faults: parseJson<Record<string, number>>(row.faults, `the faults of the client ${row.client}`),
    slides: row.slides === null ? null : row.slides === 1,
    lookedAt: row.looked_at,
  };
}
