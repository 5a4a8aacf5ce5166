import { z } from 'zod';
import { connection, exactUrl, positiveDuration } from '../../model/fields.ts';
import { DAY } from '../../model/index.ts';

const WHERE = 'expected issuer, or authorizationEndpoint and tokenEndpoint';

/**
 * Any server that speaks RFC 6749. Its endpoints are found by `issuer` (RFC 8414) unless they are named; beside named
 * ones `issuer` is only compared: with a callback's `iss` (RFC 9207), and as what a `private_key_jwt` is meant for.
 */
export const schema = z
  .strictObject({
    kind: z.literal('oauth2'),
    issuer: exactUrl.refine((text) => !text.includes('?'), 'expected an issuer without a query').optional(),
    authorizationEndpoint: exactUrl.optional(),
    tokenEndpoint: exactUrl.optional(),
    revocationEndpoint: exactUrl.optional(),
    introspectionEndpoint: exactUrl.optional(),
    /** What the server allows one client. */
    requestsPerMinute: z.int().min(1).default(600),
    refreshTokenLifetime: positiveDuration.default(90 * DAY),
    /** What divides scopes; RFC 6749 says a space. */
    scopeSeparator: z.enum([' ', ','], { error: 'expected " " or ","' }).default(' '),
    ...connection,
  })
  .refine(({ issuer, authorizationEndpoint, tokenEndpoint, revocationEndpoint, introspectionEndpoint }) => {
    const both = authorizationEndpoint !== undefined && tokenEndpoint !== undefined;
    const none = [authorizationEndpoint, tokenEndpoint, revocationEndpoint, introspectionEndpoint].every(
      (endpoint) => endpoint === undefined,
    );
    return both || (none && issuer !== undefined);
  }, WHERE);

export type Oauth2Config = z.output<typeof schema>;
