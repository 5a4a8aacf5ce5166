import { z } from 'zod';
import { SECOND } from '../../model/index.ts';
import { timeout } from '../timeout.ts';

const argument = z
  .string()
  .min(1)
  .refine((text) => !text.includes('\0'), 'expected text without NUL characters');

/** `{ exec: [command, argument, …], timeout: 30s }`: no shell reads it, so nothing in it is expanded. */
export const schema = z.strictObject({
  exec: z
    .array(argument)
    .min(1)
    // It runs in `/`: a relative path would mean another file than in the configuration's folder.
    .refine(([command = '']) => !command.includes('/') || command.startsWith('/'), {
      path: [0],
      message: 'expected a command by its name (looked for in PATH) or by its absolute path',
    }),
  timeout: timeout.default(30 * SECOND),
});

export type ExecConfig = z.output<typeof schema>;
