import { z } from 'zod';
import { connection, url } from '../../model/fields.ts';

/** Requests a minute of a key by its subscription. */
export const REQUESTS_PER_MINUTE = { standard: 1_200, enterprise: 5_000 } as const;

export const schema = z.strictObject({
  kind: z.literal('stockflow'),
  apiUrl: url.default('https://api.stockflow.io'),
  tier: z
    .union([z.enum(['standard', 'enterprise']), z.strictObject({ requestsPerMinute: z.int().min(1) })], {
      error: 'expected standard, enterprise or { requestsPerMinute: N }',
    })
    .default('standard'),
  rateShare: z.number().gt(0).max(1).default(0.1),
  ...connection,
});

export type StockflowConfig = z.output<typeof schema>;
