import type {
  AuditEntry,
  Change,
  ClientRecord,
  Grant,
  GrantDue,
  HeldGrant,
  Secret,
  Signal,
} from '../../model/index.ts';
import { audit } from '../folded.ts';
import { putClient } from './pauses.ts';
import type { GrantFolded, GrantSituation } from './situation.ts';

/** Refuses the commit as stale where anybody else wrote the grant since it was read. */
export function expectGrant({ grant, revision }: HeldGrant): Change {
  return { type: 'grant.expect', client: grant.client, subject: grant.subject, revision };
}

export function putGrant(
  grant: Grant,
  more: { readonly tokens?: { refresh: Secret; access: Secret | null }; readonly due?: GrantDue } = {},
): Change {
  return { type: 'grant.put', grant, ...more };
}

/** The raw answer is sealed before all else; null: it was taken in, or is of no use. */
export function putAnswer({ client, subject }: Grant, answer: Secret | null): Change {
  return { type: 'grant.answer', client, subject, answer };
}

/** Its access tokens with fewer scopes serve no more. */
export function clearNarrow({ client, subject }: Grant): Change {
  return { type: 'narrow.clear', client, subject };
}

/** One line of the audit log about a grant. */
export function auditGrant(
  { client, subject }: { readonly client: string; readonly subject: string },
  did: 'consented' | 'taken-over' | 'consent-required' | 'forgotten' | 'revoked',
  now: number,
  detail: AuditEntry['detail'] = {},
  actor = 'daemon',
): Change {
  return audit(now, actor, `grant.${did}`, client, { subject, ...detail });
}

/** The grant as it becomes, and the client's record where it changes: one commit. */
export function becomes(
  situation: GrantSituation,
  grant: Grant,
  client: ClientRecord,
  signals: readonly Signal[],
  more: readonly Change[] = [],
): GrantFolded {
  return {
    changes: [expectGrant(situation.held), putGrant(grant), ...more, ...putClient(situation, client)],
    signals,
  };
}
