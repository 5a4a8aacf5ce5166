import { createHash, randomBytes } from 'node:crypto';
import type { Authorization, Change, Failure, Grant, Signal } from '../../model/index.ts';
import { failureOf, KeywardenError, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { forgetGrant, type GrantFolded, takeOver } from '../../rotation/grants/index.ts';
import { StateError } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import { consentLane } from '../lanes.ts';
import type { Client, Clients } from './clients.ts';
import type { BegunConsent, GrantCommands, HandedOut, HandOutRequest, TakenOver } from './contract.ts';
import { type HandOut, unknownGrant } from './hand-out.ts';

/** How long the user has at the provider (RFC 6749, 4.1.2, recommends ten minutes at most for the code). */
const CONSENT_LIFE = 10 * MINUTE;
/** 256 bits: more than anybody guesses, and what RFC 7636, 4.1, recommends for a verifier. */
const RANDOM_BYTES = 32;
/** How long the browser that came back waits for the exchange of its code, ms of real time. */
const EXCHANGE_WITHIN = 45_000;
/** How often it looks what another process has committed, ms of real time. */
const LOOK_EVERY = SECOND;
const LONGEST_SUBJECT = 255;
const LONGEST_TOKEN = 16_384;
/** So often in succession somebody else may write a grant between our read and our write. */
const STALE_LIMIT = 10;

const WRONG_SESSION: Failure = {
  code: 'wrong_session',
  verdict: 'permanent',
  message: 'its callback came into another session than the one that began it; begin the consent anew',
};

/** What the commands work with. */
export type CommandParts = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly clients: Clients;
  readonly handOut: HandOut;
  /** Turns the loop. */
  readonly wake: () => void;
  /** Resolves after the next commit, or when `signal` aborts. */
  readonly nextTurn: (signal: AbortSignal) => Promise<void>;
};

/** What people and applications may ask about grants. */
export class Grants implements GrantCommands {
  readonly #parts: CommandParts;

  constructor(parts: CommandParts) {
    this.#parts = parts;
  }

