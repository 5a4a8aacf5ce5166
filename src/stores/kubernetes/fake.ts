import { randomUUID } from 'node:crypto';
import { type FakeAnswer, FakeService, type Received } from '../testing/fake-service.ts';
import { ApplyConflict, Kept, type Precondition, StaleVersion } from './fake-secret.ts';

/*
 * A small Kubernetes API server for tests: Secrets alone, with server-side apply, its field managers and its
 * preconditions, and with the Status objects that a real one answers in.
 */

export type FakeRequest = Omit<Received, 'text'> & {
  /** Of the path, which is without it. */
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
};

export type FakeTls = { readonly cert: string; readonly key: string };

type Status = {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: object;
};

type Place = { readonly namespace: string; readonly name: string };

const USER = 'system:serviceaccount:keywarden:keywarden';
const PATH = /^\/api\/v1\/namespaces\/([^/]+)\/secrets\/([^/]+)$/;

export class FakeKubernetes extends FakeService<FakeRequest> {
  readonly namespaces = new Set(['footage']);
  /** Bearer tokens that are known. */
  readonly tokens = new Set<string>();
  /** Client certificates that are known, by their SHA-256. */
  readonly certificates = new Set<string>();
  /** What the user may do with Secrets. */
  readonly rights = new Set(['get', 'patch', 'create']);

  readonly #secrets = new Map<string, Kept>();
  #version = 1_000;

  constructor(tls: FakeTls) {
    super({ ...tls, requestCert: true, rejectUnauthorized: false });
  }

  issueToken(): string {
    const token = `eyJhbGciOiJSUzI1NiJ9.${randomUUID()}`;
    this.tokens.add(token);
    return token;
  }

