import { type Authorization, type Grant, KeywardenError, type Secret } from '../../model/index.ts';

/** A consent that was begun: where the user's browser goes, and until when. */
export type BegunConsent = {
  readonly id: string;
  readonly authorizeUrl: string;
  readonly expiresAt: number;
};

/** An access token as an application gets it. */
export type HandedOut = {
  readonly value: Secret;
  readonly expiresAt: number;
  readonly scopes: readonly string[];
  /** The grant's generation: what an application names when the provider refuses the token. */
  readonly version: number;
};

export type HandOutRequest = {
  /** Fewer scopes than were granted; null: all. */
  readonly scopes: readonly string[] | null;
  /** The version whose token the provider refused the caller; null: none. Refreshed at once, once for each version. */
  readonly rejected: number | null;
  /** How long the caller waits, ms of real time. */
  readonly patienceMs: number;
  /** The caller has gone. It ends the wait and nothing else. */
  readonly signal: AbortSignal;
};

/** No token can be had now, and that may change: `unavailable`. */
export class UnavailableError extends KeywardenError {
  /** When to ask again. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs: number) {
    super('unavailable', message);
    this.name = 'UnavailableError';
    this.retryAfterMs = retryAfterMs;
  }
}

/** An existing grant that moves in. Its refresh token is tested at its first refresh. */
export type TakenOver = {
  readonly subject: string;
  readonly refreshToken: Secret;
  /** Null: the client's. */
  readonly scopes: readonly string[] | null;
};

/**
 * What people and applications may ask about grants. Every method throws a KeywardenError with one of the codes it names;
 * `unknown_client` in all of them.
 */
export type GrantCommands = {
  /** @throws `return_url_not_allowed`, `bad_subject`, `provider_unavailable` (its metadata cannot be had) */
  begin(
    client: string,
    request: { readonly subject: string; readonly returnUrl: string | null; readonly actor: string },
  ): Promise<BegunConsent>;
  /**
   * The browser's return. Resolves once the code was exchanged or was found to be no good: look at the state. The state
   * parameter is single use.
   * @param takes the clients whose users come back at the address that was called; absent: all
   * @throws `unknown_state`: unknown, used or expired; `callback_elsewhere`: of a client that is not taken, nothing is spent
   */
  callback(query: URLSearchParams, takes?: (client: string) => boolean): Promise<Authorization>;
  /**
   * The same for an application that hosts the callback itself. A state of another consent of this client ends that one.
   * @throws `unknown_authorization`, `unknown_state`
   */
  complete(client: string, id: string, query: URLSearchParams): Promise<Authorization>;
  /** @throws `unknown_authorization` */
  authorization(client: string, id: string): Promise<Authorization>;
  /**
   * A token with at least the life that was promised, refreshed first where needed; one refresh however many ask.
   * @throws `unknown_grant`, `consent_required` (message: why), `scope_not_granted`, and {@link UnavailableError}
   */
  accessToken(client: string, subject: string, request: HandOutRequest): Promise<HandedOut>;
  /** Those that are there already with this very token are left as they are. @throws `bad_subject`, `bad_token` */
  takeOver(
    client: string,
    grants: readonly TakenOver[],
    actor: string,
  ): Promise<{ readonly taken: number; readonly known: number }>;
  /** Gone for everybody at once; revoked at the provider until that is done. @throws `unknown_grant` */
  forget(client: string, subject: string, actor: string): Promise<Grant>;
};