  async begin(
    clientName: string,
    request: { readonly subject: string; readonly returnUrl: string | null; readonly actor: string },
  ): Promise<BegunConsent> {
    const { context } = this.#parts;
    const client = this.#client(clientName);
    const { subject, returnUrl, actor } = request;
    checkSubject(subject);
    if (returnUrl !== null && !client.config.returnUrls.includes(returnUrl)) {
      const message = `${clientName}: this returnUrl is not one of the client's returnUrls, to the letter`;
      throw new KeywardenError('return_url_not_allowed', message);
    }
    const [state, verifier] = [random(), random()];
    const { scopes } = client.config.policy;
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const authorizeUrl = await client.edge
      .authorizeUrl({ state, challenge, scopes })
      .catch((error: unknown) => {
        throw new KeywardenError('provider_unavailable', failureOf(error).message);
      });
    const now = context.clock.now();
    const authorization: Authorization = {
      id: context.newId(),
      client: clientName,
      subject,
      state: 'pending',
      stateDigest: context.hash.digest(state),
      scopes,
      returnUrl,
      actor,
      createdAt: now,
      expiresAt: now + CONSENT_LIFE,
      sentAt: null,
      error: null,
    };
    const secrets = { verifier: Secret.from(verifier), callback: null, answer: null };
    await this.#submit([
      { type: 'authorization.put', authorization, secrets },
      consentWork(authorization, authorization.expiresAt),
    ]);
    return { id: authorization.id, authorizeUrl, expiresAt: authorization.expiresAt };
  }

  async callback(
    query: URLSearchParams,
    takes: (client: string) => boolean = () => true,
  ): Promise<Authorization> {
    const found = await this.#byState(query);
    if (found?.state === 'pending' && !takes(found.client)) {
      const message = `${found.client}: its redirectUri is not the address at which this callback came`;
      throw new KeywardenError('callback_elsewhere', message);
    }
    return this.#receive(found, query);
  }

  async complete(client: string, id: string, query: URLSearchParams): Promise<Authorization> {
    this.#client(client);
    const found = await this.#byState(query);
    // The application says which of its users' consents this is: another one's would be a trap.
    if (found?.client === client && found.id !== id) await this.#endCrossed(found);
    await this.authorization(client, id);
    if (found?.id !== id || found.client !== client) throw unknownState();
    return this.#receive(found, query);
  }

  async authorization(client: string, id: string): Promise<Authorization> {
    this.#client(client);
    const read = await this.#parts.context.state.authorization(id);
    if (read === null || read.authorization.client !== client)
      throw new KeywardenError('unknown_authorization', `${client} has no authorization ${id.slice(0, 64)}`);
    return read.authorization;
  }

  async accessToken(client: string, subject: string, request: HandOutRequest): Promise<HandedOut> {
    return this.#parts.handOut.accessToken(this.#client(client), subject, request);
  }

  async takeOver(
    clientName: string,
    grants: readonly TakenOver[],
    actor: string,
  ): Promise<{ readonly taken: number; readonly known: number }> {
    const client = this.#client(clientName);
    for (const { subject, refreshToken } of grants) {
      checkSubject(subject);
      checkToken(refreshToken);
    }
    return this.#whileStale(async () => {
      const now = client.now();
      const moves = await Promise.all(grants.map((grant) => this.#move(client, grant, actor)));
      const made = moves.filter((move) => move !== null);
      const changes = made.flatMap((move) => move.changes);
      await this.#submit(
        changes,
        made.flatMap(({ signals }) => signals),
        now,
      );
      return { taken: made.length, known: grants.length - made.length };
    });
  }

  async forget(clientName: string, subject: string, actor: string): Promise<Grant> {
    const { context } = this.#parts;
    const client = this.#client(clientName);
    return this.#whileStale(async () => {
      const held = await context.state.grant(clientName, subject);
      if (held === null || held.grant.state === 'forgotten') throw unknownGrant(clientName);
      const now = client.now();
      const { changes, signals } = forgetGrant(held, actor, now);
      await this.#submit(changes, signals, now);
      const forgotten = changes.find((change) => change.type === 'grant.put');
      return forgotten?.grant ?? held.grant;
    });
  }

  async #move(
    client: Client,
    { subject, refreshToken, scopes }: TakenOver,
    actor: string,
  ): Promise<GrantFolded | null> {
    const { policy, name } = client.config;
    const known = await this.#parts.context.state.grant(name, subject);
    return takeOver({ policy, subject, refreshToken, scopes, known, actor }, client.now());
  }

  /** Null where none can be meant: it is unknown, used or over. */
  async #byState(query: URLSearchParams): Promise<Authorization | null> {
    const { context } = this.#parts;
    const [state = '', ...more] = query.getAll('state');
    // One look-up by digest, whatever came: how long it takes tells nothing of the states that there are.
    const found = await context.state.authorizationByState(context.hash.digest(state));
    return more.length === 0 ? found : null;
  }

  /** A code that came into another session may be known to others: whoever began its consent must not finish it. */
  async #endCrossed(found: Authorization): Promise<void> {
    const { context } = this.#parts;
    const { id, client, subject, actor, expiresAt } = found;
    const at = context.clock.now();
    if (found.state !== 'pending' || at >= expiresAt) return;
    const detail = { subject, authorization: id, reason: WRONG_SESSION.code };
    const entry = { at, actor, action: 'grant.consent-failed', credential: client, detail };
    context.log.warn({ client, authorization: id }, `${client}: ${WRONG_SESSION.message}`);
    try {
      await this.#submit([
        { type: 'authorization.expect', id, state: 'pending' },
        {
          type: 'authorization.put',
          authorization: { ...found, state: 'failed', error: WRONG_SESSION },
          secrets: { callback: null, answer: null },
        },
        { type: 'audit.append', entry },
      ]);
    } catch (error) {
      if (!isStale(error)) throw error;
    }
  }

  /** Takes the callback in, once, and waits until its code was exchanged. */
  async #receive(found: Authorization | null, query: URLSearchParams): Promise<Authorization> {
    const { context, clients } = this.#parts;
    const now = context.clock.now();
    if (found?.state !== 'pending' || now >= found.expiresAt || clients.get(found.client) === undefined)
      throw unknownState();
    const received: Authorization = { ...found, state: 'received' };
    try {
      await this.#submit([
        { type: 'authorization.expect', id: found.id, state: 'pending' },
        {
          type: 'authorization.put',
          authorization: received,
          secrets: { callback: Secret.from(query.toString()) },
        },
        consentWork(received, now),
      ]);
    } catch (error) {
      throw isStale(error) ? unknownState() : error;
    }
    return this.#ended(received);
  }

  async #ended(received: Authorization): Promise<Authorization> {
    const { context, nextTurn } = this.#parts;
    const late = AbortSignal.timeout(EXCHANGE_WITHIN);
    for (;;) {
      // Whoever shares the state may be the one who exchanges it.
      const turned = nextTurn(AbortSignal.any([late, AbortSignal.timeout(LOOK_EVERY)]));
      const { authorization = received } = (await context.state.authorization(received.id)) ?? {};
      if (authorization.state === 'completed' || authorization.state === 'failed' || late.aborted)
        return authorization;
      await turned;
    }
  }

  /** @throws {KeywardenError} `unknown_client` */
  #client(name: string): Client {
    const client = this.#parts.clients.get(name);
    if (client !== undefined) return client;
    throw new KeywardenError('unknown_client', `the configuration has no OAuth client ${name.slice(0, 64)}`);
  }

  /** Decides on what is read, once more where somebody else has written it meanwhile. */
  async #whileStale<T>(attempt: () => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await attempt();
      } catch (error) {
        if (!isStale(error) || tries === STALE_LIMIT) throw error;
      }
    }
  }

  /** @param now the time that the changes speak of: the server's, where it is known */
  async #submit(
    changes: readonly Change[],
    signals: readonly Signal[] = [],
    now = this.#parts.context.clock.now(),
  ): Promise<void> {
    await this.#parts.committer.commit(dueByOurClock(changes, now, this.#parts.context.clock.now()), signals);
    this.#parts.wake();
  }
}

