import { createHash, createHmac } from 'node:crypto';
import type { Hash, Secret } from '../model/index.ts';

/** @param key the installation's own random key, so that a fingerprint tells nothing to anybody without it */
export function createKeyedHash(key: Secret): Hash {
  const digest = (...parts: readonly string[]): string => {
    const hash = createHash('sha256');
    for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
    return hash.digest('hex');
  };
  return {
    fingerprint: (value) =>
      createHmac('sha256', key.bytes()).update(value.bytes()).digest('hex').slice(0, 12),
    digest,
    unit: (...parts) => Number.parseInt(digest(...parts).slice(0, 12), 16) / 2 ** 48,
  };
}
