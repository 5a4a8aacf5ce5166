import { SECOND } from '../../src/model/index.ts';
import { refused } from './issuer.ts';
import { Stream } from './streams.ts';

/** What a user gave, as the authorization server knows it: the truth. */
export type Given = {
  readonly subject: string;
  /** Its refresh tokens, the first first; the last is the one that it takes. */
  readonly tokens: string[];
  /** When the last but one was presented, and what was answered to it. */
  rotatedAt: number;
  answer: string;
  /** Its refresh token lapses then. */
  endsAt: number;
  /** Ended before its time. */
  endedAt: number | null;
};

export type AuthorizerOptions = {
  readonly seed: number;
  /** How long a rotated refresh token is still answered, as it was the first time; ms, 0: it ends the grant. */
  readonly grace: number;
  readonly accessLife: number;
  readonly refreshLife: number;
  /** Whether a refresh gives the refresh token a new life. */
  readonly slides: boolean;
  /** Whether its answers say when the refresh token ends. */
  readonly tells: boolean;
  readonly now: () => number;
};

/**
 * An authorization server that rotates refresh tokens and ends the whole grant where an old one comes again (RFC 9700,
 * 4.14.2). It never fails; faults are put around it.
 */
export class Authorizer {
  readonly #options: AuthorizerOptions;
  readonly #stream: Stream;
  readonly #given = new Map<string, Given>();
  readonly #access = new Map<string, { readonly given: Given; readonly endsAt: number }>();
  /** When each refresh token was first taken. */
  readonly takenAt = new Map<string, number>();
  /** The client's own secret is refused before this time. */
  refusesClientUntil = 0;
  #made = 0;

  constructor(options: AuthorizerOptions) {
    this.#options = options;
    this.#stream = new Stream(options.seed, 'authorizer');
  }

  /** A user consents. Its refresh token. */
  consent(subject: string): string {
    const token = this.#token('refresh');
    const endsAt = this.#options.now() + this.#options.refreshLife;
    this.#given.set(token, { subject, tokens: [token], rotatedAt: 0, answer: '', endsAt, endedAt: null });
    return token;
  }

  /** The body of the answer. @throws {EdgeError} `invalid_client`, `invalid_grant` */
  refresh(token: string): string {
    this.#checkClient();
    const now = this.#options.now();
    const given = this.#given.get(token);
    if (given === undefined || !this.isLive(given)) throw invalidGrant();
    if (given.tokens.at(-1) === token) return this.#rotate(given, token, now);
    if (given.tokens.at(-2) === token && now - given.rotatedAt < this.#options.grace) return given.answer;
    given.endedAt = now;
    throw invalidGrant();
  }

  /** RFC 7009: whatever was given ends with it. @throws {EdgeError} `invalid_client` */
  revoke(token: string): void {
    this.#checkClient();
    const given = this.#given.get(token);
    if (given !== undefined) given.endedAt ??= this.#options.now();
  }

  /** The user disconnects in the provider's own pages. */
  disconnect(token: string): void {
    const given = this.#given.get(token);
    if (given !== undefined) given.endedAt ??= this.#options.now();
  }

  /** What an application is told that calls with this access token. */
  accepts(access: string): boolean {
    const known = this.#access.get(access);
    return known !== undefined && known.given.endedAt === null && this.#options.now() < known.endsAt;
  }

  /** When the access token ends by itself; null: there was never such a one. */
  endOf(access: string): number | null {
    return this.#access.get(access)?.endsAt ?? null;
  }

  /** Whether what this access token belongs to was ended before its time. */
  hasEnded(access: string): boolean {
    return this.#access.get(access)?.given.endedAt != null;
  }

  /** What the user gave with which this refresh token came; null: it is none of ours. */
  givenBy(token: string): Given | null {
    return this.#given.get(token) ?? null;
  }

  isLive({ endsAt, endedAt }: Given): boolean {
    return endedAt === null && this.#options.now() < endsAt;
  }

  /** Whether it would refresh this very token now. */
  takes(token: string): boolean {
    const given = this.#given.get(token);
    return given !== undefined && this.isLive(given) && given.tokens.at(-1) === token;
  }

  #rotate(given: Given, token: string, now: number): string {
    const { accessLife, refreshLife, slides, tells } = this.#options;
    const [next, access] = [this.#token('refresh'), this.#token('access')];
    this.takenAt.set(token, now);
    given.tokens.push(next);
    given.rotatedAt = now;
    if (slides) given.endsAt = now + refreshLife;
    this.#given.set(next, given);
    this.#access.set(access, { given, endsAt: now + accessLife });
    given.answer = JSON.stringify({
      access_token: access,
      token_type: 'Bearer',
      expires_in: accessLife / SECOND,
      refresh_token: next,
      ...(tells ? { refresh_token_expires_in: Math.floor((given.endsAt - now) / SECOND) } : {}),
    });
    return given.answer;
  }

  #checkClient(): void {
    if (this.#options.now() < this.refusesClientUntil)
      throw refused('invalid_client', 'permanent', 'it does not accept the client');
  }

  #token(kind: 'access' | 'refresh'): string {
    this.#made += 1;
    const tail = Math.floor(this.#stream.next() * 36 ** 8)
      .toString(36)
      .padStart(8, '0');
    return `ff_${kind}_${String(this.#made).padStart(8, '0')}${tail}`;
  }
}

function invalidGrant(): Error {
  return refused('invalid_grant', 'rejected', 'the grant is not valid any more, or was never');
}
