import { z } from 'zod';
import { connection, duration, url } from '../../model/fields.ts';

/** Requests a minute of a key by its subscription; Enterprise limits stand in the contract. */
export const REQUESTS_PER_MINUTE = { standard: 120, pro: 600 } as const;

export const schema = z.strictObject({
  kind: z.literal('frameflow'),
  apiUrl: url.default('https://api.frameflow.io'),
  authUrl: url.default('https://auth.frameflow.io'),
  tier: z
    .union([z.enum(['standard', 'pro']), z.strictObject({ requestsPerMinute: z.int().min(1) })], {
      error: 'expected standard, pro or { requestsPerMinute: N }',
    })
    .default('standard'),
  rateShare: z.number().gt(0).max(1).default(0.1),
  settle: z
    .strictObject({
      minimum: duration.optional(),
      budget: duration.optional(),
      successes: z.int().min(1).max(20).optional(),
    })
    .optional(),
  ...connection,
});

export type FrameflowConfig = z.output<typeof schema>;
