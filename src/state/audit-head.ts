import { constants } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Secret } from '../model/index.ts';
import { type AuditMark, StateError } from './contract.ts';
import { KeyRing, type Sealed } from './sealing.ts';

/**
 * The last entry of the audit log that was found in its place, kept outside of the database: an earlier copy of that which is put
 * back while nobody runs does not have it. Each method throws what the file system does.
 */
export type AuditHead = {
  /** Null: none was kept. @throws {StateError} `wrong_key`, `state_corrupt` */
  load(): Promise<AuditMark | null>;
  /** Durable once it resolves. */
  save(mark: AuditMark): Promise<void>;
  /** Before somebody takes the log as it stands. */
  forget(): Promise<void>;
};

const NAME = 'audit.head';
const PLACE = 'audit.head';
/** A mark takes some 200 bytes. */
const MOST = 4_096;
const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = constants;

/**
 * Keeps it in a file beside the database, `audit.head`, mode 600, sealed with the first master key.
 *
 * @example
 * const head = openAuditHead({ database: '/var/lib/keywarden/keywarden.db', keys: [key] });
 * await head.save({ number: 812, hash: 'f0…', at: 1760000000000 });
 */
export function openAuditHead({
  database,
  keys,
}: {
  readonly database: string;
  readonly keys: readonly Secret[];
}): AuditHead {
  const ring = new KeyRing(keys);
  const folder = dirname(database);
  const path = join(folder, NAME);
  return {
    load: async () => {
      const text = await read(path);
      return text === null ? null : decode(ring, text, path);
    },
    save: async (mark) => {
      const sealed = ring.seal(PLACE, NAME, Secret.from(JSON.stringify(mark)));
      await write(`${path}.new`, `${JSON.stringify(sealed)}\n`);
      await rename(`${path}.new`, path);
      await sync(folder);
    },
    forget: async () => {
      await rm(path, { force: true });
      await sync(folder);
    },
  };
}

function decode(ring: KeyRing, text: string, path: string): AuditMark {
  try {
    return JSON.parse(ring.open(PLACE, NAME, JSON.parse(text) as Sealed).reveal()) as AuditMark;
  } catch (error) {
    if (error instanceof StateError && error.code === 'wrong_key') throw error;
    throw new StateError('state_corrupt', `${path} is not as Keywarden wrote it`);
  }
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
