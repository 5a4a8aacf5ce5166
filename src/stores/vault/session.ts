import {
  EdgeError,
  MINUTE,
  type PluginContext,
  SECOND,
  Secret,
  type SecretSource,
} from '../../model/index.ts';
import type { Answer, Deadline } from '../exchange.ts';
import { readLoginSecret } from '../login-secret.ts';
import { type Fields, isFields } from '../marked-fields.ts';
import type { VaultClient, VaultRequest } from './client.ts';
import type { VaultConfig } from './schema.ts';
import { mayRefuseToken, refusal } from './verdicts.ts';

/** A token and how long it was granted for; `ttl` in seconds, 0: without end. */
type Login = { readonly token: Secret; readonly ttl: number; readonly renewable: boolean };

const LOOKUP = 'auth/token/lookup-self';
const RENEW = 'auth/token/renew-self';

/** Vault's token: taken, tried, renewed and taken anew. It stays in here. */
export class Session {
  readonly #context: PluginContext<VaultConfig>;
  readonly #client: VaultClient;
  #login: Login | null = null;
  #loggingIn: Promise<Login> | null = null;

  constructor(context: PluginContext<VaultConfig>, client: VaultClient) {
    this.#context = context;
    this.#client = client;
  }

  /**
   * Sends with our token; where that one is refused, once more with a fresh one. A 403 that comes back from here
   * means that a right is missing.
   *
   * @throws {EdgeError} `login_refused` (rejected), or what {@link VaultClient.send} throws
   */
  async send(request: VaultRequest, deadline: Deadline): Promise<Answer> {
    const token = await this.#token(deadline);
    const answer = await this.#client.send({ ...request, token }, deadline);
    if (!mayRefuseToken(answer) || (await this.#isGood(token, deadline))) return answer;
    const fresh = await this.#replace(token, deadline);
    return this.#client.send({ ...request, token: fresh }, deadline);
  }

  /**
   * Renews the login, or takes a new one where it cannot be renewed any further. Returns when to come again, in ms:
   * two thirds of its time; null where it has no end.
   */
  async renew(deadline: Deadline): Promise<number | null> {
    if (this.#context.config.auth.method === 'token') return this.#renewGiven(deadline);
    const held = this.#login;
    const renewed = held?.renewable === true ? await this.#renewSelf(held.token, deadline) : null;
    // Close to the token's greatest age a renewal grants less and less.
    if (held !== null && renewed !== null && renewed.ttl * 2 >= held.ttl) return twoThirds(renewed.ttl);
    return twoThirds((await this.#logIn(deadline)).ttl);
  }

  /** A token that a person gave: it can be renewed, not replaced. */
  async #renewGiven(deadline: Deadline): Promise<number | null> {
    const { auth } = this.#context.config;
    const token = await this.#token(deadline);
    const answer = await this.#client.send({ path: LOOKUP, token }, deadline);
    if (mayRefuseToken(answer)) throw this.#refused();
    const data = member(answer, 'data');
    if (answer.status !== 200 || typeof data?.ttl !== 'number') {
      throw refusal(answer, { doing: 'looking up the Vault token', writes: false });
    }
    if (data.ttl === 0) return null;
    const renewed = data.renewable === true ? await this.#renewSelf(token, deadline) : null;
    const ttl = renewed?.ttl ?? data.ttl;
    if (renewed === null && auth.method === 'token') {
      this.#context.log.warn(
        { store: this.#context.name, endsInSeconds: ttl },
        `the Vault token cannot be renewed; put another one into the ${auth.token.where} before it ends`,
      );
    }
    // Not in ever smaller steps towards an end that cannot be moved.
    return Math.max(twoThirds(ttl) ?? 0, Math.min(ttl * SECOND, MINUTE));
  }

  async #token(deadline: Deadline): Promise<Secret> {
    const { auth } = this.#context.config;
    if (auth.method === 'token') return read(auth.token);
    return (this.#login ?? (await this.#logIn(deadline))).token;
  }

  /** True where Vault knows the token. Without the `default` policy it may refuse to say: a fresh login then shows. */
  async #isGood(token: Secret, deadline: Deadline): Promise<boolean> {
    const answer = await this.#client.send({ path: LOOKUP, token }, deadline);
    if (answer.status === 200 || mayRefuseToken(answer)) return answer.status === 200;
    throw refusal(answer, { doing: 'looking up the Vault token', writes: false });
  }

  async #replace(refused: Secret, deadline: Deadline): Promise<Secret> {
    if (this.#context.config.auth.method === 'token') {
      const token = await this.#token(deadline);
      if (token.equals(refused)) throw this.#refused();
      return token;
    }
    const known = this.#login;
    if (known !== null && !known.token.equals(refused)) return known.token;
    return (await this.#logIn(deadline)).token;
  }

  /** One login at a time: a secret id may be good for a few only. */
  #logIn(deadline: Deadline): Promise<Login> {
    this.#loggingIn ??= this.#exchangeLogin(deadline).finally(() => {
      this.#loggingIn = null;
    });
    return this.#loggingIn;
  }

