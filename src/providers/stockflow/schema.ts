import { z } from 'zod';
import { connection, url } from '../../model/fields.ts';
import { HOUR, MINUTE } from '../../model/index.ts';
import type { ProviderDefaults } from '../contract.ts';

/** StockFlow's keys are made and revoked by people: nothing is stated of an overlap, three days leave time for it. */
export const defaults: ProviderDefaults = {
  overlap: 72 * HOUR,
  settle: { minimum: 0, budget: 2 * MINUTE, successes: 1 },
};

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
