import { randomUUID } from 'node:crypto';
import type { ServerOptions } from 'node:https';
import { type FakeAnswer, FakeService, type Received } from '../testing/fake-service.ts';
import { KeyValues, type KvAnswer } from './testing/key-values.ts';

/*
 * A small Vault for tests: a real server that keeps what it is given and answers in the form that a real one was
 * recorded to answer in (test/fixtures/vault). KV versions 1 and 2, tokens, AppRole and Kubernetes logins.
 */

export type FakeRequest = Omit<Received, 'certificate'> & { readonly body: unknown };

type Token = { readonly ttl: number; readonly renewable: boolean; readonly path: string };
type Route = (request: FakeRequest, rest: string) => FakeAnswer;

const REFUSED: FakeAnswer = { status: 403, body: { errors: ['permission denied'] } };
const NOTHING: FakeAnswer = { status: 404, body: { errors: [] } };

export class FakeVault extends FakeService<FakeRequest> {
  readonly mounts = new Map<string, '1' | '2' | 'transit'>([['secret', '2']]);
  readonly appRole = { roleId: randomUUID(), secretId: randomUUID() };
  /** What is kept, and who may do what with it. */
  readonly kv = new KeyValues();
  /** How logins are granted, in seconds. */
  grant = { ttl: 3600, renewable: true };
  /** What a renewal grants; null: it is refused. */
  renewal: number | null = 3600;
  sealed = false;

  readonly #tokens = new Map<string, Token>();
  readonly #routes: ReadonlyArray<readonly [pattern: RegExp, route: Route]>;

  constructor(tls?: ServerOptions) {
    super(tls);
    this.#routes = [
      [/^POST auth\/approle\/login$/, (request) => this.#appRoleLogin(request)],
      [/^POST auth\/kubernetes\/login$/, (request) => this.#kubernetesLogin(request)],
      [/^GET auth\/token\/lookup-self$/, this.#known((request) => this.#lookup(request))],
      [/^POST auth\/token\/renew-self$/, this.#known((request) => this.#renew(request))],
      [/^GET sys\/internal\/ui\/mounts\/(.+)$/, this.#known((_request, path) => this.#mountOf(path))],
      [/^POST sys\/capabilities-self$/, this.#known((request) => this.#capabilities(request))],
      [/^(?:GET|POST|PATCH) (.+)$/, this.#known((request, path) => this.#keyValue(request, path))],
    ];
  }

  /** A token as `vault token create` makes it; ttl 0 and not renewable: like the root token. */
  issueToken(ttl = 3600, renewable = true, path = 'auth/token/create'): string {
    const token = `s.${randomUUID().replaceAll('-', '').slice(0, 24)}`;
    this.#tokens.set(token, { ttl, renewable, path });
    return token;
  }

  /** As if every token had expired. */
  expireTokens(): void {
    this.#tokens.clear();
  }

  /** What a token may do on every data path. */
  get rights(): Set<string> {
    return this.kv.rights;
  }

  /** What a person does with `vault kv put` or `patch`: a new version of `mount/path`, no questions asked. */
  put(name: string, change: (data: Readonly<Record<string, unknown>>) => object): void {
    this.kv.put(name, change);
  }

  /** All that is kept, versions and all. */
  observe(): unknown {
    return this.kv.observe();
  }

  protected read({ method, path, headers, text }: Received): FakeRequest {
    return { method, path, headers, text, body: text === '' ? undefined : JSON.parse(text) };
  }

  protected headers(): Readonly<Record<string, string>> {
    return { 'Cache-Control': 'no-store', 'Content-Type': 'application/json' };
  }

  protected answer(request: FakeRequest): FakeAnswer {
    if (this.sealed) {
      return { status: 503, body: { errors: ['error performing token check: Vault is sealed'] } };
    }
    const line = `${request.method} ${request.path.replace(/^\/v1\//, '')}`;
    for (const [pattern, route] of this.#routes) {
      const match = pattern.exec(line);
      if (match !== null) return route(request, match[1] ?? '');
    }
    return { status: 405, body: { errors: [] } };
  }

  /** Behind the token check, as it was until late 2021: newer servers answer 403 to a missing token, too. */
  #known(route: Route): Route {
    return (request, rest) => {
      const token = request.headers['x-vault-token'];
      if (token === undefined) return { status: 400, body: { errors: ['missing client token'] } };
      return this.#tokens.has(token) ? route(request, rest) : REFUSED;
    };
  }

  #appRoleLogin({ body }: FakeRequest): FakeAnswer {
    const given = record(body);
    if (given.role_id !== this.appRole.roleId) return { status: 400, body: { errors: ['invalid role ID'] } };
    if (given.secret_id !== this.appRole.secretId) {
      return { status: 400, body: { errors: ['invalid secret id'] } };
    }
    return this.#loggedIn('auth/approle/login', { host: 'test', role_name: 'daemon' });
  }

  #kubernetesLogin({ body }: FakeRequest): FakeAnswer {
    const given = record(body);
    if (given.role !== 'keywarden' || given.jwt === 'wrong') return REFUSED;
    return this.#loggedIn('auth/kubernetes/login', { role: 'keywarden' });
  }

  #loggedIn(path: string, metadata: object): FakeAnswer {
    const token = this.issueToken(this.grant.ttl, this.grant.renewable, path);
    return envelope({
      auth: { ...authOf(token, this.grant.ttl, this.grant.renewable), metadata, orphan: true },
    });
  }

  #lookup({ headers }: FakeRequest): FakeAnswer {
    const id = headers['x-vault-token'] ?? '';
    const token = this.#tokens.get(id);
    if (token === undefined) return REFUSED;
    const { ttl, renewable, path } = token;
    const data = {
      accessor: 'AccessorAccessorAccessor',
      creation_time: 1795302045,
      creation_ttl: ttl,
      display_name: 'token',
      entity_id: '',
      expire_time: ttl === 0 ? null : '2026-11-21T23:00:47.109038831Z',
      explicit_max_ttl: 0,
      id,
      issue_time: '2026-11-21T23:00:45.109041004Z',
      meta: null,
      num_uses: 0,
      orphan: false,
      path,
      policies: ['default', 'kv-writer'],
      renewable,
      ttl,
      type: 'service',
    };
    return envelope({ data });
  }

  #renew({ headers }: FakeRequest): FakeAnswer {
    const id = headers['x-vault-token'] ?? '';
    if (this.renewal === null || this.#tokens.get(id)?.renewable !== true) {
      return { status: 400, body: { errors: ['lease is not renewable'] } };
    }
    return envelope({ auth: { ...authOf(id, this.renewal, true), metadata: null, orphan: false } });
  }

