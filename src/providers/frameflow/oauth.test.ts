import { createHash } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { consent } from '../../../test/support/authorization-server.ts';
import { type Net, Secret } from '../../model/index.ts';
import { bodyOf, makeCa, serve, testNet } from '../../net/testing/index.ts';
import { startSandbox } from '../../sandbox/index.ts';
import { testContext } from '../contract.suite.ts';
import { providers } from '../index.ts';
import { failureOf, settingsOf, verdictOf } from '../oauth2/testing.ts';
import { schema } from './schema.ts';

const ca = await makeCa();
const tls = await ca.issue();

/** FrameFlow's /oauth/token as its page states it, over TLS; it answers with `answer`. */
async function world(answer: object, status = 200) {
  const asked: Array<{
    readonly path: string;
    readonly form: Record<string, string>;
    readonly basic: string;
  }> = [];
  const server = await serve(
    async (request, response) => {
      const form = Object.fromEntries(new URLSearchParams(await bodyOf(request)));
      const basic = Buffer.from((request.headers.authorization ?? '').slice(6), 'base64').toString();
      asked.push({ path: request.url ?? '', form, basic });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    },
    { tls },
  );
  onTestFinished(() => server.close());
  return { asked, url: server.url, client: await clientAt(server.url, testNet(ca)) };
}

async function clientAt(authUrl: string, net: Net, redirectUri?: string) {
  onTestFinished(() => net.close());
  const config = schema.parse({ kind: 'frameflow', authUrl });
  const create = await providers.frameflow.oauth.load();
  const registered = {
    clientId: 'footage',
    authentication: 'client_secret_basic',
    secret: 'PlantedSecret',
  } as const;
  return create(testContext(config, net), settingsOf(registered, redirectUri));
}

const TOKENS = {
  access_token: 'at_1',
  token_type: 'Bearer',
  expires_in: 3_600,
  refresh_token: 'rt_2',
  scope: 'asset:download,license:purchase',
};

test('FrameFlow is asked for scopes divided by commas, with state and PKCE', async () => {
  const { client, url } = await world(TOKENS);
  const scopes = ['asset:download', 'license:purchase'];
  const authorize = new URL(await client.authorizeUrl({ state: 's', challenge: 'c', scopes }));
  expect(`${authorize.origin}${authorize.pathname}`).toBe(`${url}/oauth/authorize`);
  expect(Object.fromEntries(authorize.searchParams)).toMatchObject({
    scope: 'asset:download,license:purchase',
    state: 's',
    code_challenge: 'c',
    code_challenge_method: 'S256',
  });
});

test('a code is exchanged and a refresh token presented at /oauth/token; commas and spaces divide what was granted', async () => {
  const { client, asked } = await world(TOKENS);
  const callback = Secret.from('code=c0de&state=s');
  await client.checkCallback(new URLSearchParams(callback.reveal()), 's');
  const verifier = Secret.from('v'.repeat(43));
  const first = await client.parse(await client.exchange({ callback, verifier }));
  expect(first).toMatchObject({
    expiresIn: 3_600_000,
    scopes: ['asset:download', 'license:purchase'],
    faults: [],
  });
  await client.refresh(first.refresh ?? verifier, { scopes: ['asset:download'] });
  expect(asked).toEqual([
    {
      path: '/oauth/token',
      basic: 'footage:PlantedSecret',
      form: {
        grant_type: 'authorization_code',
        code: 'c0de',
        code_verifier: verifier.reveal(),
        redirect_uri: 'http://localhost:9/callback',
      },
    },
    {
      path: '/oauth/token',
      basic: 'footage:PlantedSecret',
      form: { grant_type: 'refresh_token', refresh_token: 'rt_2', scope: 'asset:download' },
    },
  ]);
});

test('FrameFlow neither revokes nor introspects, keeps a refresh token for 90 days, and its refusal is one', async () => {
  const { client } = await world({ error: 'invalid_grant' }, 400);
  expect([client.revoke, client.introspect]).toEqual([null, null]);
  expect(providers.frameflow.oauth.defaults.refreshLifetime).toBe(90 * 86_400_000);
  const failure = await failureOf(client.refresh(Secret.from('PlantedToken'), { scopes: null }));
  expect(failure).toMatchObject({ code: 'invalid_grant', verdict: 'rejected' });
});

test.each(['space', 'comma'] as const)(
  'at the sandbox, which answers scopes with a %s between them, a user consents and the grant is kept alive',
  async (scopeDelimiter) => {
    const redirectUri = 'https://app.example/callback';
    const clients = [{ clientId: 'footage', secret: 'PlantedSecret', redirectUris: [redirectUri] }];
    const sandbox = await startSandbox({ oauth: { clients, consent: 'automatic', scopeDelimiter } });
    onTestFinished(() => sandbox.close());
    const trusted = testNet({ ...ca, pem: sandbox.ca });
    const client = await clientAt(sandbox.frameflow.url, trusted, redirectUri);
    const verifier = Secret.from('v'.repeat(43));
    const challenge = createHash('sha256').update(verifier.reveal()).digest('base64url');
    const scopes = ['asset:download', 'license:purchase'];
    const url = await client.authorizeUrl({ state: 's', challenge, scopes });
    const { searchParams } = await consent(url, {}, { ca: sandbox.ca });
    await client.checkCallback(searchParams, 's');
    const callback = Secret.from(searchParams.toString());
    const first = await client.parse(await client.exchange({ callback, verifier }));
    expect(first).toMatchObject({ expiresIn: 3_600_000, scopes, faults: [] });
    const narrow = await client.parse(await client.refresh(first.refresh ?? verifier, { scopes }));
    expect(narrow).toMatchObject({ scopes, faults: [] });
    const again = client.refresh(first.refresh ?? verifier, { scopes: null });
    expect(await verdictOf(again)).toBe('invalid_grant rejected');
  },
);
