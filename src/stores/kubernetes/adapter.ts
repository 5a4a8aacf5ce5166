import {
  EdgeError,
  type Failure,
  type Hash,
  type Mark,
  type PluginContext,
  Secret,
} from '../../model/index.ts';
import type { Found, Store } from '../contract.ts';
import type { Answer } from '../exchange.ts';
import { isFields, isVersion, markFrom, markNote } from '../marked-fields.ts';
import { KubernetesApi, type Operation } from './client.ts';
import { annotationOf, managerOf } from './names.ts';
import type { KubernetesConfig, KubernetesTarget } from './schema.ts';
import { IMMUTABLE, isAbsence, isDryRunUnsupported, refusal, TOO_LARGE } from './verdicts.ts';

/** A Secret as it was read. */
type Standing = {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Base64, as the API gives it. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly immutable: boolean;
};

type Target = KubernetesTarget;

/** https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size */
const MAX_DATA_BYTES = 1024 * 1024;
/** How often one publication is written while other keys of its Secret change. */
const TURNS = 5;

/**
 * Publishes into Kubernetes: one key of a Secret by server-side apply, its mark in an annotation, both in one request.
 * Each key has a field manager of its own, since an apply takes away what its manager applied before and leaves out now.
 * A Secret that is missing is created.
 *
 * @example
 * const store = create(context);
 * const found = await store.readBack({ namespace: 'footage', secret: 'frameflow', key: 'api_key' });
 */
export function create(context: PluginContext<KubernetesConfig>): Store<Target> {
  const api = new KubernetesApi(context);
  const keys = new SecretKeys((...parts) => context.hash.digest(...parts));
  return {
    preflight: (target) => keys.preflight(target, api.begin()),
    readBack: (target) => keys.readBack(target, api.begin()),
    publish: (target, value, mark, expected) => keys.publish(target, value, mark, expected, api.begin()),
    renewLogin: async () => null,
    close: () => api.close(),
  };
}

class SecretKeys {
  readonly #digest: Hash['digest'];

  constructor(digest: Hash['digest']) {
    this.#digest = digest;
  }

