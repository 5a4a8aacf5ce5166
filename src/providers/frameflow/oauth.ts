import type { PluginContext } from '../../model/index.ts';
import type { OAuthClient, OAuthClientSettings } from '../contract.ts';
import { Oauth2Client } from '../oauth2/client.ts';
import type { FrameflowConfig } from './schema.ts';

/**
 * FrameFlow as an authorization server, by its public page: scopes are divided by commas; endpoints to revoke or to
 * introspect a token are not known of.
 */
export function create(context: PluginContext<FrameflowConfig>, settings: OAuthClientSettings): OAuthClient {
  const { authUrl, allowPlaintextLoopback } = context.config;
  return new Oauth2Client(context, settings, {
    where: {
      issuer: null,
      endpoints: {
        authorization: `${authUrl}/oauth/authorize`,
        token: `${authUrl}/oauth/token`,
        revocation: null,
        introspection: null,
      },
    },
    scopeSeparator: ',',
    allowPlaintextLoopback,
  });
}
