/** What a {@link KeyValues} answers: a status, and `data` or the errors of its body. */
export type KvAnswer = {
  readonly status: number;
  readonly data?: unknown;
  readonly errors?: readonly string[];
};

type Version = { readonly data: object | null; readonly created: string; deleted: string };
type Custom = Readonly<Record<string, string>>;

const NOTHING: KvAnswer = { status: 404, errors: [] };
const DENIED: KvAnswer = { status: 403, errors: ['1 error occurred:\n\t* permission denied\n\n'] };

/** The secrets of a fake Vault's KV version 2 mounts, by `mount/path`, with their versions. */
export class KeyValues {
  /** What a token may do on every data path. */
  readonly rights = new Set(['create', 'read', 'update']);
  /** And on every metadata path. */
  readonly metadataRights = new Set(['patch']);
  /** 1.8 was recorded; 1.9 brought custom_metadata, 1.10 (and OpenBao) the patch of it. */
  server: '1.8' | '1.9' | '1.10' = '1.8';

  readonly #secrets = new Map<string, Version[]>();
  readonly #custom = new Map<string, Custom>();
  #ticks = 0;

  put(name: string, change: (data: Readonly<Record<string, unknown>>) => object): void {
    const last = this.#versions(name).at(-1);
    const data = last?.deleted === '' ? last.data : null;
    this.#versions(name).push({ data: change({ ...data }), created: this.#time(), deleted: '' });
  }

  /** `vault kv delete`: the latest version, softly. */
  softDelete(name: string): void {
    const last = this.#versions(name).at(-1);
    if (last !== undefined) last.deleted = this.#time();
  }

  /** `vault kv metadata delete`: all of it, versions and all. */
  destroy(name: string): void {
    this.#secrets.delete(name);
    this.#custom.delete(name);
  }

  latest(name: string): object | null {
    return this.#secrets.get(name)?.at(-1)?.data ?? null;
  }

  custom(name: string): Custom {
    return this.#custom.get(name) ?? {};
  }

  observe(): unknown {
    return structuredClone(
      Array.from(this.#secrets, ([name, versions]) => {
        const custom = this.#custom.get(name);
        return custom === undefined ? [name, versions] : [name, versions, custom];
      }),
    );
  }

  read(name: string): KvAnswer {
    if (!this.rights.has('read')) return DENIED;
    const versions = this.#secrets.get(name) ?? [];
    const last = versions.at(-1);
    if (last === undefined) return NOTHING;
    const gone = last.deleted !== '';
    const data = { data: gone ? null : last.data, metadata: this.#metadata(name, last, versions.length) };
    return { status: gone ? 404 : 200, data };
  }

  write(name: string, { data, options }: Readonly<Record<string, unknown>>): KvAnswer {
    const count = this.#secrets.get(name)?.length ?? 0;
    if (!this.rights.has(count === 0 ? 'create' : 'update')) return DENIED;
    if (typeof data !== 'object') return { status: 400, errors: ['no data provided'] };
    const cas = typeof options === 'object' && options !== null && 'cas' in options ? options.cas : count;
    if (cas !== count) {
      return { status: 400, errors: ['check-and-set parameter did not match the current version'] };
    }
    const version = { data, created: this.#time(), deleted: '' };
    this.#versions(name).push(version);
    return { status: 200, data: this.#metadata(name, version, count + 1) };
  }

  /** A JSON merge patch of the metadata: what is null goes, what is not named stays. */
  patch(name: string, { custom_metadata: changes }: Readonly<Record<string, unknown>>): KvAnswer {
    if (this.server !== '1.10') return { status: 405, errors: [] };
    if (!this.metadataRights.has('patch')) return DENIED;
    if (!this.#secrets.has(name)) return NOTHING;
    const patched = Object.entries({ ...this.#custom.get(name), ...Object(changes) }).filter(
      (entry): entry is [string, string] => entry[1] !== null,
    );
    const fits = patched.every(([key, value]) => key.length <= 128 && value.length <= 512);
    if (!fits) return { status: 400, errors: ['custom_metadata validation failed'] };
    this.#custom.set(name, Object.fromEntries(patched));
    return { status: 204 };
  }

  #versions(name: string): Version[] {
    const versions = this.#secrets.get(name) ?? [];
    this.#secrets.set(name, versions);
    return versions;
  }

  #metadata(name: string, { created, deleted }: Version, version: number): object {
    const custom = this.server === '1.8' ? {} : { custom_metadata: this.#custom.get(name) ?? null };
    return { created_time: created, ...custom, deletion_time: deleted, destroyed: false, version };
  }

  #time(): string {
    this.#ticks += 1;
    return new Date(Date.UTC(2026, 10, 21, 23, 0, this.#ticks)).toISOString();
  }
}
