import { createHmac } from 'node:crypto';

const PREFIX = 'whsec_';
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/** What is signed, and sent. `id` holds no full stop; `timestamp` is the attempt's, seconds since the epoch. */
export type Signed = { readonly id: string; readonly timestamp: number; readonly body: string };

/**
 * The bytes of a signing secret: `whsec_` and base64, as the specification writes it; anything else is taken as it is.
 * Null where it cannot be used: nothing, or no base64 after the prefix.
 */
export function keyOf(secret: string): Buffer | null {
  if (!secret.startsWith(PREFIX)) return secret === '' ? null : Buffer.from(secret);
  const encoded = secret.slice(PREFIX.length);
  return BASE64.test(encoded) ? Buffer.from(encoded, 'base64') : null;
}

/**
 * The header `webhook-signature`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, "Signature scheme").
 *
 * @example signatureOf({ id: 'msg_1', timestamp: 1614265330, body: '{}' }, key) // 'v1,g0hM9S…'
 */
export function signatureOf({ id, timestamp, body }: Signed, key: Buffer): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}
