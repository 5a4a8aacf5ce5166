import { EdgeError, type Failure, HOUR, SECOND, Secret } from '../../../model/index.ts';
import type { OAuthClient, SeenClock, TokenAnswer } from '../../../providers/contract.ts';
import type { HandClock } from '../../testing/hand-clock.ts';

/** How a request at the token endpoint fares: it fails, or its answer, or failure, waits until the promise resolves. */
export type Fare = Failure | { readonly answerAfter: Promise<unknown>; readonly failure?: Failure };

/** An authorization server in memory, whose answers a test chooses; refresh tokens rotate, and an old one is refused. */
export class FakeServer implements OAuthClient {
  readonly #clock: HandClock;
  readonly #fares: Fare[] = [];
  readonly #live = new Map<string, number>();
  #made = 0;
  #seen: SeenClock | null = null;
  /** The refresh tokens and codes that were presented, in order. */
  readonly presented: string[] = [];
  readonly revoked: string[] = [];
  /** The scopes of each refresh. */
  readonly asked: (readonly string[] | null)[] = [];
  /** ms */
  accessLife = HOUR;
  /** How far its clock is ahead of the world's, ms; null: its answers bear no Date. */
  ahead: number | null = 0;
  /** What it answers besides the tokens, or in their place. */
  extra: Readonly<Record<string, unknown>> = {};
  /** When its refresh tokens end; null: it does not tell. */
  endsAt: number | null = null;
  /** Why it cannot be asked for a consent; null: it can. */
  down: Failure | null = null;

  constructor(clock: HandClock) {
    this.#clock = clock;
  }

  /** A refresh token that it accepts. */
  issue(): string {
    this.#made += 1;
    const token = `refresh-${this.#made}`;
    this.#live.set(token, 0);
    return token;
  }

  /** The next requests fare so, one each; then all is well again. */
  inject(...fares: readonly Fare[]): void {
    this.#fares.push(...fares);
  }

  /** What the application calls it with. */
  accepts(access: Secret): boolean {
    return access.reveal() === `access-${this.#made}`;
  }

  async authorizeUrl({ state }: { readonly state: string }): Promise<string> {
    if (this.down !== null) throw new EdgeError(this.down);
    return `https://server.test/authorize?state=${state}`;
  }

  async checkCallback(query: URLSearchParams): Promise<void> {
    const code = query.get('error');
    if (code !== null)
      throw new EdgeError({ code, verdict: 'permanent', message: `the server said ${code}` });
  }

  async exchange({ callback }: { readonly callback: Secret }): Promise<Secret> {
    const code = new URLSearchParams(callback.reveal()).get('code') ?? '';
    this.presented.push(code);
    await this.#fare();
    return this.#tokens();
  }

  async refresh(token: Secret, { scopes }: { readonly scopes: readonly string[] | null }): Promise<Secret> {
    this.presented.push(token.reveal());
    this.asked.push(scopes);
    await this.#fare();
    if (!this.#live.delete(token.reveal()))
      throw new EdgeError({ code: 'invalid_grant', verdict: 'rejected', message: 'the grant is invalid' });
    return this.#tokens();
  }

  async parse(answer: Secret): Promise<TokenAnswer> {
    const body = JSON.parse(answer.reveal()) as Record<string, unknown>;
    const token = (name: string) => (typeof body[name] === 'string' ? Secret.from(body[name]) : null);
    if (token('access_token') === null && token('refresh_token') === null)
      throw new EdgeError({ code: 'unusable_answer', verdict: 'unknown', message: 'no token in it' });
    return {
      access: token('access_token'),
      refresh: token('refresh_token'),
      expiresIn: typeof body.expires_in === 'number' ? body.expires_in * SECOND : null,
      refreshExpiresIn: null,
      scopes: null,
      faults: typeof body.expires_in === 'number' ? [] : ['expires_in is no number'],
    };
  }

  revoke: OAuthClient['revoke'] = async (token) => {
    await this.#fare();
    this.revoked.push(token.reveal());
  };

  introspect: OAuthClient['introspect'] = async () => this.endsAt;

  seenClock(): SeenClock | null {
    return this.#seen;
  }

  async close(): Promise<void> {}

  async #fare(): Promise<void> {
    const fare = this.#fares.shift();
    if (fare !== undefined && 'answerAfter' in fare) await fare.answerAfter;
    if (this.ahead !== null) {
      const wall = this.#clock.now();
      this.#seen = { date: this.#clock.time + this.ahead, sent: wall, wall, steady: this.#clock.steady() };
    }
    const failure = fare !== undefined && 'code' in fare ? fare : fare?.failure;
    if (failure !== undefined) throw new EdgeError(failure);
  }

  #tokens(): Secret {
    const refresh_token = this.issue();
    const access_token = `access-${this.#made}`;
    const expires_in = this.accessLife / SECOND;
    return Secret.from(JSON.stringify({ access_token, refresh_token, expires_in, ...this.extra }));
  }
}
