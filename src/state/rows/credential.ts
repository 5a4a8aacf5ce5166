import type { Insertable, Selectable } from 'kysely';
import type {
  CredentialRecord,
  Destination,
  HookRecord,
  Pause,
  UncertainMint,
  Version,
} from '../../model/index.ts';
import type { CredentialTable, DestinationTable, VersionTable } from '../tables.ts';
import { failureFrom, jsonFrom, jsonText, parseJson } from './json.ts';

export function credentialRow(record: CredentialRecord): Insertable<CredentialTable> {
  return {
    name: record.name,
    provider: record.provider,
    state: record.state,
    first_seen_at: record.firstSeenAt,
    last_error: jsonText(record.lastError),
    attempts: record.attempts,
    retry_at: record.retryAt,
    pause: jsonText(record.pause),
    recovery_id: record.recoveryId,
    uncertain: JSON.stringify(record.uncertain),
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
    pause: jsonFrom<Pause>(row.pause, `the pause of credential ${row.name}`),
    recoveryId: row.recovery_id,
    uncertain: parseJson<UncertainMint[]>(row.uncertain, `the uncertain mints of credential ${row.name}`),
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
    compromised_at: version.compromisedAt,
    accepted_at: version.acceptedAt,
    probed_at: version.probedAt,
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
    compromisedAt: row.compromised_at,
    acceptedAt: row.accepted_at,
    probedAt: row.probed_at,
  };
}

export function destinationRow(destination: Destination): DestinationTable {
  return {
    credential: destination.credential,
    id: destination.id,
    state: destination.state,
    version_id: destination.versionId,
    published_at: destination.publishedAt,
    checked_at: destination.checkedAt,
    hook: jsonText(destination.hook),
    attempts: destination.attempts,
    looks: destination.looks,
    last_error: jsonText(destination.lastError),
  };
}

export function destinationFrom(row: DestinationTable): Destination {
  return {
    credential: row.credential,
    id: row.id,
    state: row.state,
    versionId: row.version_id,
    publishedAt: row.published_at,
    checkedAt: row.checked_at,
    hook: jsonFrom<HookRecord>(row.hook, `the hook of destination ${row.id}`),
    attempts: row.attempts,
    looks: row.looks,
    lastError: failureFrom(row.last_error, `the last error of destination ${row.id}`),
  };
}
