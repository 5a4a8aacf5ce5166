import type { Change, HeldGrant } from '../../model/index.ts';
import { isRejected } from './access.ts';
import { becomes, expectGrant, putGrant } from './put.ts';
import type { GrantFolded, GrantSituation } from './situation.ts';
import { learntFromEnd } from './slides.ts';

/**
 * An application says that the provider refuses the token of this version: it is refreshed at once, once for each version.
 * Nothing where the version is another by now, or was named before.
 */
export function rejectToken(held: HeldGrant, version: number, now: number): readonly Change[] {
  const { grant } = held;
  if (grant.state !== 'active' || grant.accessGeneration !== version || isRejected(grant)) return [];
  const { client, subject } = grant;
  return [
    expectGrant(held),
    putGrant({ ...grant, rejectedGeneration: version }),
    { type: 'grant.wake', client, subject, due: { at: now, lane: 'waiting' } },
  ];
}

/**
 * The provider said when the refresh token ends (RFC 7662; null: it does not say it). Of a grant that was refreshed since the
 * consent this tells, too, whether that gave it a new life.
 */
export function foldIntrospected(situation: GrantSituation, endsAt: number | null): GrantFolded {
  const { held, client, policy } = situation;
  if (endsAt === null || endsAt === held.grant.refreshExpiresAt) return { changes: [], signals: [] };
  const grant = { ...held.grant, refreshExpiresAt: endsAt };
  return becomes(situation, grant, learntFromEnd(client, grant, endsAt, policy), []);
}
