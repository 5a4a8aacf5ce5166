import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Secret } from '../model/index.ts';
import { StateError } from './contract.ts';
import type { KeyRing } from './sealing.ts';
import { fingerprintKey } from './secrets.ts';
import type { AuditTable, Tables } from './tables.ts';

/** What stands in for the hash of the entry before the first. */
export const FIRST = '0'.repeat(64);

/** A place in the audit log: an entry's number, and its hash. */
export type Mark = { readonly number: number; readonly hash: string };

/** Where the log begins (what was before is pruned), and where it ends. */
export type MarkName = 'anchor' | 'head';

/**
 * The key of the audit log's chain, and the hashes made with it. Every entry bears an HMAC-SHA-256 (RFC 2104) over the
 * hash of the entry before it and all of its own columns, and the log's two ends are sealed with one each. The key follows
 * (HKDF, RFC 5869) from the random key that is made with the database and sealed with the master key, so that it outlives a
 * change of the master key.
 *
 * Whoever can write to the database and has not the master key can change, move, remove or insert no entry unseen, and
 * make up no end of the log. What it does not protect against: whoever has the master key, or commands the running process,
 * can write what he likes; and whoever has kept an earlier copy of the log's sealed end (old ones lie in a database's
 * write-ahead log and in every backup) can cut the log off there, or put the whole copy back: what is left is whole, as a
 * restored backup is. A process that has found the log longer knows better, and by {@link import('./audit-head.ts').AuditHead} the
 * next one too, unless that was put back as well. Against all of it helps what
 * was copied elsewhere in time: the exported log, or the last number and hash that the daemon's log and
 * `keywarden audit verify` tell.
 */
export class AuditKey {
  readonly #key: KeyObject;

  /** @param installation the database's own random key */
  constructor(installation: Secret) {
    const bytes = hkdfSync('sha256', installation.bytes(), '', 'keywarden audit chain', 32);
    this.#key = createSecretKey(Buffer.from(bytes));
  }

  /** The hash of an entry that follows the one with the hash `previous`; hexadecimal. */
  entry(previous: string, row: Omit<AuditTable, 'hash'>): string {
    const { number, at, actor, action, credential, detail } = row;
    return this.#hmac([previous, number, at, actor, action, credential, detail]);
  }

  /** What proves that we ended, or began, the log there. */
  seal(name: MarkName, { number, hash }: Mark): string {
    return this.#hmac([name, number, hash]);
  }

  #hmac(parts: readonly (string | number | null)[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('hex');
  }
}

/** The key of one database's chain, read once. */
export class AuditChain {
  readonly #keys: KeyRing;
  #key: AuditKey | null = null;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  /** Null until {@link AuditChain.open}. */
  get key(): AuditKey | null {
    return this.#key;
  }

  /** @throws {StateError} `state_corrupt` where the database has lost what the key follows from */
  async open(db: Kysely<Tables>): Promise<AuditKey> {
    const installation = await fingerprintKey(db, this.#keys);
    if (installation === null)
      throw new StateError('state_corrupt', 'the state has lost its fingerprint key; restore a backup');
    this.#key ??= new AuditKey(installation);
    return this.#key;
  }
}
