import { z } from 'zod';
import { connection, exactUrl, secret } from '../../model/fields.ts';
import { SECOND } from '../../model/index.ts';
import { timeout } from '../timeout.ts';

/** Headers that Keywarden or the connection sets, in lower case. */
const OWN_HEADERS: readonly string[] = [
  'connection',
  'content-length',
  'content-type',
  'expect',
  'host',
  'idempotency-key',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

const header = z
  .string()
  .regex(/^[A-Za-z0-9_-]+$/, 'expected the name of a header')
  .refine(
    (text) => !OWN_HEADERS.includes(text.toLowerCase()),
    'expected the name of a header that Keywarden does not set itself',
  );

const headers = z.record(header, secret).refine((record) => {
  const names = Object.keys(record).map((each) => each.toLowerCase());
  return new Set(names).size === names.length;
}, 'expected each header once, whatever the case of its letters');

const { tls, proxy, allowPlaintextLoopback } = connection;

/** `{ http: { url: …, method: POST, headers: { Authorization: { env: … } } }, timeout: 10s }` */
export const schema = z.strictObject({
  http: z.strictObject({
    /** Its path may be a secret: nothing but the origin is ever shown. */
    url: exactUrl,
    method: z.enum(['GET', 'POST', 'PUT']).default('POST'),
    headers: headers.optional(),
    tls,
    proxy,
    allowPlaintextLoopback,
  }),
  timeout: timeout.default(10 * SECOND),
});

export type HttpConfig = z.output<typeof schema>;