  /** What a person does with `kubectl edit`: an update, no questions asked. Null takes a key away. */
  edit(name: string, data: Readonly<Record<string, string | null>>, manager = 'kubectl-edit'): void {
    const secret = this.#secrets.get(name) ?? this.#create(name);
    secret.update(data, manager, this.#next());
  }

  /** `kubectl create secret` with a type, or a change that no key is part of. */
  set(name: string, fields: { readonly type?: string; readonly immutable?: boolean }): void {
    const secret = this.#secrets.get(name) ?? this.#create(name);
    secret.set(fields, this.#next());
  }

  delete(name: string): void {
    this.#secrets.delete(name);
  }

  /** The Secret as the API shows it; null where there is none. */
  secret(name: string): Readonly<Record<string, unknown>> | null {
    return this.#secrets.get(name)?.toJSON() ?? null;
  }

  /** All that is kept, with its versions and managers. */
  observe(): unknown {
    return structuredClone([...this.#secrets].map(([name, secret]) => [name, secret.toJSON()]));
  }

  protected read({ method, path, headers, text, certificate }: Received): FakeRequest {
    const { pathname, searchParams } = new URL(path, 'https://localhost');
    const query = Object.fromEntries(searchParams);
    const body = text === '' ? undefined : JSON.parse(text);
    return { method, path: pathname, query, headers, body, certificate };
  }

  protected headers(): Readonly<Record<string, string>> {
    return { 'Content-Type': 'application/json', 'Audit-Id': randomUUID() };
  }

  protected answer(request: FakeRequest): FakeAnswer {
    if (!this.#isKnown(request)) return status(401, 'Unauthorized', 'Unauthorized');
    const [, namespace = '', name = ''] = PATH.exec(request.path) ?? [];
    if (name === '') return { status: 404, body: '404 page not found' };
    const place = { namespace, name };
    if (request.method === 'GET') return this.#get(place);
    if (request.method === 'PATCH') return this.#apply(place, request);
    return status(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }

  #isKnown({ headers, certificate }: FakeRequest): boolean {
    if (certificate !== null && this.certificates.has(certificate)) return true;
    return this.tokens.has((headers.authorization ?? '').replace(/^Bearer /, ''));
  }

  #get(place: Place): FakeAnswer {
    if (!this.rights.has('get')) return forbidden('get', place);
    const found = this.#secrets.get(keyOf(place));
    return found === undefined ? missing('secrets', place.name) : { status: 200, body: found.toJSON() };
  }

  #apply(place: Place, request: FakeRequest): FakeAnswer {
    const { fieldManager: manager = '', force, dryRun } = request.query;
    if (request.headers['content-type'] !== 'application/apply-patch+yaml') {
      return status(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format');
    }
    if (!this.rights.has('patch')) return forbidden('patch', place);
    if (manager === '' || manager.length > 128) return status(422, 'Invalid', 'fieldManager is required');
    const standing = this.#secrets.get(keyOf(place));
    if (standing === undefined && !this.rights.has('create')) return forbidden('create', place);
    if (!this.namespaces.has(place.namespace)) return missing('namespaces', place.namespace);
    const secret = standing?.copy() ?? new Kept(place.namespace, place.name);
    const { metadata = {}, data = {} } = record(request.body) as Intent;
    if (standing === undefined && metadata.uid !== undefined) return conflict(place, UID_MISMATCH);
    const version = String(this.#version + 1);
    try {
      const { annotations = {}, uid, resourceVersion } = metadata;
      const expected: Precondition = standing === undefined ? {} : { uid, resourceVersion };
      secret.apply({ data, annotations }, { manager, force: force === 'true', version, expected });
    } catch (error) {
      return refusedBy(error, place);
    }
    const invalid = secret.invalidSince(standing ?? null);
    if (invalid !== null)
      return status(422, 'Invalid', invalid.message, { ...invalid.details, name: place.name });
    if (dryRun !== 'All' && secret.version === version) {
      this.#secrets.set(keyOf(place), secret);
      this.#version += 1;
    }
    return { status: standing === undefined ? 201 : 200, body: secret.toJSON() };
  }

  #create(name: string): Kept {
    const [namespace = '', own = ''] = name.split('/');
    const made = new Kept(namespace, own);
    this.#secrets.set(name, made);
    return made;
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

type Intent = {
  readonly metadata?: Precondition & { readonly annotations?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
};

const UID_MISMATCH = 'uid mismatch: the provided object specified a uid, and no existing object was found';
const STALE = 'the object has been modified; please apply your changes to the latest version and try again';

function refusedBy(error: unknown, place: Place): FakeAnswer {
  if (error instanceof StaleVersion) return conflict(place, STALE);
  if (!(error instanceof ApplyConflict)) throw error;
  const causes = error.fields.map(({ field, manager }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}" using v1`,
    field,
  }));
  const message = `Apply failed with ${causes.length} conflict: conflict with "${error.fields[0]?.manager}" using v1`;
  return status(409, 'Conflict', message, { causes });
}

function conflict({ name }: Place, why: string): FakeAnswer {
  const message = `Operation cannot be fulfilled on secrets "${name}": ${why}`;
  return status(409, 'Conflict', message, { name, kind: 'secrets' });
}

function forbidden(verb: string, { namespace, name }: Place): FakeAnswer {
  const message = `secrets "${name}" is forbidden: User "${USER}" cannot ${verb} resource "secrets" in API group "" in the namespace "${namespace}"`;
  return status(403, 'Forbidden', message, { name, kind: 'secrets' });
}

function missing(kind: 'secrets' | 'namespaces', name: string): FakeAnswer {
  return status(404, 'NotFound', `${kind} "${name}" not found`, { name, kind });
}

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export function status(code: number, reason: string, message: string, details?: object): FakeAnswer {
  const own: Status = { code, reason, message, ...(details === undefined ? {} : { details }) };
  return {
    status: code,
    body: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', ...own },
  };
}

const keyOf = ({ namespace, name }: Place) => `${namespace}/${name}`;

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
