import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EdgeError, type Files, KeywardenError, type Mark, Secret } from '../model/index.ts';
import { KeyRing, type Sealed } from '../state/sealing.ts';
import { type DestinationRecord, type Held, UNSEEN } from './held.ts';

/** Form of the file. */
const FORM = 1;
/** Where the seal says that it stands. */
const PLACE = 'agent.holdings';

type Contents = {
  readonly versions: ReadonlyMap<string, Held>;
  readonly records: ReadonlyMap<string, DestinationRecord>;
};

type Change = (contents: { versions: Map<string, Held>; records: Map<string, DestinationRecord> }) => void;

export type HoldingsOptions = {
  readonly directory: string;
  /** The first seals, all open. */
  readonly keys: readonly Secret[];
  /** `installation.name/installation.environment`: a file of another does not open. */
  readonly installation: string;
  /** What is configured: of others nothing is held. */
  readonly credentials: readonly string[];
  readonly files: Files;
};

/**
 * What an agent holds: the last version of each credential and what was published where. All of it lies in one sealed
 * file, so that an agent starts while its upstream is down. What {@link Holdings.version} gives is on disk.
 */
export class Holdings {
  readonly #file: string;
  readonly #ring: KeyRing;
  readonly #options: HoldingsOptions;
  #contents: Contents;
  readonly #waiting: Array<{ change: Change; done: () => void; failed: (error: unknown) => void }> = [];
  #writing = false;

  private constructor(file: string, ring: KeyRing, options: HoldingsOptions, contents: Contents) {
    this.#file = file;
    this.#ring = ring;
    this.#options = options;
    this.#contents = contents;
  }

  /**
   * Opens the file in `directory`, which is made (mode 700) where it is missing. Nothing is held where there is no file.
   * @throws {KeywardenError} `wrong_key` where no key of ours sealed it, `holdings_damaged`, `holdings_newer`
   * @throws {EdgeError} where the folder or the file cannot be read
   */
  static async open(options: HoldingsOptions): Promise<Holdings> {
    const { directory, keys, files } = options;
    const ring = new KeyRing(keys);
    const file = join(directory, 'agent.sealed');
    makeFolder(directory);
    await files.sweep(file);
    const found = await files.read(file);
    const contents =
      found === null ? { versions: new Map(), records: new Map() } : read(found.content, file, ring, options);
    const holdings = new Holdings(file, ring, options, contents);
    // Sealed anew by the first key, and proof that it can be written before anything hangs on that.
    await holdings.#commit(() => undefined);
    return holdings;
  }

  version(credential: string): Held | null {
    return this.#contents.versions.get(credential) ?? null;
  }

  record(destination: string): DestinationRecord {
    return this.#contents.records.get(destination) ?? UNSEEN;
  }

  /** Holds `held` from now on. Resolves once it is on disk. @throws {EdgeError} where it could not be written */
  take(held: Held): Promise<void> {
    return this.#commit(({ versions }) => versions.set(held.mark.credential, held));
  }

  /** Remembers of a file what `change` makes of what is remembered. @throws {EdgeError} where it could not be written */
  note(destination: string, change: (record: DestinationRecord) => DestinationRecord): Promise<void> {
    return this.#commit(({ records }) =>
      records.set(destination, change(records.get(destination) ?? UNSEEN)),
    );
  }

  #commit(change: Change): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ change, done: resolve, failed: reject });
    if (!this.#writing) void this.#write();
    return promise;
  }

  /** What came while one write was under way goes out with the next. */
  async #write(): Promise<void> {
    this.#writing = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      const { versions, records } = this.#contents;
      const next = { versions: new Map(versions), records: new Map(records) };
      for (const { change } of batch) change(next);
      try {
        await this.#options.files.replace(this.#file, this.#sealed(next), { mode: 0o600 });
        this.#contents = next;
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = false;
  }

  #sealed({ versions, records }: Contents): Buffer {
    const stored: Stored = {
      versions: Array.from(versions.values(), ({ value, ...rest }) => ({
        ...rest,
        value: value.bytes().toString('base64'),
      })),
      records: Object.fromEntries(records),
    };
    const sealed = this.#ring.seal(PLACE, this.#options.installation, Secret.from(JSON.stringify(stored)));
    return Buffer.from(`${JSON.stringify({ form: FORM, ...sealed })}\n`);
  }
}

/** What is inside the seal. */
type Stored = {
  readonly versions: ReadonlyArray<{ mark: Mark; view: Held['view']; value: string }>;
  readonly records: Readonly<Record<string, DestinationRecord>>;
};

function read(content: Buffer, file: string, ring: KeyRing, options: HoldingsOptions): Contents {
  const sealed = parseSealed(content, file);
  if (!ring.ids.includes(sealed.keyId)) throw wrongKey(file, sealed.keyId, ring.ids);
  let stored: Stored;
  try {
    stored = JSON.parse(ring.open(PLACE, options.installation, sealed).reveal()) as Stored;
  } catch {
    throw damaged(file);
  }
  const held = stored.versions.filter(({ mark }) => options.credentials.includes(mark.credential));
  const versions = held.map(
    ({ mark, view, value }) =>
      [mark.credential, { mark, view, value: Secret.from(Buffer.from(value, 'base64')) }] as const,
  );
  return { versions: new Map(versions), records: new Map(Object.entries(stored.records)) };
}

function parseSealed(content: Buffer, file: string): Sealed {
  let value: Partial<Sealed & { readonly form: number }> | null;
  try {
    value = JSON.parse(content.toString('utf8')) as typeof value;
  } catch {
    throw damaged(file);
  }
  if (typeof value?.form === 'number' && value.form > FORM) {
    throw new KeywardenError(
      'holdings_newer',
      `${file} was written by a newer Keywarden; start that one, or delete the file: the agent fetches anew what it held`,
    );
  }
  const { keyId, box } = value ?? {};
  if (typeof keyId !== 'string' || typeof box !== 'string') throw damaged(file);
  return { keyId, box };
}

function makeFolder(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
    throw new EdgeError({
      code: 'no_right',
      verdict: 'permanent',
      message: `state.directory ${directory} cannot be made${code}; make it, owned by the user that the agent runs as, with mode 700`,
    });
  }
}

function damaged(file: string): KeywardenError {
  return new KeywardenError(
    'holdings_damaged',
    `${file} was altered, cut short, or belongs to another installation; delete it: the agent fetches anew what it held, and may run hooks once more`,
  );
}

function wrongKey(file: string, used: string, configured: readonly string[]): KeywardenError {
  return new KeywardenError(
    'wrong_key',
    `${file} is sealed with the master key ${used}, but configured are ${configured.join(', ')}; add that key to state.encryptionKeys (the first seals, all open), or delete the file: the agent fetches anew what it held`,
  );
}
