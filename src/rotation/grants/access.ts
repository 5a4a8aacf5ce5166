import type { Grant, NarrowToken } from '../../model/index.ts';
import { MINUTE } from '../../model/index.ts';
import type { GrantPolicy } from './situation.ts';

/** More than this share of a token's life is never asked for ahead: a refresh could not give it for long either. */
const MOST = 0.75;
/** Where an answer says no sane `expires_in` and none before it did (RFC 6749, 5.1, only recommends it). */
const UNTOLD_LIFE = 10 * MINUTE;

/** How much life a token that is handed out has at least, ms: the least of 60 s, `before` and a quarter of its life. */
function marginOf(life: number, { before }: Pick<GrantPolicy, 'before'>): number {
  return Math.min(MINUTE, before, Math.floor(life / 4));
}

/** How long the present access token lives in all, ms; 0 where there is none. */
export function lifeOf({ accessSentAt, accessExpiresAt }: Grant): number {
  return accessSentAt === null || accessExpiresAt === null ? 0 : Math.max(0, accessExpiresAt - accessSentAt);
}

/** The {@link marginOf} of the grant's present access token. */
export function handOutMargin(grant: Grant, policy: GrantPolicy): number {
  return marginOf(lifeOf(grant), policy);
}

/**
 * True where the access token cannot be handed out as it is: there is none, it ends too soon, or the provider refuses it.
 *
 * @param neededLife what the caller asks it to live still, ms; at most three quarters of the token's life count
 */
export function needsRefresh(grant: Grant, policy: GrantPolicy, now: number, neededLife = 0): boolean {
  if (grant.accessExpiresAt === null || isRejected(grant)) return true;
  const needed = Math.max(handOutMargin(grant, policy), Math.min(neededLife, lifeOf(grant) * MOST));
  return grant.accessExpiresAt - now < needed;
}

/** The same of a token with fewer scopes; null: there is none. */
export function needsNarrow(
  token: Pick<NarrowToken, 'sentAt' | 'expiresAt'> | null,
  policy: GrantPolicy,
  now: number,
): boolean {
  return token === null || token.expiresAt - now < marginOf(token.expiresAt - token.sentAt, policy);
}

/** The provider refused the present access token to an application, which told us. */
export function isRejected({ rejectedGeneration, accessGeneration }: Grant): boolean {
  return rejectedGeneration === accessGeneration;
}

/** The life of an access token whose answer does not say it: as the one before, else ten minutes. */
export function assumedLife(grant: Grant | null): number {
  return (grant === null ? 0 : lifeOf(grant)) || UNTOLD_LIFE;
}
