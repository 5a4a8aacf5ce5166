import { createHash } from 'node:crypto';
import type { OAuthSettings } from './oauth-settings.ts';
import { token } from './random.ts';

/** The right that a user gave to a client. Times in ms of the sandbox's clock. */
export type UserGrant = {
  readonly id: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly createdAt: number;
  /** How often it gave new tokens. */
  readonly refreshes: number;
  readonly revokedAt: number | null;
  readonly revokedBecause: 'by-user' | 'code-reused' | 'refresh-token-reused' | null;
};

/** What a client asked for and a user approved. */
export type Approval = {
  readonly clientId: string;
  /** As the request named it; null: it named none. */
  readonly redirectUri: string | null;
  /** PKCE, S256. */
  readonly challenge: string;
  readonly scopes: readonly string[];
};

export type Tokens = {
  readonly access: string;
  /** Null: the old one stays. */
  readonly refresh: string | null;
  readonly scopes: readonly string[];
  /** s. */
  readonly expiresIn: number;
};

export type Refused = {
  readonly error: 'invalid_grant' | 'invalid_scope';
  readonly description: string;
};

/** What an access token is good for. */
export type Access =
  | { readonly grant: UserGrant; readonly scopes: readonly string[] }
  | { readonly refused: 'unknown' | 'expired' | 'revoked'; readonly grant: UserGrant | null };

type Code = Approval & { readonly issuedAt: number; readonly used: boolean; readonly grantId: string | null };
type RefreshToken = {
  readonly grantId: string;
  readonly endsAt: number;
  readonly rotatedAt: number | null;
};
type AccessToken = { readonly grantId: string; readonly scopes: readonly string[]; readonly endsAt: number };

/** By this an access token is told from an API key. */
export const ACCESS_PREFIX = 'ff_at_';

const DAY = 86_400_000;

/**
 * Codes, grants and tokens of FrameFlow's authorization server, and what the clock makes of them. Time comes in.
 *
 * A code is good once; its second use revokes what the first one gave (RFC 6749, 4.1.2). So does a refresh token that is
 * used after it was rotated and its grace is over (RFC 9700, 4.14.2).
 */
export class UserGrants {
  readonly #settings: { readonly oauth: OAuthSettings };
  readonly #codes = new Map<string, Code>();
  readonly #grants = new Map<string, UserGrant>();
  readonly #refresh = new Map<string, RefreshToken>();
  readonly #access = new Map<string, AccessToken>();
  /** The refresh token of each grant that was given last. */
  readonly #newest = new Map<string, string>();

  constructor(settings: { readonly oauth: OAuthSettings }) {
    this.#settings = settings;
  }