  /** A dry run of the write: rights, namespace, quota, admission and the Secret's type are all asked. */
  async preflight(target: Target, operation: Operation): Promise<void> {
    const standing = await this.#read(target, operation);
    if (standing?.immutable === true) throw failure(target, IMMUTABLE);
    const present = standing?.data[target.key];
    const data = { [target.key]: typeof present === 'string' ? present : '' };
    const options = { manager: managerOf(target, this.#digest), force: true, dryRun: true };
    const answer = await operation.apply(target, intentOf(target, { data }), options);
    if (isSuccess(answer) || isDryRunUnsupported(answer)) return;
    throw refusal(answer, attempt(target, 'trying to write', false));
  }

  async readBack(target: Target, operation: Operation): Promise<Found | null> {
    const standing = await this.#read(target, operation);
    if (standing === null) return null;
    return this.#found(target, standing);
  }

  /** A Secret has one revision for all its keys: where only others have changed, it is written on the newer one. */
  async publish(
    target: Target,
    value: Secret,
    mark: Mark,
    expected: Found | null,
    operation: Operation,
  ): Promise<void> {
    for (let turn = 1; ; turn += 1) {
      const standing = await this.#read(target, operation);
      const found = standing === null ? null : this.#found(target, standing);
      if (found !== null && isVersion(found, value, mark)) return;
      if (!isAsRead(found, expected)) throw failure(target, CHANGED);
      if (standing?.immutable === true) throw failure(target, IMMUTABLE);
      const conflict = await this.#write(target, value, mark, standing, operation);
      if (conflict === null) return;
      if (turn === TURNS) throw conflict;
    }
  }

  /** Null where it was written; a conflict otherwise. */
  async #write(
    target: Target,
    value: Secret,
    mark: Mark,
    standing: Standing | null,
    operation: Operation,
  ): Promise<EdgeError | null> {
    if (bytesWith(standing, target.key, value.length) > MAX_DATA_BYTES) throw failure(target, TOO_LARGE);
    const encoded = value.bytes().toString('base64');
    const note = markNote(encoded, mark, this.#digest);
    const annotations = { [annotationOf(target.key, this.#digest)]: note };
    const intent = intentOf(target, { data: { [target.key]: encoded }, annotations, standing });
    const options = {
      manager: managerOf(target, this.#digest),
      // Whom the caller has read is overruled; who has come since, where nothing was, is a conflict.
      force: standing !== null,
      dryRun: false,
    };
    const answer = await operation.apply(target, intent, options);
    if (isSuccess(answer)) return null;
    const refused = refusal(answer, attempt(target, 'writing', true));
    if (refused.code === 'conflict') return refused;
    throw refused;
  }

  async #read(target: Target, operation: Operation): Promise<Standing | null> {
    const answer = await operation.get(target);
    if (isAbsence(answer)) return null;
    const standing = answer.status === 200 ? standingIn(answer.body) : null;
    if (standing === null) throw refusal(answer, attempt(target, 'reading', false));
    return standing;
  }

  #found(target: Target, { uid, data, annotations }: Standing): Found {
    const encoded = data[target.key];
    if (typeof encoded !== 'string' || encoded === '') return { value: null, mark: null, revision: uid };
    return {
      revision: uid,
      value: Secret.from(Buffer.from(encoded, 'base64')),
      mark: markFrom(annotations[annotationOf(target.key, this.#digest)], encoded, this.#digest),
    };
  }
}

const CHANGED: Failure = {
  code: 'conflict',
  verdict: 'retryable',
  message: 'the Secret has changed since it was read; reading it again',
};

/**
 * What we say of the Secret and nothing else. The resourceVersion is the precondition; a Secret that is no longer
 * there has none to compare, and would be made anew: the uid prevents that.
 */
function intentOf(
  { namespace, secret }: Target,
  {
    data,
    annotations,
    standing = null,
  }: { readonly data: object; readonly annotations?: object; readonly standing?: Standing | null },
): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: secret,
      namespace,
      ...(standing === null ? {} : { uid: standing.uid, resourceVersion: standing.resourceVersion }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    data,
  };
}

function standingIn(body: unknown): Standing | null {
  if (!isFields(body) || body.kind !== 'Secret' || !isFields(body.metadata)) return null;
  const { uid, resourceVersion, annotations } = body.metadata;
  if (typeof uid !== 'string' || typeof resourceVersion !== 'string') return null;
  return {
    uid,
    resourceVersion,
    data: isFields(body.data) ? body.data : {},
    annotations: isFields(annotations) ? annotations : {},
    immutable: body.immutable === true,
  };
}

/** True where our key is what the caller decided upon, in the same Secret; without one there is nothing to compare. */
function isAsRead(found: Found | null, expected: Found | null): boolean {
  if (expected !== null && found?.revision !== expected.revision) return false;
  const [now, before] = [found?.value ?? null, expected?.value ?? null];
  const same = now === null || before === null ? now === before : now.equals(before);
  return same && found?.mark?.versionId === expected?.mark?.versionId;
}

function bytesWith(standing: Standing | null, key: string, bytes: number): number {
  const others = Object.entries(standing?.data ?? {}).filter(([name]) => name !== key);
  return others.reduce((sum, [, text]) => sum + Buffer.byteLength(String(text), 'base64'), bytes);
}

function isSuccess({ status, body }: Answer): boolean {
  return (status === 200 || status === 201) && standingIn(body) !== null;
}

function attempt({ namespace, secret }: Target, doing: string, writes: boolean) {
  return { doing: `${doing} Secret ${namespace}/${secret}`, namespace, writes };
}

function failure({ namespace, secret }: Target, { message, ...rest }: Failure): EdgeError {
  return new EdgeError({ ...rest, message: `Secret ${namespace}/${secret}: ${message}` });
}
