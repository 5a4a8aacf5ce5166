import { z } from 'zod';
import { connection, secret, url } from '../../model/fields.ts';

export const schema = z.strictObject({
  kind: z.literal('webhook'),
  url,
  signingSecret: secret,
  ...connection,
});
