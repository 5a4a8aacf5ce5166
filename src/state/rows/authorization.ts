import type { Authorization } from '../../model/index.ts';
import type { AuthorizationTable } from '../tables.ts';
import { failureFrom, jsonText, parseJson } from './json.ts';

export function authorizationRow(authorization: Authorization): AuthorizationTable {
  return {
    id: authorization.id,
    client: authorization.client,
    subject: authorization.subject,
    state: authorization.state,
    state_digest: authorization.stateDigest,
    scopes: JSON.stringify(authorization.scopes),
    return_url: authorization.returnUrl,
    actor: authorization.actor,
    created_at: authorization.createdAt,
    expires_at: authorization.expiresAt,
    sent_at: authorization.sentAt,
    error: jsonText(authorization.error),
  };
}

export function authorizationFrom(row: AuthorizationTable): Authorization {
  return {
    id: row.id,
    client: row.client,
    subject: row.subject,
    state: row.state,
    stateDigest: row.state_digest,
    scopes: parseJson<string[]>(row.scopes, `the scopes of the authorization ${row.id}`),
    returnUrl: row.return_url,
    actor: row.actor,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    sentAt: row.sent_at,
    error: failureFrom(row.error, `the error of the authorization ${row.id}`),
  };
}