  /** Oldest first. */
  all(): UserGrant[] {
    return [...this.#grants.values()];
  }

  issueCode(approval: Approval, now: number): string {
    drop(this.#codes, ({ issuedAt }) => issuedAt + this.#settings.oauth.codeLifetimeMs + DAY < now);
    const code = `ff_ac_${token(32)}`;
    this.#codes.set(code, { ...approval, issuedAt: now, used: false, grantId: null });
    return code;
  }

  /** A code is spent by whatever its client makes of it. */
  exchange(
    value: string,
    by: {
      readonly clientId: string;
      readonly redirectUri: string | null;
      readonly verifier: string;
      /** What the client has registered, where that is only one: it may be named although the request did not. */
      readonly onlyUri: string | null;
    },
    now: number,
  ): Tokens | Refused {
    const code = this.#codes.get(value);
    if (code === undefined || code.clientId !== by.clientId) return refused('There is no such code.');
    if (code.used) {
      if (code.grantId !== null) this.#revoke(code.grantId, 'code-reused', now);
      return refused('The code was used before; what it gave is revoked.');
    }
    this.#codes.set(value, { ...code, used: true });
    if (now >= code.issuedAt + this.#settings.oauth.codeLifetimeMs) return refused('The code has expired.');
    const uriFits = code.redirectUri === null ? [null, by.onlyUri] : [code.redirectUri];
    if (!uriFits.includes(by.redirectUri)) return refused('redirect_uri is not the one of the request.');
    if (challengeOf(by.verifier) !== code.challenge) return refused('code_verifier does not fit.');

    const id = `grant_${token(12)}`;
    const { clientId, scopes } = code;
    const none = { refreshes: 0, revokedAt: null, revokedBecause: null };
    this.#codes.set(value, { ...code, used: true, grantId: id });
    this.#grants.set(id, { id, clientId, scopes, createdAt: now, ...none });
    const refresh = this.#giveRefresh(id, now + this.#settings.oauth.refreshLifetimeMs);
    return this.#giveAccess(id, refresh, scopes, now);
  }

  /** `wanted`: fewer scopes than were granted; null: all. */
  refresh(value: string, clientId: string, wanted: readonly string[] | null, now: number): Tokens | Refused {
    const { oauth } = this.#settings;
    const held = this.#refresh.get(value);
    const grant = this.#grants.get(held?.grantId ?? '');
    if (held === undefined || grant?.clientId !== clientId) return refused('There is no such refresh token.');
    if (grant.revokedAt !== null) return refused('The grant was revoked.');
    if (held.rotatedAt !== null && now >= held.rotatedAt + oauth.refreshGraceMs) {
      this.#revoke(grant.id, 'refresh-token-reused', now);
      return refused('The refresh token was used before; the grant is revoked.');
    }
    if (now >= held.endsAt) return refused('The refresh token has expired.');
    const scopes = wanted ?? grant.scopes;
    if (scopes.some((scope) => !grant.scopes.includes(scope))) {
      return { error: 'invalid_scope', description: 'scope asks for more than was granted.' };
    }
    this.#grants.set(grant.id, { ...grant, refreshes: grant.refreshes + 1 });
    return this.#giveAccess(grant.id, this.#nextRefresh(value, held, now), scopes, now);
  }

  /** What `value` is good for now. */
  access(value: string, now: number): Access {
    const held = this.#access.get(value);
    const grant = this.#grants.get(held?.grantId ?? '');
    if (held === undefined || grant === undefined) return { refused: 'unknown', grant: null };
    if (grant.revokedAt !== null) return { refused: 'revoked', grant };
    if (now >= held.endsAt + this.#settings.oauth.accessLeewayMs) return { refused: 'expired', grant };
    return { grant, scopes: held.scopes };
  }

  /** Ends a grant with all its tokens, as its user does. False where there is no such grant. */
  revoke(id: string, now: number): boolean {
    return this.#revoke(id, 'by-user', now);
  }

  /** Ends the access tokens of a grant before their time; it can be refreshed. False where there is no such grant. */
  endAccess(id: string): boolean {
    for (const [value, { grantId }] of this.#access) if (grantId === id) this.#access.delete(value);
    return this.#grants.has(id);
  }

  #revoke(id: string, because: NonNullable<UserGrant['revokedBecause']>, now: number): boolean {
    const grant = this.#grants.get(id);
    if (grant === undefined) return false;
    if (grant.revokedAt === null) {
      this.#grants.set(id, { ...grant, revokedAt: now, revokedBecause: because });
    }
    return true;
  }

  /** Null: the one that was presented stays. A replay within the grace gets the newest once more. */
  #nextRefresh(value: string, held: RefreshToken, now: number): string | null {
    const { rotation, sliding, refreshLifetimeMs } = this.#settings.oauth;
    if (held.rotatedAt !== null) return this.#newest.get(held.grantId) ?? null;
    if (!rotation) return null;
    this.#refresh.set(value, { ...held, rotatedAt: now });
    return this.#giveRefresh(held.grantId, sliding ? now + refreshLifetimeMs : held.endsAt);
  }

  #giveRefresh(grantId: string, endsAt: number): string {
    const value = `ff_rt_${token(43)}`;
    this.#refresh.set(value, { grantId, endsAt, rotatedAt: null });
    this.#newest.set(grantId, value);
    return value;
  }

  #giveAccess(grantId: string, refresh: string | null, scopes: readonly string[], now: number): Tokens {
    const { accessLifetimeMs, accessLeewayMs } = this.#settings.oauth;
    drop(this.#access, ({ endsAt }) => endsAt + accessLeewayMs + DAY < now);
    drop(this.#refresh, ({ endsAt }) => endsAt + DAY < now);
    const access = `${ACCESS_PREFIX}${token(43)}`;
    this.#access.set(access, { grantId, scopes, endsAt: now + accessLifetimeMs });
    return { access, refresh, scopes, expiresIn: Math.floor(accessLifetimeMs / 1_000) };
  }
}

/** Forgets what is long over: entries stand in the order of their ends, unless lifetimes were changed. */
function drop<T>(entries: Map<string, T>, over: (entry: T) => boolean): void {
  for (const [name, entry] of entries) {
    if (!over(entry)) return;
    entries.delete(name);
  }
}

/** RFC 7636, 4.2. */
function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

function refused(description: string): Refused {
  return { error: 'invalid_grant', description };
}
