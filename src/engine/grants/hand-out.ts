import type { Grant, HeldGrant } from '../../model/index.ts';
import { KeywardenError, SECOND, scopeKey } from '../../model/index.ts';
import { needsNarrow, needsRefresh, rejectToken } from '../../rotation/grants/index.ts';
import { StateError } from '../../state/contract.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import type { Client } from './clients.ts';
import { type HandedOut, type HandOutRequest, UnavailableError } from './contract.ts';
import { Uses } from './uses.ts';
import { ALL_SCOPES, type Waiting } from './waiting.ts';

/** When a caller asks again for whom nothing else is known. */
const ASK_AGAIN = 2 * SECOND;

/** A wait, and what ends it besides a token. */
type Wait = { readonly client: Client; readonly subject: string; readonly request: HandOutRequest };

/** Hands out access tokens: from one row where the token lives long enough, else after the one refresh that all wait for. */
export class HandOut {
  readonly #context: EngineContext;
  readonly #waiting: Waiting;
  readonly #wake: () => void;
  readonly #uses: Uses;

  /** @param wake turns the loop */
  constructor(context: EngineContext, waiting: Waiting, wake: () => void) {
    this.#context = context;
    this.#waiting = waiting;
    this.#wake = wake;
    this.#uses = new Uses(context, wake);
  }

  /** See {@link GrantCommands.accessToken}. */
  async accessToken(client: Client, subject: string, request: HandOutRequest): Promise<HandedOut> {
    const wait = { client, subject, request };
    const held = await this.#held(wait);
    return (await this.#find(wait, held)) ?? this.#await(wait, scopeOf(held.grant, request));
  }

  /** Wakes the grant and looks at every commit that may have brought the token, until the caller's patience is over. */
  async #await(wait: Wait, scope: string): Promise<HandedOut> {
    const { client, subject, request } = wait;
    const { rejected } = request;
    const place = this.#waiting.enter(client.config.name, subject, { scope, rejected });
    const patience = AbortSignal.timeout(Math.max(0, Math.ceil(request.patienceMs)));
    const ended = AbortSignal.any([patience, request.signal]);
    const until = this.#context.clock.monotonic() + request.patienceMs;
    try {
      let woken = !place.first;
      for (;;) {
        const held = await this.#held(wait);
        const found = await this.#find(wait, held);
        if (found !== null) return found;
        const refusal = place.refusal() ?? this.#waiting.refused(held.grant, scope);
        if (refusal !== null) throw new KeywardenError('scope_not_granted', refusal.message);
        const marked = await this.#markRejected(wait, held);
        const waitMs = this.#untilTried(client, held.grant);
        if (ended.aborted || waitMs > until - this.#context.clock.monotonic())
          throw unavailable(wait, held, waitMs);
        if (!woken || marked || (place.first && isIdle(held))) await this.#wakeGrant(wait);
        woken = true;
        await place.changed(ended);
      }
    } finally {
      place.leave();
    }
  }

  /** @throws {KeywardenError} `unknown_grant`, `consent_required` */
  async #held({ client, subject }: Wait): Promise<HeldGrant> {
    const { name } = client.config;
    const held = await this.#context.state.grant(name, subject);
    if (held === null || held.grant.state === 'forgotten') throw unknownGrant(name);
    if (held.grant.state === 'consent-required') {
      const message = `${name}: the user must consent again: ${held.grant.reason ?? 'the grant is dead'}`;
      throw new KeywardenError('consent_required', message);
    }
    return held;
  }

  /** The token, where it lives long enough and was not refused. */
  async #find({ client, request }: Wait, { grant, access }: HeldGrant): Promise<HandedOut | null> {
    const now = client.now();
    const { policy } = client.config;
    const scope = scopeOf(grant, request);
    if (scope !== ALL_SCOPES) return this.#findNarrow(client, grant, { scope, rejected: request.rejected });
    if (access === null || grant.accessExpiresAt === null) return null;
    if (request.rejected === grant.accessGeneration) return null;
    // A token that one application says is refused is still handed to those who did not say so.
    if (needsRefresh({ ...grant, rejectedGeneration: null }, policy, now)) return null;
    this.#uses.note(client, grant, now);
    const { accessExpiresAt: expiresAt, scopes, accessGeneration: version } = grant;
    return { value: access, expiresAt, scopes, version };
  }

  async #findNarrow(
    client: Client,
    grant: Grant,
    { scope, rejected }: { readonly scope: string; readonly rejected: number | null },
  ): Promise<HandedOut | null> {
    const token = await this.#context.state.narrowToken(grant.client, grant.subject, scope);
    const now = client.now();
    if (token === null || rejected === token.generation || needsNarrow(token, client.config.policy, now))
      return null;
    this.#uses.note(client, grant, now);
    const { value, expiresAt, scopes, generation: version } = token;
    return { value, expiresAt, scopes, version };
  }

  /** Notes, once for each generation, that its token was refused, which wakes the grant. True where it was noted. */
  async #markRejected({ client, request }: Wait, held: HeldGrant): Promise<boolean> {
    const { rejected } = request;
    if (rejected === null || scopeOf(held.grant, request) !== ALL_SCOPES) return false;
    const { state, clock } = this.#context;
    const now = client.now();
    const changes = rejectToken(held, rejected, now);
    if (changes.length === 0) return false;
    try {
      await state.commit(dueByOurClock(changes, now, clock.now()));
    } catch (error) {
      // Somebody else has written the grant: what they wrote is read again.
      if (!(error instanceof StateError) || error.code !== 'stale') throw error;
    }
    return true;
  }

  async #wakeGrant({ client, subject }: Wait): Promise<void> {
    const due = { at: this.#context.clock.now(), lane: 'waiting' } as const;
    await this.#context.state.commit([{ type: 'grant.wake', client: client.config.name, subject, due }]);
    this.#wake();
  }

  /** In how many ms a refresh is tried next, as far as that is known. */
  #untilTried(client: Client, { retryAt }: Grant): number {
    return Math.max(0, client.pausedMs, retryAt === null ? 0 : retryAt - client.now());
  }
}

/** Nothing is on its way for it: whoever was woken may know another time than we do, and have found nothing to do. */
function isIdle({ grant, answer }: HeldGrant): boolean {
  return grant.attempt === null && answer === null;
}

/**
 * The key of the scopes that are asked for; {@link ALL_SCOPES} where they are all that were granted.
 *
 * @throws {KeywardenError} `scope_not_granted`
 */
function scopeOf(grant: Grant, { scopes }: HandOutRequest): string {
  if (scopes === null || scopes.length === 0) return ALL_SCOPES;
  const missing = scopes.filter((scope) => !grant.scopes.includes(scope));
  if (missing.length > 0) {
    const granted = grant.scopes.join(' ');
    throw new KeywardenError(
      'scope_not_granted',
      `${grant.client}: the user did not grant ${missing.join(' ')}; granted is: ${granted}`,
    );
  }
  const key = scopeKey(scopes);
  return key === scopeKey(grant.scopes) ? ALL_SCOPES : key;
}

/** @param client its name */
export function unknownGrant(client: string): KeywardenError {
  return new KeywardenError(
    'unknown_grant',
    `${client} has no grant of this user; begin a consent, or import the grant`,
  );
}

function unavailable({ client }: Wait, { grant }: HeldGrant, waitMs: number): UnavailableError {
  const why =
    grant.lastError === null ? 'the refresh takes longer than the caller waits' : grant.lastError.message;
  return new UnavailableError(
    `${client.config.name}: no access token can be had now: ${why}`,
    Math.max(waitMs, ASK_AGAIN),
  );
}
