import type { Config, OAuthClientConfig } from '../../config/types.ts';
import { named, type Plugins } from '../../engine/context.ts';
import type { OAuthClient } from '../../providers/contract.ts';
import { type Result, tried } from './result.ts';

/**
 * Each OAuth client: can its secret be read, what its provider's metadata say, and does the authorization server answer?
 * No consent is begun and no token is spent.
 */
export async function tryOAuthClients(config: Config, plugins: Plugins): Promise<Result[]> {
  return Promise.all(
    Object.values(config.oauthClients).map((client) =>
      tried(`OAuth client ${client.name}`, () =>
        tryClient(config, client, named(plugins.clients, client.name)),
      ),
    ),
  );
}

/** What stands in an authorize URL that nobody opens. */
const NOBODY = { state: 'check', challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM' };

async function tryClient(
  config: Config,
  { provider, settings, policy }: OAuthClientConfig,
  client: OAuthClient,
): Promise<string> {
  await settings.secret.read();
  const { origin } = new URL(await client.authorizeUrl({ ...NOBODY, scopes: policy.scopes }));
  await reach(config, provider, origin);
  return `${settings.secret.where} can be read, ${origin} answers; no token was asked for: whether the secret is right shows at the first consent`;
}

/** Any answer will do. */
async function reach({ providers, network }: Config, name: string, origin: string): Promise<void> {
  const provider = providers[name];
  if (provider === undefined) throw new TypeError(`the provider ${name} was never checked`);
  const { createNet } = await import('../../net/index.ts');
  const net = createNet({
    timeoutMs: provider.timeout,
    allowPlaintextLoopback: provider.allowPlaintextLoopback,
    allow: network.allow,
    ...(provider.tls === undefined ? {} : { caFile: provider.tls.caFile }),
    ...(provider.proxy === undefined ? {} : { proxy: provider.proxy }),
  });
  try {
    await net.request({ method: 'HEAD', url: `${origin}/` });
  } finally {
    await net.close();
  }
}
