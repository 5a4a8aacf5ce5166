import { z } from 'zod';
import { connection, secret } from '../../model/fields.ts';

export const schema = z.strictObject({
  kind: z.literal('slack'),
  webhookUrl: secret,
  ...connection,
});

export type SlackConfig = z.output<typeof schema>;
