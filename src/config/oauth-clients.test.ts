import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { renderFault } from './fault.ts';
import { BASE, changed, ENV, readText } from './testing/base.ts';
import type { OAuthClientConfig } from './types.ts';

const CLIENT = `oauthClients:
  footage-app:
    provider: frameflow
    clientId: app_1
    clientSecret: { env: CLIENT_SECRET }
    redirectUri: https://kw.example.com/oauth/callback
    returnUrls: ["https://app.example.com/connected"]
    scopes: ["asset:download", "license:purchase"]
monitors:`;

const WITH = changed(
  '  listen: 127.0.0.1:7300',
  '  listen: 127.0.0.1:7300\n  publicUrl: https://kw.example.com',
  changed('monitors:', CLIENT, BASE),
);

const OAUTH2 = changed(
  '  second:\n    kind: frameflow',
  '  second:\n    kind: oauth2\n    issuer: https://login.example.com\n    refreshTokenLifetime: 30d\n    requestsPerMinute: 7',
  changed('  other:\n    provider: second\n', '', WITH),
);

const read = (text: string) => readText(text, { ...ENV, CLIENT_SECRET: 'client-secret-value' });

async function clientIn(text: string): Promise<OAuthClientConfig> {
  const { config, faults, warnings } = await read(text);
  expect([...faults, ...warnings].map(renderFault)).toEqual([]);
  const client = config?.oauthClients['footage-app'];
  if (client === undefined) throw new Error('no client');
  return client;
}

test('a client takes what it does not say from its provider', async () => {
  const client = await clientIn(WITH);
  expect(client).toMatchObject({
    name: 'footage-app',
    provider: 'frameflow',
    settings: {
      clientId: 'app_1',
      authentication: 'client_secret_basic',
      redirectUri: 'https://kw.example.com/oauth/callback',
    },
    returnUrls: ['https://app.example.com/connected'],
    policy: {
      client: 'footage-app',
      scopes: ['asset:download', 'license:purchase'],
      before: 5 * MINUTE,
      keepAlive: 60 * DAY,
      refreshGrace: 0,
      refreshLifetime: 90 * DAY,
    },
    requestsPerMinute: 600,
  });
  expect((await client.settings.secret.read()).reveal()).toBe('client-secret-value');
});

test.each([
  ['tier: standard', 120],
  ['tier: { requestsPerMinute: 45 }', 45],
])('%s is the limit of a client as well', async (tier, limit) => {
  expect((await clientIn(changed('tier: pro', tier, WITH))).requestsPerMinute).toBe(limit);
});

test('a server of another maker says its own lifetime and limit', async () => {
  const text = OAUTH2.replace(
    '  footage-app:\n    provider: frameflow',
    '  footage-app:\n    provider: second',
  );
  const { policy, requestsPerMinute } = await clientIn(text);
  expect(policy).toMatchObject({ refreshLifetime: 30 * DAY, keepAlive: 20 * DAY });
  expect(requestsPerMinute).toBe(7);
});

test('what a client says for itself counts', async () => {
  const own = 'refresh: { before: 90s, keepAlive: 75d }\n    refreshGrace: 30s\n    scopes:';
  const { policy } = await clientIn(changed('scopes:', own, WITH));
  expect(policy).toMatchObject({ before: 90 * SECOND, keepAlive: 75 * DAY, refreshGrace: 30 * SECOND });
});

test('a client that signs names its key in place of a secret', async () => {
  const own = 'authentication: private_key_jwt\n    privateKey: { env: CLIENT_SECRET }';
  const { settings } = await clientIn(changed('clientSecret: { env: CLIENT_SECRET }', own, WITH));
  expect(settings.authentication).toBe('private_key_jwt');
  expect((await settings.secret.read()).reveal()).toBe('client-secret-value');
});

test('a token of an app names its clients', async () => {
  const text = changed('credentials: [prod] }', 'oauthClients: [footage-app] }', WITH);
  const { config } = await read(text);
  expect(config?.api.tokens.find(({ name }) => name === 'app')?.oauthClients).toEqual(['footage-app']);
});

