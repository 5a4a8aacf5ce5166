import type { RequestListener } from 'node:http';
import { expect, onTestFinished, test } from 'vitest';
import { type Clock, DAY, Secret } from '../../model/index.ts';
import { serve } from '../../net/testing/index.ts';
import { testContext } from '../contract.suite.ts';
import { create } from './client.ts';
import { schema } from './schema.ts';
import { clientOf, failureOf, recordedNet, settingsOf, verdictOf } from './testing.ts';

const OAUTH = '/.well-known/oauth-authorization-server';
const OPENID = '/.well-known/openid-configuration';
const settings = settingsOf({ clientId: 'c', authentication: 'client_secret_basic', secret: 's3cr3t' });
/** For what goes on behind an answer that was given. */
const PATIENT = { timeout: 30_000, interval: 5 };
const request = { state: 's', challenge: 'c', scopes: ['a'] };

type Page = { status?: number; body?: object | string; headers?: Record<string, string> };

/** A server that shows these pages by path; what is not there is 404. */
async function shown(pagesOf: (issuer: string) => Record<string, Page>) {
  const asked: string[] = [];
  let pages: Record<string, Page> = {};
  const listen: RequestListener = ({ url = '' }, response) => {
    asked.push(url);
    const { status = 200, body = '', headers = {} } = pages[url] ?? { status: 404 };
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
  const server = await serve(listen);
  onTestFinished(() => server.close());
  pages = pagesOf(server.url);
  return { asked, issuer: server.url, show: (next: Record<string, Page>) => Object.assign(pages, next) };
}

const metadata = (issuer: string, more: object = {}) => ({
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  ...more,
});

test('the endpoints are found by RFC 8414’s path, asked for once however many need them', async () => {
  const { asked, issuer } = await shown((url) => ({ [OAUTH]: { body: metadata(url) } }));
  const client = clientOf({ issuer }, settings);
  const urls = await Promise.all([1, 2, 3].map(() => client.authorizeUrl(request)));
  expect(urls.every((url) => url.startsWith(`${issuer}/authorize?`))).toBe(true);
  await client.authorizeUrl(request);
  expect(asked).toEqual([OAUTH]);
});

test('an issuer with a path has its metadata where RFC 8414 puts it, OpenID’s behind it', async () => {
  const { asked, issuer } = await shown((url) => ({
    [`/tenant${OPENID}`]: { body: metadata(`${url}/tenant`) },
  }));
  await clientOf({ issuer: `${issuer}/tenant` }, settings).authorizeUrl(request);
  expect(asked).toEqual([`${OAUTH}/tenant`, `/tenant${OPENID}`]);
});

test.each<readonly [string, Page]>([
  ['a page for people', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ['no metadata', { body: {} }],
  ['another server’s metadata', { body: metadata('https://other.example.com') }],
  ['a fault', { status: 500 }],
  ['a redirect', { status: 302, headers: { location: '/elsewhere' } }],
])('where the first path shows %s, OpenID’s is asked', async (_what, page) => {
  const { issuer } = await shown((url) => ({ [OAUTH]: page, [OPENID]: { body: metadata(url) } }));
  expect(await clientOf({ issuer }, settings).authorizeUrl(request)).toContain('/authorize?');
});

test.each<readonly [string, string, (issuer: string) => Record<string, Page>]>([
  ['nothing', 'discovery_failed permanent', () => ({})],
  [
    'another issuer',
    'discovery_failed permanent',
    () => ({ [OAUTH]: { body: metadata('https://evil.example.com') } }),
  ],
  [
    'no token endpoint',
    'discovery_failed permanent',
    (url) => ({ [OAUTH]: { body: metadata(url, { token_endpoint: undefined }) } }),
  ],
  [
    'a token endpoint in the clear',
    'discovery_failed permanent',
    (url) => ({ [OAUTH]: { body: metadata(url, { token_endpoint: 'http://auth.example.com/token' }) } }),
  ],
  [
    'an authorization endpoint that is a script',
    'discovery_failed permanent',
    (url) => ({ [OAUTH]: { body: metadata(url, { authorization_endpoint: 'javascript:alert(1)' }) } }),
  ],
  ['429', 'rate_limited retryable', () => ({ [OAUTH]: { status: 429, headers: { 'retry-after': '7' } } })],
  ['503', 'unavailable retryable', () => ({ [OPENID]: { status: 503 } })],
  ['502', 'server_error retryable', () => ({ [OAUTH]: { status: 502 } })],
])('metadata that is %s: %s, and no refresh token was sent', async (_what, verdict, pagesOf) => {
  const { asked, issuer, show } = await shown(pagesOf);
  const client = clientOf({ issuer }, settings);
  expect(await verdictOf(client.refresh(Secret.from('PlantedToken'), { scopes: null }))).toBe(verdict);
  expect(asked).not.toContain('/token');
  // What failed is asked again with the next need.
  show({ [OAUTH]: { body: metadata(issuer) } });
  expect(await client.authorizeUrl(request)).toContain(`${issuer}/authorize?`);
});

test('a server that answers no question leaves nothing open: no token was on its way', async () => {
  const silent = await serve((incoming) => incoming.socket.destroy());
  onTestFinished(() => silent.close());
  const client = clientOf({ issuer: silent.url }, settings);
  const failure = await failureOf(client.refresh(Secret.from('PlantedToken'), { scopes: null }));
  expect(failure).toMatchObject({ code: 'reset', verdict: 'retryable' });
});

test('metadata is looked for again after a day, behind what is known, which serves on where that fails', async () => {
  const { asked, issuer, show } = await shown((url) => ({ [OAUTH]: { body: metadata(url) } }));
  let monotonic = 0;
  const clock: Clock = { now: () => 0, monotonic: () => monotonic, steady: () => 0, after: () => () => {} };
  const parsed = schema.parse({ kind: 'oauth2', issuer, allowPlaintextLoopback: true });
  const client = create(testContext(parsed, recordedNet().net, clock), settings);
  await client.authorizeUrl(request);
  show({ [OAUTH]: { status: 500 } });
  monotonic += DAY;
  expect(await client.authorizeUrl(request)).toContain('/authorize?');
  await expect.poll(() => asked, PATIENT).toEqual([OAUTH, OAUTH, OPENID]);
  expect(await client.authorizeUrl(request)).toContain('/authorize?');
  show({ [OAUTH]: { body: metadata(issuer, { authorization_endpoint: `${issuer}/moved` }) } });
  const aDayLater = () => {
    monotonic += DAY;
    return client.authorizeUrl(request);
  };
  await expect.poll(aDayLater, PATIENT).toContain('/moved?');
});

test('whether the server revokes and introspects is known with its metadata', async () => {
  const { issuer } = await shown((url) => ({ [OAUTH]: { body: metadata(url) } }));
  const client = clientOf({ issuer }, settings);
  expect(await verdictOf(client.revoke?.(Secret.from('t')) ?? Promise.resolve())).toBe(
    'no_revocation_endpoint permanent',
  );
  expect(client.revoke).toBe(null);
  expect(client.introspect).toBe(null);
  const other = clientOf({ issuer }, settings);
  expect(await other.introspect?.(Secret.from('t'))).toBe(null);
});

test.each([
  [{}, false],
  [{ issuer: 'https://a.example.com' }, true],
  [{ issuer: 'https://a.example.com?x=1' }, false],
  [{ authorizationEndpoint: 'https://a.example.com/a' }, false],
  [{ issuer: 'https://a.example.com', authorizationEndpoint: 'https://a.example.com/a' }, false],
  [{ issuer: 'https://a.example.com', revocationEndpoint: 'https://a.example.com/r' }, false],
  [{ authorizationEndpoint: 'https://a.example.com/a', tokenEndpoint: 'https://a.example.com/t' }, true],
])('where the server is, as %j says it, is complete: %s', (where, complete) => {
  expect(schema.safeParse({ kind: 'oauth2', ...where }).success).toBe(complete);
});
