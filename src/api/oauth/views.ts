import type { HandedOut } from '../../engine/grants/contract.ts';
import { type Authorization, formatTime, type Grant } from '../../model/index.ts';
import { failureView, timeView } from '../views.ts';

/** A grant without its tokens. */
export function grantView(grant: Grant) {
  return {
    client: grant.client,
    subject: grant.subject,
    state: grant.state,
    reason: grant.reason,
    scope: grant.scopes.join(' '),
    version: grant.generation,
    consentedAt: formatTime(grant.consentedAt),
    renewedAt: formatTime(grant.renewedAt),
    refreshExpiresAt: timeView(grant.refreshExpiresAt),
    accessExpiresAt: timeView(grant.accessExpiresAt),
    usedAt: timeView(grant.usedAt),
    retryAt: timeView(grant.retryAt),
    lastError: failureView(grant.lastError),
  };
}

/** A consent, without what would finish it. */
export function authorizationView(authorization: Authorization) {
  return {
    id: authorization.id,
    client: authorization.client,
    subject: authorization.subject,
    state: authorization.state,
    scope: authorization.scopes.join(' '),
    createdAt: formatTime(authorization.createdAt),
    expiresAt: formatTime(authorization.expiresAt),
    error: failureView(authorization.error),
  };
}

export function tokenView({ value, expiresAt, scopes, version }: HandedOut) {
  return {
    accessToken: value.reveal(),
    expiresAt: formatTime(expiresAt),
    scope: scopes.join(' '),
    version,
  };
}
