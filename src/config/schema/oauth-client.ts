import { z } from 'zod';
import { duration, exactUrl, name, positiveDuration, secret } from '../../model/fields.ts';

export const oauthClient = z.strictObject({
  provider: name,
  clientId: z.string().min(1).max(256),
  clientSecret: secret,
  redirectUri: exactUrl,
  returnUrls: z.array(exactUrl).optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'expected a scope such as asset:download'))
    .min(1),
  refresh: z
    .strictObject({ before: positiveDuration.optional(), keepAlive: positiveDuration.optional() })
    .optional(),
  refreshGrace: duration.optional(),
});
