import { MINUTE, type SecretSource } from '../model/index.ts';
import type { OAuthDefaults } from '../providers/contract.ts';
import { REQUESTS_PER_MINUTE } from '../providers/frameflow/schema.ts';
import { providers } from '../providers/index.ts';
import type { GrantPolicy } from '../rotation/grants/situation.ts';
import type { ParsedOAuthClient } from './schema/surface.ts';
import type { OAuthClientConfig, ProviderConfig } from './types.ts';

const BEFORE = 5 * MINUTE;

/** Where Keywarden takes a user's browser back, below `api.publicUrl`. */
export const CALLBACK_PATH = '/oauth/callback';

/** What holds for the OAuth clients of every provider of this one's kind; null: it issues no grants. */
export function oauthOf({ kind }: ProviderConfig): OAuthDefaults | null {
  return providers[kind].oauth?.defaults ?? null;
}

/** The rules of a client of this provider. Unless it says otherwise, an idle grant is used after two thirds of its life. */
export function grantPolicy(
  client: string,
  { scopes, refresh, refreshGrace }: ParsedOAuthClient,
  provider: ProviderConfig,
): GrantPolicy {
  const refreshLifetime = refreshLifetimeOf(provider);
  return {
    client,
    scopes,
    before: refresh?.before ?? BEFORE,
    keepAlive: refresh?.keepAlive ?? Math.floor((refreshLifetime * 2) / 3),
    refreshGrace: refreshGrace ?? 0,
    refreshLifetime,
  };
}

/** A client whose provider, secret and durations were checked. */
export function oauthClientOf(
  name: string,
  client: ParsedOAuthClient,
  provider: ProviderConfig,
): OAuthClientConfig {
  const { clientId, authentication, redirectUri, returnUrls = [] } = client;
  return {
    name,
    provider: client.provider,
    settings: { clientId, authentication, secret: secretOf(name, client), redirectUri },
    returnUrls,
    policy: grantPolicy(name, client, provider),
    requestsPerMinute: requestsPerMinuteOf(provider),
  };
}

function secretOf(name: string, { clientSecret, privateKey }: ParsedOAuthClient): SecretSource {
  const secret = clientSecret ?? privateKey;
  if (secret === undefined) throw new TypeError(`the secret of ${name} was never checked`);
  return secret;
}

function refreshLifetimeOf(provider: ProviderConfig): number {
  const own = 'refreshTokenLifetime' in provider ? provider.refreshTokenLifetime : undefined;
  const lifetime = own ?? oauthOf(provider)?.refreshLifetime;
  if (lifetime === undefined) throw new TypeError(`providers of kind ${provider.kind} issue no grants`);
  return lifetime;
}

/** An OAuth client has a limit of its own at FrameFlow, as high as a key's. */
function requestsPerMinuteOf(provider: ProviderConfig): number {
  if (provider.kind === 'oauth2') return provider.requestsPerMinute;
  if (provider.kind !== 'frameflow')
    throw new TypeError(`providers of kind ${provider.kind} issue no grants`);
  return typeof provider.tier === 'string'
    ? REQUESTS_PER_MINUTE[provider.tier]
    : provider.tier.requestsPerMinute;
}
