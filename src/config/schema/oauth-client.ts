import { z } from 'zod';
import { duration, exactUrl, name, positiveDuration, secret } from '../../model/fields.ts';

/** RFC 6749, 3.3. */
const scope = z.string().regex(/^[\x21\x23-\x5B\x5D-\x7E]+$/, 'expected a scope such as asset:download');

export const oauthClient = z.strictObject({
  provider: name,
  clientId: z.string().min(1).max(256),
  authentication: z
    .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
    .default('client_secret_basic'),
  /** Not with private_key_jwt. */
  clientSecret: secret.optional(),
  /** PEM or JWK; with private_key_jwt only. */
  privateKey: secret.optional(),
  redirectUri: exactUrl,
  returnUrls: z.array(exactUrl).optional(),
  scopes: z.array(scope).min(1),
  refresh: z
    .strictObject({ before: positiveDuration.optional(), keepAlive: positiveDuration.optional() })
    .optional(),
  refreshGrace: duration.optional(),
});