  async #exchangeLogin(deadline: Deadline): Promise<Login> {
    const { path, body } = await this.#credentials();
    const answer = await this.#client.send({ path, body }, deadline);
    if (answer.status === 400 || answer.status === 403) throw this.#refused();
    const login = loginIn(answer);
    if (login === null) throw refusal(answer, { doing: `logging in at ${path}`, writes: false });
    this.#login = login;
    return login;
  }

  async #credentials(): Promise<{ path: string; body: object }> {
    const { auth } = this.#context.config;
    if (auth.method === 'token') throw new TypeError('a given token is not logged in with');
    const path = `auth/${auth.mount}/login`;
    if (auth.method === 'kubernetes') {
      return { path, body: { role: auth.role, jwt: (await read(auth.jwt)).reveal() } };
    }
    const [roleId, secretId] = await Promise.all([read(auth.roleId), read(auth.secretId)]);
    return { path, body: { role_id: roleId.reveal(), secret_id: secretId.reveal() } };
  }

  /** Null where Vault will not renew it. */
  async #renewSelf(token: Secret, deadline: Deadline): Promise<Login | null> {
    const answer = await this.#client.send({ path: RENEW, body: {}, token }, deadline);
    if (answer.status === 400 || answer.status === 403) return null;
    const login = loginIn(answer);
    if (login === null) throw refusal(answer, { doing: 'renewing the Vault token', writes: false });
    return login;
  }

  #refused(): EdgeError {
    const message = `Vault refuses the login: ${adviceFor(this.#context.config.auth)}`;
    return new EdgeError({ code: 'login_refused', verdict: 'rejected', message });
  }
}

function adviceFor(auth: VaultConfig['auth']): string {
  switch (auth.method) {
    case 'token':
      return `the token in the ${auth.token.where} is unknown, expired or revoked; put a valid one there`;
    case 'approle':
      return `auth/${auth.mount} does not accept this role id and secret id from this address; issue a new secret id`;
    case 'kubernetes':
      return `auth/${auth.mount} does not accept this service account for role ${auth.role}; check the role's bindings`;
  }
}

function twoThirds(ttl: number): number | null {
  return ttl === 0 ? null : Math.max(SECOND, Math.floor((ttl * SECOND * 2) / 3));
}

function loginIn(answer: Answer): Login | null {
  const auth = answer.status === 200 ? member(answer, 'auth') : null;
  if (typeof auth?.client_token !== 'string' || typeof auth.lease_duration !== 'number') return null;
  const token = Secret.from(auth.client_token);
  return { token, ttl: auth.lease_duration, renewable: auth.renewable === true };
}

/** A member of the answer's body that is a mapping, or null. */
export function member(answer: Answer, name: string): Fields | null {
  const value = isFields(answer.body) ? answer.body[name] : null;
  return isFields(value) ? value : null;
}

function read(source: SecretSource): Promise<Secret> {
  return readLoginSecret(source, 'the Vault login');
}
