import type { z } from 'zod';
import type { Account, Key } from './account.ts';
import type { AuthLog } from './auth-log.ts';
import { play, playedEvent } from './play.ts';
import { token } from './random.ts';

/** From where somebody else rotates our key. Default: from abroad (198.51.100.66), by curl, and the log tells at once. */
export const foreignMint = playedEvent.pick({ ip: true, geo: true, user_agent: true, arrives_at: true });

export type ForeignMint = z.input<typeof foreignMint>;

/**
 * Rotates a key as somebody does who got hold of it, the log's entry included. Null where there is no such key.
 *
 * @throws {RangeError} where the key is not valid at `now`
 */
export function mintAbroad(
  account: Account,
  log: AuthLog,
  signerId: string,
  from: ForeignMint | undefined,
  now: number,
): Key | null {
  if (account.get(signerId) === undefined) return null;
  const fresh = { id: `key_${token(8)}`, value: `ff_live_${token(32)}` };
  const { minted } = account.rotate(signerId, fresh, now);
  const event = {
    ip: '198.51.100.66',
    user_agent: 'curl/8.11.0',
    ...from,
    time: now,
    key_id: signerId,
    method: 'POST',
    path: '/v1/auth/rotate',
    status: 201,
    minted_key_id: minted.id,
  };
  play(log, [event], now);
  return minted;
}
