import { randomUUID } from 'node:crypto';

/*
 * One Secret of the fake: its fields, who manages which, and what the API server validates.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */

export type Precondition = {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
};

/** Fields of a Secret by their path: `data` and `metadata.annotations`. */
type Fields = {
  readonly data: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

type Invalid = { readonly message: string; readonly details: object };

/** The resourceVersion or uid is not that of the Secret. */
export class StaleVersion extends Error {}

/** Another manager owns a field that has another value. */
export class ApplyConflict extends Error {
  readonly fields: ReadonlyArray<{ readonly field: string; readonly manager: string }>;

  constructor(fields: ApplyConflict['fields']) {
    super('conflict');
    this.fields = fields;
  }
}

const MAX_DATA = 1024 * 1024;
const MAX_ANNOTATIONS = 256 * 1024;
const QUALIFIED = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;

export class Kept {
  version = '';
  #type = 'Opaque';
  #immutable = false;
  readonly #namespace: string;
  readonly #name: string;
  #uid: string = randomUUID();
  /** Values by path, such as `.data.api_key`. */
  #values = new Map<string, string>();
  /** The paths that each manager owns; appliers and updaters of one name are two. */
  #owned = new Map<string, Set<string>>();

  constructor(namespace: string, name: string) {
    this.#namespace = namespace;
    this.#name = name;
  }

  copy(): Kept {
    const other = new Kept(this.#namespace, this.#name);
    other.version = this.version;
    other.#uid = this.#uid;
    other.#type = this.#type;
    other.#immutable = this.#immutable;
    other.#values = new Map(this.#values);
    other.#owned = new Map([...this.#owned].map(([manager, paths]) => [manager, new Set(paths)]));
    return other;
  }

  /** @throws {StaleVersion | ApplyConflict} and changes nothing then */
  apply(
    fields: Fields,
    {
      manager,
      force,
      version,
      expected,
    }: { manager: string; force: boolean; version: string; expected: Precondition },
  ): void {
    const { uid = this.#uid, resourceVersion = this.version } = expected;
    if (uid !== this.#uid || resourceVersion !== this.version) throw new StaleVersion();
    const before = JSON.stringify(this.toJSON());
    const own = `${manager} Apply`;
    const wanted = pathsOf(fields);
    const conflicts = [...wanted].flatMap(([field, value]) =>
      this.#values.has(field) && this.#values.get(field) !== value
        ? this.#othersOf(field, own).map((other) => ({ field, manager: other.split(' ')[0] ?? '' }))
        : [],
    );
    if (conflicts.length > 0 && !force) throw new ApplyConflict(conflicts);
    for (const { field } of conflicts) this.#disown(field);
    for (const field of this.#owned.get(own) ?? []) {
      if (!wanted.has(field) && this.#othersOf(field, own).length === 0) this.#values.delete(field);
    }
    for (const [field, value] of wanted) this.#values.set(field, value);
    this.#owned.set(own, new Set(wanted.keys()));
    if (JSON.stringify(this.toJSON()) !== before || this.version === '') this.version = version;
  }

  update(data: Readonly<Record<string, string | null>>, manager: string, version: string): void {
    for (const [key, value] of Object.entries(data)) {
      const field = `.data.${key}`;
      this.#disown(field);
      if (value === null) this.#values.delete(field);
      else this.#values.set(field, Buffer.from(value).toString('base64'));
      if (value !== null) this.#paths(`${manager} Update`).add(field);
    }
    this.version = version;
  }

  set(fields: { readonly type?: string; readonly immutable?: boolean }, version: string): void {
    this.#type = fields.type ?? this.#type;
    this.#immutable = fields.immutable ?? this.#immutable;
    this.version = version;
  }

  /** What is wrong with it, or with the change from `former`. */
  invalidSince(former: Kept | null): Invalid | null {
    const { data, annotations } = this.#fields();
    const before = former ?? this;
    if (before.#immutable && !sameRecords(before.#fields().data, data)) {
      return invalid(this.#name, 'data', 'Forbidden', 'field is immutable when `immutable` is set');
    }
    for (const name of Object.keys(annotations)) {
      if (!QUALIFIED.test(name)) return invalid(this.#name, 'metadata.annotations', 'Invalid', 'name part');
    }
    if (total(Object.values(annotations), 'utf8') > MAX_ANNOTATIONS) {
      return invalid(this.#name, 'metadata.annotations', 'TooLong', 'must have at most 262144 bytes');
    }
    if (total(Object.values(data), 'base64') > MAX_DATA) {
      return invalid(this.#name, 'data', 'TooLong', 'must have at most 1048576 bytes');
    }
    const config = data['.dockerconfigjson'];
    if (this.#type === 'kubernetes.io/dockerconfigjson' && config !== undefined && !isJson(config)) {
      const shown = Buffer.from(config, 'base64').toString('utf8');
      return invalid(this.#name, 'data[.dockerconfigjson]', 'Invalid', `"${shown}": invalid character`);
    }
    return null;
  }

  toJSON(): Readonly<Record<string, unknown>> {
    const { data, annotations } = this.#fields();
    return {
      kind: 'Secret',
      apiVersion: 'v1',
      metadata: {
        name: this.#name,
        namespace: this.#namespace,
        uid: this.#uid,
        resourceVersion: this.version,
        creationTimestamp: '2026-10-01T09:00:00Z',
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        managedFields: [...this.#owned]
          .filter(([, paths]) => paths.size > 0)
          .map(([manager, paths]) => ({
            manager: manager.split(' ')[0],
            operation: manager.split(' ')[1],
            apiVersion: 'v1',
            fieldsV1: [...paths].toSorted(),
          })),
      },
      ...(Object.keys(data).length === 0 ? {} : { data }),
      ...(this.#immutable ? { immutable: true } : {}),
      type: this.#type,
    };
  }

  #fields(): Fields {
    const below = (prefix: string) =>
      Object.fromEntries(
        [...this.#values]
          .filter(([path]) => path.startsWith(prefix))
          .map(([path, value]) => [path.slice(prefix.length), value]),
      );
    return { data: below('.data.'), annotations: below('.metadata.annotations.') };
  }

  #othersOf(field: string, own: string): string[] {
    return [...this.#owned].filter(([name, paths]) => name !== own && paths.has(field)).map(([name]) => name);
  }

  #disown(field: string): void {
    for (const paths of this.#owned.values()) paths.delete(field);
  }

  #paths(manager: string): Set<string> {
    const paths = this.#owned.get(manager) ?? new Set();
    this.#owned.set(manager, paths);
    return paths;
  }
}

function pathsOf({ data, annotations }: Fields): Map<string, string> {
  return new Map([
    ...Object.entries(data).map(([key, value]) => [`.data.${key}`, value] as const),
    ...Object.entries(annotations).map(([key, value]) => [`.metadata.annotations.${key}`, value] as const),
  ]);
}

function invalid(name: string, field: string, kind: string, text: string): Invalid {
  const message = `${kind === 'TooLong' ? 'Too long' : kind}: ${text}`;
  const causes = [{ reason: `FieldValue${kind}`, message, field }];
  return {
    message: `Secret "${name}" is invalid: ${field}: ${message}`,
    details: { kind: 'Secret', causes },
  };
}

function total(values: readonly string[], encoding: BufferEncoding): number {
  return values.reduce((sum, value) => sum + Buffer.byteLength(value, encoding), 0);
}

function sameRecords(a: object, b: object): boolean {
  return JSON.stringify(Object.entries(a).toSorted()) === JSON.stringify(Object.entries(b).toSorted());
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
