import { z } from 'zod';
import { name } from '../../model/fields.ts';

/** What the daemon's file and the agent's have in common. */
export const version = z.literal(1, { error: 'expected 1: the version of the configuration format' });

export const installation = z.strictObject({ name, environment: name });

export const log = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).optional(),
  format: z.enum(['json', 'pretty']).optional(),
});
