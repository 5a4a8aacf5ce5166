import type { Selectable } from 'kysely';
import type { KeyUser, ObservedMint } from '../../model/index.ts';
import type { KeyUserTable, MintTable } from '../tables.ts';

/** As it is first seen: unsettled. */
export function mintRow(mint: ObservedMint): MintTable {
  return {
    id: mint.id,
    credential: mint.credential,
    signer_key_id: mint.signerKeyId,
    minted_key_id: mint.mintedKeyId,
    at: mint.at,
    ip: mint.ip,
    user_agent: mint.userAgent,
    settled: 0,
  };
}

export function mintFrom(row: Selectable<MintTable>): ObservedMint {
  return {
    id: row.id,
    credential: row.credential,
    signerKeyId: row.signer_key_id,
    mintedKeyId: row.minted_key_id,
    at: row.at,
    ip: row.ip,
    userAgent: row.user_agent,
  };
}

export function keyUserRow(user: KeyUser): KeyUserTable {
  return {
    key_id: user.keyId,
    ip: user.ip,
    user_agent: user.userAgent ?? '',
    calls: user.calls,
    first_seen_at: user.firstSeenAt,
    last_seen_at: user.lastSeenAt,
  };
}

/** An empty user agent is none. */
export function keyUserFrom(row: KeyUserTable): KeyUser {
  return {
    keyId: row.key_id,
    ip: row.ip,
    userAgent: row.user_agent === '' ? null : row.user_agent,
    calls: row.calls,
    firstSeenAt: row.first_seen_at,
    lastSeenAt: row.last_seen_at,
  };
}