/** Changes to {@link OAUTH2}, and what is said of them. */
test.each<readonly [from: string, to: string, fault: string]>([
  [
    '  frameflow:\n    kind: frameflow\n    tier: pro',
    '  frameflow:\n    kind: stockflow',
    'oauthClients.footage-app.provider  providers of kind stockflow issue no OAuth grants; name a provider of kind frameflow or oauth2',
  ],
  [
    '    provider: frameflow\n    secret:',
    '    provider: second\n    secret:',
    'credentials.prod.provider  providers of kind oauth2 issue no keys, only OAuth grants; write it under oauthClients',
  ],
  [
    '  footage-app:',
    '  prod:',
    'oauthClients.prod  is the name of a credential too: an alert could not say which of the two it is about; rename one of them',
  ],
  [
    '    clientSecret: { env: CLIENT_SECRET }\n',
    '',
    'oauthClients.footage-app.clientSecret  missing; expected a reference to a secret: { env: NAME } or { file: PATH } beside authentication: client_secret_basic',
  ],
  [
    'clientSecret: { env: CLIENT_SECRET }',
    'authentication: private_key_jwt\n    privateKey: { env: CLIENT_SECRET }\n    clientSecret: { env: CLIENT_SECRET }',
    'oauthClients.footage-app.clientSecret  stands beside client_secret_basic and client_secret_post only; remove it; this client has privateKey',
  ],
  [
    'clientSecret: { env: CLIENT_SECRET }',
    'clientSecret: { env: CLIENT_SECRET }\n    privateKey: { env: CLIENT_SECRET }',
    'oauthClients.footage-app.privateKey  stands beside authentication: private_key_jwt only; remove it; this client has clientSecret',
  ],
  [
    'clientSecret: { env: CLIENT_SECRET }',
    'clientSecret: { env: CLIENT_SECRET }\n    authentication: client_secret_jwt',
    'oauthClients.footage-app.authentication  expected one of client_secret_basic, client_secret_post, private_key_jwt, found "client_secret_jwt"; did you mean "client_secret_post"?',
  ],
  [
    '"license:purchase"',
    '"asset:download"',
    'oauthClients.footage-app.scopes[1]  "asset:download" stands in the list already',
  ],
  [
    '"asset:download", "license:purchase"',
    '"asset:download,license:purchase"',
    'oauthClients.footage-app.scopes[0]  expected one scope an entry: FrameFlow divides them by commas, found "asset:download,license:purchase"',
  ],
  [
    'redirectUri: https://kw.example.com/oauth/callback',
    'redirectUri: http://kw.example.com/oauth/callback',
    'oauthClients.footage-app.redirectUri  expected https://; plain http is refused, found "http://kw.example.com"',
  ],
  [
    'issuer: https://login.example.com',
    'issuer: http://login.example.com',
    'providers.second.issuer  expected https://; plain http is refused, found "http://login.example.com"',
  ],
  [
    'scopes:',
    'refresh: { keepAlive: 76d }\n    scopes:',
    'oauthClients.footage-app.refresh.keepAlive  expected a duration of at most 75d (a refresh token ends after 90d, and an outage must not reach its end), found 76d',
  ],
  [
    'scopes:',
    'refresh: { before: 2h, keepAlive: 2h }\n    scopes:',
    'oauthClients.footage-app.refresh.before  expected a duration shorter than refresh.keepAlive (2h), found 2h',
  ],
  [
    'scopes:',
    'refreshGrace: 60d\n    scopes:',
    'oauthClients.footage-app.refreshGrace  expected a duration shorter than refresh.keepAlive (60d), found 60d',
  ],
  [
    'credentials: [prod] }',
    'oauthClients: [footage-ap] }',
    'api.tokens.app.oauthClients[0]  no OAuth client is named "footage-ap"; did you mean "footage-app"?',
  ],
])('%j as %j is refused', async (from, to, fault) => {
  const { config, faults } = await read(changed(from, to, OAUTH2));
  expect(config).toBeNull();
  expect(faults.map(renderFault).map((line) => line.replace(/^\S+ {2}/, ''))).toContainEqual(fault);
});

test('a short refresh token leaves a sixth of its life', async () => {
  const short = OAUTH2.replace('refreshTokenLifetime: 30d', 'refreshTokenLifetime: 6h').replace(
    '  footage-app:\n    provider: frameflow',
    '  footage-app:\n    provider: second',
  );
  expect((await clientIn(short)).policy.keepAlive).toBe(4 * HOUR);
  const { faults } = await read(changed('scopes:', 'refresh: { keepAlive: 5h1m }\n    scopes:', short));
  expect(faults.map(({ problem }) => problem)).toEqual([
    'expected a duration of at most 5h (a refresh token ends after 6h, and an outage must not reach its end), found 5h1m',
  ]);
});

const warningsOf = async (text: string) =>
  (await read(text)).warnings.map(
    ({ keyPath, problem, hint }) => `${keyPath}  ${problem}${hint ? `; ${hint}` : ''}`,
  );

test('a callback that is not Keywarden’s own is a warning: the application has to finish its consents', async () => {
  const there = 'the application there has to finish each consent with …/authorizations/{id}/complete';
  expect(
    await warningsOf(changed('https://kw.example.com/oauth/callback', 'https://app.example.com/cb', WITH)),
  ).toEqual([
    `oauthClients.footage-app.redirectUri  is not Keywarden's own callback (https://kw.example.com/oauth/callback): ${there}`,
  ]);
  const local = changed('\n  publicUrl: https://kw.example.com', '', WITH);
  const own = 'http://127.0.0.1:7300/oauth/callback';
  expect(await warningsOf(local)).toEqual([
    `oauthClients.footage-app.redirectUri  is not Keywarden's own callback (${own}): ${there}`,
  ]);
  expect(await warningsOf(changed('https://kw.example.com/oauth/callback', own, local))).toEqual([]);
  const socket = changed('listen: 127.0.0.1:7300', 'listen: unix:./kw.sock', local);
  expect(await warningsOf(socket)).toEqual([
    `oauthClients.footage-app.redirectUri  is not Keywarden's own callback: ${there}; or set api.publicUrl, and let it end in /oauth/callback`,
  ]);
});

test('a return URL that looks like a pattern is a warning', async () => {
  expect(
    await warningsOf(changed('https://app.example.com/connected', 'https://app.example.com/*', WITH)),
  ).toEqual([
    'oauthClients.footage-app.returnUrls[0]  is compared to the letter: a * in it stands for itself',
  ]);
});