function random(): string {
  return randomBytes(RANDOM_BYTES).toString('base64url');
}

function consentWork({ id, client }: Authorization, dueAt: number): Change {
  return { type: 'work.put', work: { kind: 'authorization', id, lane: consentLane(client), dueAt } };
}

/** @throws {KeywardenError} `bad_subject` */
function checkSubject(subject: string): void {
  const length = [...subject].length;
  if (length > 0 && length <= LONGEST_SUBJECT && subject.isWellFormed() && !subject.includes('\0')) return;
  const message = `a subject must be Unicode text of 1 to ${LONGEST_SUBJECT} characters, without NUL`;
  throw new KeywardenError('bad_subject', message);
}

/** RFC 6749, A.17. @throws {KeywardenError} `bad_token` */
function checkToken(token: Secret): void {
  if (token.length <= LONGEST_TOKEN && /^[\x20-\x7e]+$/.test(token.reveal())) return;
  const message = `a refresh token must be printable ASCII text of 1 to ${LONGEST_TOKEN} characters`;
  throw new KeywardenError('bad_token', message);
}

function unknownState(): KeywardenError {
  const message =
    'this consent is unknown, was finished already, or is older than ten minutes; begin it anew';
  return new KeywardenError('unknown_state', message);
}

function isStale(error: unknown): boolean {
  return error instanceof StateError && error.code === 'stale';
}
