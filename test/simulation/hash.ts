import { createKeyedHash } from '../../src/engine/hash.ts';
import { Secret } from '../../src/model/index.ts';

/** Every world's fingerprints are made with one key: nothing random may reach a trace. */
export const HASH = createKeyedHash(Secret.from(Buffer.alloc(32, 1)));