  #mountOf(path: string): FakeAnswer {
    const mount = [...this.mounts.keys()].find((name) => path.startsWith(`${name}/`));
    const engine = mount === undefined ? undefined : this.mounts.get(mount);
    if (mount === undefined || engine === undefined) {
      const error = `preflight capability check returned 403, please ensure client's policies grant access to path "${path}/"`;
      return { status: 403, body: { errors: [error] } };
    }
    const data = {
      accessor: 'kv_5c96e823',
      config: { default_lease_ttl: 0, force_no_cache: false, max_lease_ttl: 0 },
      description: '',
      external_entropy_access: false,
      local: false,
      options: engine === 'transit' ? null : { version: engine },
      path: `${mount}/`,
      seal_wrap: false,
      type: engine === 'transit' ? 'transit' : 'kv',
      uuid: randomUUID(),
    };
    return envelope({ data });
  }

  #capabilities({ body }: FakeRequest): FakeAnswer {
    const { paths } = record(body);
    const { rights, metadataRights } = this.kv;
    const held = (path: string) => {
      const on = path.includes('/metadata/') ? metadataRights : rights;
      return on.size === 0 ? ['deny'] : [...on].sort();
    };
    const data = Object.fromEntries(Array.isArray(paths) ? paths.map((path) => [path, held(path)]) : []);
    return { status: 200, body: { ...data, ...record(envelope({ data }).body) } };
  }

  #keyValue(request: FakeRequest, path: string): FakeAnswer {
    const mount = [...this.mounts.keys()].find((name) => path.startsWith(`${name}/`));
    if (mount === undefined) return { status: 404, body: { errors: [`no handler for route '${path}'`] } };
    const engine = this.mounts.get(mount);
    if (engine === '1') return this.#version1(request, path);
    const [, kind, name] = /^(data|metadata)\/(.*)$/.exec(path.slice(mount.length + 1)) ?? [];
    if (engine !== '2' || kind === undefined)
      return { status: 404, body: { errors: ['1 error occurred:\n\t* unsupported path\n\n'] } };
    const isPatch = request.method === 'PATCH';
    if (isPatch && request.headers['content-type'] !== 'application/merge-patch+json') return { status: 415 };
    return kvAnswer(this.#version2(request, kind, `${mount}/${name}`));
  }

  #version2({ method, body }: FakeRequest, kind: string, name: string): KvAnswer {
    if (kind === 'metadata' || method === 'PATCH') return this.kv.patch(name, record(body));
    return method === 'GET' ? this.kv.read(name) : this.kv.write(name, record(body));
  }

  #version1(request: FakeRequest, path: string): FakeAnswer {
    if (request.method === 'GET') {
      const last = this.kv.latest(path);
      return last === null ? NOTHING : { ...envelope({ data: last, lease_duration: 2764800 }) };
    }
    this.put(path, () => record(request.body));
    return { status: 204 };
  }
}

function kvAnswer({ status, data, errors }: KvAnswer): FakeAnswer {
  if (errors !== undefined) return { status, body: { errors } };
  return data === undefined ? { status } : { ...envelope({ data }), status };
}

function authOf(token: string, ttl: number, renewable: boolean): object {
  return {
    client_token: token,
    accessor: 'AccessorAccessorAccessor',
    policies: ['default', 'kv-writer'],
    token_policies: ['default', 'kv-writer'],
    metadata: null,
    lease_duration: ttl,
    renewable,
    entity_id: '',
    token_type: 'service',
    orphan: false,
  };
}

function envelope(fields: object): FakeAnswer {
  const empty = { lease_id: '', renewable: false, lease_duration: 0, data: null };
  const body = { request_id: randomUUID(), ...empty, wrap_info: null, warnings: null, auth: null, ...fields };
  return { status: 200, body };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
