import { createHmac } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Secret } from '../model/index.ts';
import { type AuditMark, StateError } from './contract.ts';
import { KeyRing, type Sealed } from './sealing.ts';

/**
 * The last entry of the audit log that was found in its place, kept outside of the database: an earlier copy of that which is put
 * back while nobody runs does not have it. Each method throws what the file system does.
 */
export type AuditHead = {
  /** Null: none was kept, or that of another database. @throws {StateError} `wrong_key`, `state_corrupt` */
  load(): Promise<AuditMark | null>;
  /** Durable once it resolves. */
  save(mark: AuditMark): Promise<void>;
  /** Before somebody takes the log as it stands. */
  forget(): Promise<void>;
  /** Seals anew, with the first master key, what another of them sealed. @throws {StateError} as `load` */
  reseal(): Promise<void>;
};

export type AuditHeadOptions = {
  /** Absolute path of the state's database; the file lies beside it, `DATABASE.head`. */
  readonly database: string;
  /** The random key that the database was made with: another database at the same path has another. */
  readonly fingerprintKey: Secret;
  /** The master keys of the state: the first seals, all open. */
  readonly keys: readonly Secret[];
};

const PLACE = 'audit.head';
/** A mark takes some 300 bytes. */
const MOST = 4_096;
const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/** What stands in the file. Whose it is can be read without the key: a database that is begun anew may have another. */
type Kept = Sealed & { readonly of: string };

/**
 * Keeps it in a file beside the database, `DATABASE.head`, mode 600, sealed with the first master key and bound to that database.
 *
 * @example
 * const database = '/var/lib/keywarden/keywarden.db';
 * const head = openAuditHead({ database, fingerprintKey: await state.fingerprintKey(), keys: [key] });
 * await head.save({ number: 812, hash: 'f0…', at: 1760000000000 });
 */
export function openAuditHead({ database, fingerprintKey, keys }: AuditHeadOptions): AuditHead {
  const ring = new KeyRing(keys);
  const own = createHmac('sha256', fingerprintKey.bytes()).update(PLACE).digest('hex').slice(0, 16);
  const folder = dirname(database);
  const path = `${database}.head`;
  const kept = async (): Promise<Sealed | null> => {
    const text = await read(path);
    const found = text === null ? null : parse(text, path);
    return found?.of === own ? found : null;
  };
  const opened = (sealed: Sealed): AuditMark => {
    try {
      return JSON.parse(ring.open(PLACE, own, sealed).reveal()) as AuditMark;
    } catch (error) {
      if (error instanceof StateError && error.code === 'wrong_key') throw error;
      throw notOurs(path);
    }
  };
  const save = async (mark: AuditMark) => {
    const sealed = ring.seal(PLACE, own, Secret.from(JSON.stringify(mark)));
    await write(`${path}.new`, `${JSON.stringify({ of: own, ...sealed } satisfies Kept)}\n`);
    await rename(`${path}.new`, path);
    await sync(folder);
  };
  return {
    load: async () => {
      const sealed = await kept();
      return sealed === null ? null : opened(sealed);
    },
    save,
    forget: async () => {
      await rm(path, { force: true });
      await sync(folder);
    },
    reseal: async () => {
      const sealed = await kept();
      if (sealed !== null && sealed.keyId !== ring.sealingId) await save(opened(sealed));
    },
  };
}

/** @throws {StateError} `state_corrupt` */
function parse(text: string, path: string): Kept {
  try {
    const { of, keyId, box } = JSON.parse(text) as Kept;
    if ([of, keyId, box].every((part) => typeof part === 'string')) return { of, keyId, box };
  } catch {
    // What is no JSON is no more ours than what is other JSON.
  }
  throw notOurs(path);
}

function notOurs(path: string): StateError {
  return new StateError('state_corrupt', `${path} is not as Keywarden wrote it`);
}

async function read(path: string): Promise<string | null> {
  try {
    const file = await open(path, O_RDONLY | O_NOFOLLOW);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST), 0, MOST, 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sync(path: string): Promise<void> {
  const folder = await open(path, O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
