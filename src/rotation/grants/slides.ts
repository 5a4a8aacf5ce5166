import type { ClientRecord, Grant } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import { touchedAt } from './lapse.ts';
import type { GrantPolicy } from './situation.ts';

/** Times that a provider gives are whole seconds: what happened within these tells nothing. */
const TOO_SOON = 10 * SECOND;

/**
 * Whether a refresh gives the refresh token a new life, after one that was served: by the ends that the provider gave
 * before and after it, else because it was served after the life that began with the consent. Unchanged where neither
 * tells.
 *
 * @param before the grant before the refresh
 * @param endsAt the refresh token's end by the provider's word after it; null: none
 */
export function learnt(
  client: ClientRecord,
  before: Grant,
  { sentAt, endsAt }: { readonly sentAt: number; readonly endsAt: number | null },
  { refreshLifetime }: GrantPolicy,
): ClientRecord {
  const slides = told(before, sentAt, endsAt) ?? outlived(before, sentAt, refreshLifetime);
  return slides === null || slides === client.slides ? client : { ...client, slides };
}

/** The same by the end that the provider gives for a grant's present refresh token. */
export function learntFromEnd(
  client: ClientRecord,
  { renewedAt, consentedAt }: Grant,
  endsAt: number,
  { refreshLifetime }: GrantPolicy,
): ClientRecord {
  const passed = renewedAt - consentedAt;
  if (client.slides !== null || passed < TOO_SOON) return client;
  return { ...client, slides: endsAt - (consentedAt + refreshLifetime) >= passed / 2 };
}

function told(before: Grant, sentAt: number, endsAt: number | null): boolean | null {
  const passed = sentAt - touchedAt(before);
  if (endsAt === null || before.refreshExpiresAt === null || passed < TOO_SOON) return null;
  return endsAt - before.refreshExpiresAt >= passed / 2;
}

/** When one that moved in was consented to is not known, but it was before that. */
function outlived(before: Grant, sentAt: number, lifetime: number): true | null {
  return sentAt >= before.consentedAt + lifetime ? true : null;
}
