import { randomBytes } from 'node:crypto';
import { EXIT } from './exit.ts';
import { MASTER_KEY_BYTES } from './master-keys.ts';
import { print } from './terminal.ts';

/** A new master key: 32 random bytes in base64. */
export function newMasterKey(): string {
  return randomBytes(MASTER_KEY_BYTES).toString('base64');
}

export function keygen(): number {
  print(newMasterKey());
  return EXIT.done;
}
