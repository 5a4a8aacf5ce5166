import { HOUR } from '../../../model/index.ts';

/** What an authorization server knows of one user's grant: its tokens are numbers. It rotates, and reuse ends the grant. */
export class ServerGrant {
  /** The refresh token that is valid. */
  current = 1;
  alive = true;
  #previous: { readonly token: number; readonly at: number } | null = null;
  readonly #grace: number;

  constructor(grace: number) {
    this.#grace = grace;
  }

  /** Gives the new refresh token's number; null: `invalid_grant`. */
  present(token: number, now: number): number | null {
    if (!this.alive) return null;
    if (token === this.current) {
      this.#previous = { token, at: now };
      this.current += 1;
      return this.current;
    }
    if (token === this.#previous?.token && now < this.#previous.at + this.#grace) return this.current;
    // A token of before: somebody has stolen one of them (RFC 9700, 4.14.2).
    this.alive = false;
    return null;
  }

  /** The user consents again: the old tokens are void. */
  consent(): number {
    this.alive = true;
    this.#previous = null;
    this.current += 1;
    return this.current;
  }
}

export const ACCESS_LIFE = HOUR;
