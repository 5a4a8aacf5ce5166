import { createHmac, timingSafeEqual } from 'node:crypto';
import { type ChannelFake, channelFake, type Received } from '../fake.ts';

export type WebhookBody = {
  readonly type: string;
  readonly timestamp: string | null;
  readonly data: Readonly<Record<string, unknown>>;
};

export type WebhookFake = ChannelFake & {
  /** Every message that it took, repeats as well. */
  readonly accepted: readonly WebhookBody[];
  /** The messages it took, each once, by their `webhook-id`. */
  readonly taken: ReadonlyMap<string, WebhookBody>;
};

/** So far apart may the clocks of sender and receiver be, s. */
const TOLERANCE = 5 * 60;

/**
 * A receiver as the specification describes it: it verifies each signature, refuses old ones, and folds repeats.
 *
 * @param key the bytes behind the signing secret
 * @param now its clock, ms
 */
export function webhookFake(path: string, key: Uint8Array, now: () => number): WebhookFake {
  const accepted: WebhookBody[] = [];
  const taken = new Map<string, WebhookBody>();
  const fake = channelFake((request) => {
    if (request.path !== path) return { status: 404 };
    if (!verified(request, key, now() / 1_000)) return { status: 401, body: 'the signature does not match' };
    const body = JSON.parse(request.body) as WebhookBody;
    accepted.push(body);
    taken.set(header(request, 'webhook-id'), body);
    return { status: 204 };
  });
  return { ...fake, accepted, taken };
}

function verified(request: Received, key: Uint8Array, seconds: number): boolean {
  const id = header(request, 'webhook-id');
  const timestamp = header(request, 'webhook-timestamp');
  if (id === '' || id.includes('.') || !/^\d+$/.test(timestamp)) return false;
  if (Math.abs(Number(timestamp) - seconds) > TOLERANCE) return false;
  const expected = createHmac('sha256', key).update([id, timestamp, request.body].join('.')).digest();
  return header(request, 'webhook-signature')
    .split(' ')
    .some((one) => {
      const [version, signature = ''] = one.split(',');
      const given = Buffer.from(signature, 'base64');
      return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
    });
}

function header({ headers }: Received, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}
