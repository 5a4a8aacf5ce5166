import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { Secret } from '../model/index.ts';
import { StateError } from './contract.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A sealed value as it stands in the database: `box` is base64 of nonce, tag and ciphertext. */
export type Sealed = { readonly keyId: string; readonly box: string };

/**
 * The master keys: the first seals, all open. AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D, 8.2.2);
 * the place and what tells its row from the others are authenticated too, so that a sealed value moved to another row does not open.
 *
 * @example
 * const keys = new KeyRing([Secret.from(randomBytes(32))]);
 * const sealed = keys.seal('version.value', version.id, value);
 */
export class KeyRing {
  readonly #keys: ReadonlyMap<string, KeyObject>;
  readonly #first: KeyObject;
  /** The id of the key that seals. Ids follow from the keys, so their order may change. */
  readonly sealingId: string;

  /** @throws {StateError} `wrong_key` where there is no key or one has not 32 bytes */
  constructor(keys: readonly Secret[]) {
    for (const key of keys) {
      if (key.length === KEY_BYTES) continue;
      throw new StateError(
        'wrong_key',
        `a master key has ${key.length} bytes instead of ${KEY_BYTES}; make one with keywarden keygen`,
      );
    }
    const entries = keys.map((key) => [idOf(key), createSecretKey(key.bytes())] as const);
    const [first] = entries;
    if (first === undefined) {
      throw new StateError('wrong_key', 'there is no master key; make one with keywarden keygen');
    }
    [this.sealingId, this.#first] = first;
    this.#keys = new Map(entries);
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()];
  }

  seal(place: string, id: string, value: Secret): Sealed {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#first, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(binding(place, id));
    const text = Buffer.concat([cipher.update(value.bytes()), cipher.final()]);
    return {
      keyId: this.sealingId,
      box: Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64'),
    };
  }

  /** @throws {StateError} `wrong_key` where no key of ours sealed it, `state_corrupt` where it was altered or moved */
  open(place: string, id: string, { keyId, box }: Sealed): Secret {
    const key = this.#keys.get(keyId);
    if (key === undefined) throw wrongKey([keyId], this.ids);
    const bytes = Buffer.from(box, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(binding(place, id));
      decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
      return Secret.from(
        Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]),
      );
    } catch {
      throw new StateError(
        'state_corrupt',
        `the sealed ${place} of ${id} was altered or belongs to another row; restore the database from a backup`,
      );
    }
  }
}

/** No configured key opens what the keys with the ids `used` sealed. Ids are safe to show. */
export function wrongKey(used: readonly string[], configured: readonly string[]): StateError {
  return new StateError(
    'wrong_key',
    `the state is sealed with the master key ${used.join(', ')}, but configured are ${configured.join(', ')}; ` +
      'add the missing key to state.encryptionKeys (the first seals, all open)',
  );
}

/** Tells keys apart without telling anything of them. */
function idOf(key: Secret): string {
  return createHmac('sha256', key.bytes()).update('keywarden key id').digest('hex').slice(0, 16);
}

function binding(place: string, id: string): Buffer {
  return Buffer.from(JSON.stringify(['keywarden', place, id]));
}
