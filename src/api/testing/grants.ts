import { randomUUID } from 'node:crypto';
import type {
  BegunConsent,
  GrantCommands,
  HandedOut,
  HandOutRequest,
  TakenOver,
} from '../../engine/grants/contract.ts';
import { type Authorization, type Grant, KeywardenError, MINUTE, Secret } from '../../model/index.ts';

/** What a caller asked of the commands, in order. */
export type Asked = { readonly what: string; readonly with: Readonly<Record<string, unknown>> };

/** Grants in memory, that the API's own behaviour can be seen without a provider. No token of it is real. */
export class MemoryGrants implements GrantCommands {
  readonly asked: Asked[] = [];
  readonly grants = new Map<string, Grant>();
  readonly authorizations = new Map<string, Authorization>();
  /** Thrown by the next call. */
  fault: Error | null = null;
  /** How long a consent that is begun now lasts, ms. */
  life = 10 * MINUTE;
  /** What the exchange of the next code comes to; null: a grant. */
  refusal: Authorization['error'] = null;

  async begin(client: string, request: Parameters<GrantCommands['begin']>[1]): Promise<BegunConsent> {
    this.#note('begin', { client, ...request });
    const id = randomUUID();
    const createdAt = Date.now();
    this.authorizations.set(id, {
      id,
      client,
      subject: request.subject,
      state: 'pending',
      stateDigest: `state-of-${id}`,
      scopes: ['asset:download'],
      returnUrl: request.returnUrl,
      actor: request.actor,
      createdAt,
      expiresAt: createdAt + this.life,
      sentAt: null,
      error: null,
    });
    const authorizeUrl = `https://auth.example.com/oauth/authorize?state=state-of-${id}`;
    return { id, authorizeUrl, expiresAt: createdAt + this.life };
  }

  async callback(query: URLSearchParams, takes: (client: string) => boolean): Promise<Authorization> {
    this.#note('callback', Object.fromEntries(query));
    const found = [...this.authorizations.values()].find(
      ({ state, stateDigest }) => state === 'pending' && stateDigest === query.get('state'),
    );
    if (found === undefined) throw new KeywardenError('unknown_state', 'unknown, used or expired');
    if (!takes(found.client)) throw new KeywardenError('callback_elsewhere', 'it came to another address');
    return this.#finish(found);
  }

  async complete(client: string, id: string, query: URLSearchParams): Promise<Authorization> {
    this.#note('complete', { client, id, ...Object.fromEntries(query) });
    const found = await this.authorization(client, id);
    if (found.stateDigest !== query.get('state') || found.state !== 'pending')
      throw new KeywardenError('unknown_state', 'unknown, used or expired');
    return this.#finish(found);
  }

  async authorization(client: string, id: string): Promise<Authorization> {
    const found = this.authorizations.get(id);
    if (found?.client !== client)
      throw new KeywardenError('unknown_authorization', 'there is no such consent');
    return found;
  }

  async accessToken(
    client: string,
    subject: string,
    { signal, ...request }: HandOutRequest,
  ): Promise<HandedOut> {
    this.#note('accessToken', { client, subject, ...request });
    const grant = this.#grant(client, subject);
    const version = request.rejected === grant.generation ? grant.generation + 1 : grant.generation;
    return {
      value: Secret.from(`access-token-${version}`),
      expiresAt: Date.UTC(2026, 9, 1, 10),
      scopes: request.scopes ?? grant.scopes,
      version,
    };
  }

  async takeOver(client: string, grants: readonly TakenOver[], actor: string) {
    this.#note('takeOver', { client, actor, subjects: grants.map(({ subject }) => subject) });
    const fresh = grants.filter(({ subject }) => !this.grants.has(`${client} ${subject}`));
    for (const { subject, scopes } of fresh) this.add(client, subject, scopes ?? ['asset:download']);
    return { taken: fresh.length, known: grants.length - fresh.length };
  }

  async forget(client: string, subject: string, actor: string): Promise<Grant> {
    this.#note('forget', { client, subject, actor });
    const grant = this.#grant(client, subject);
    this.grants.delete(`${client} ${subject}`);
    return { ...grant, state: 'forgotten' };
  }

  add(client: string, subject: string, scopes: readonly string[] = ['asset:download']): void {
    const at = Date.UTC(2026, 9, 1);
    this.grants.set(`${client} ${subject}`, {
      client,
      subject,
      state: 'active',
      reason: null,
      generation: 1,
      scopes,
      consentedAt: at,
      renewedAt: at,
      refreshExpiresAt: null,
      accessSentAt: null,
      accessExpiresAt: null,
      usedAt: null,
      attempt: null,
      accessGeneration: 1,
      rejectedGeneration: null,
      attempts: 0,
      retryAt: null,
      lastError: null,
    });
  }

  #finish(found: Authorization): Authorization {
    const state = this.refusal === null ? 'completed' : 'failed';
    const finished: Authorization = { ...found, state, error: this.refusal };
    this.authorizations.set(found.id, finished);
    if (state === 'completed') this.add(found.client, found.subject, found.scopes);
    return finished;
  }

  #grant(client: string, subject: string): Grant {
    const grant = this.grants.get(`${client} ${subject}`);
    if (grant === undefined) throw new KeywardenError('unknown_grant', `${client} has no grant of this user`);
    return grant;
  }

  #note(what: string, details: Readonly<Record<string, unknown>>): void {
    this.asked.push({ what, with: details });
    const { fault } = this;
    this.fault = null;
    if (fault !== null) throw fault;
  }
}
