import type { Insertable, Selectable } from 'kysely';
import type { CredentialRecord, Destination, Version } from '../../model/index.ts';
import type { CredentialTable, DestinationTable, VersionTable } from '../tables.ts';
import { failureFrom, failureText } from './json.ts';

export function credentialRow(record: CredentialRecord): Insertable<CredentialTable> {
  return {
    name: record.name,
    provider: record.provider,
    state: record.state,
    first_seen_at: record.firstSeenAt,
    last_error: failureText(record.lastError),
    attempts: record.attempts,
    retry_at: record.retryAt,
  };
}

export function credentialFrom(row: Selectable<CredentialTable>): CredentialRecord {
  return {
    name: row.name,
    provider: row.provider,
    state: row.state,
    firstSeenAt: row.first_seen_at,
    lastError: failureFrom(row.last_error, `the last error of credential ${row.name}`),
    attempts: row.attempts,
    retryAt: row.retry_at,
  };
}

export function versionRow(version: Version): VersionTable {
  return {
    id: version.id,
    credential: version.credential,
    number: version.number,
    key_id: version.keyId,
    state: version.state,
    origin: version.origin,
    fingerprint: version.fingerprint,
    created_at: version.createdAt,
    expires_at: version.expiresAt,
  };
}

export function versionFrom(row: VersionTable): Version {
  return {
    id: row.id,
    credential: row.credential,
    number: row.number,
    keyId: row.key_id,
    state: row.state,
    origin: row.origin,
    fingerprint: row.fingerprint,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

export function destinationRow(destination: Destination): DestinationTable {
  return {
    credential: destination.credential,
    id: destination.id,
    state: destination.state,
    version_id: destination.versionId,
    published_at: destination.publishedAt,
    attempts: destination.attempts,
    last_error: failureText(destination.lastError),
  };
}

export function destinationFrom(row: DestinationTable): Destination {
  return {
    credential: row.credential,
    id: row.id,
    state: row.state,
    versionId: row.version_id,
    publishedAt: row.published_at,
    attempts: row.attempts,
    lastError: failureFrom(row.last_error, `the last error of destination ${row.id}`),
  };
}
