import { expect, test } from 'vitest';
import type { TokenFault } from '../../../test/support/authorization-server.ts';
import { Secret } from '../../model/index.ts';
import { serve } from '../../net/testing/index.ts';
import {
  clientOf,
  endpointsOf,
  failureOf,
  outcomeOf,
  recordedNet,
  settingsOf,
  startServer,
  verdictOf,
} from './testing.ts';

const all = { scopes: null };

const json = (status: number, body: object, headers: Record<string, string> = {}): TokenFault => ({
  status,
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
});

test.each<readonly [name: string, fault: TokenFault, verdict: string]>([
  ['400 invalid_grant', json(400, { error: 'invalid_grant' }), 'invalid_grant rejected'],
  ['401 invalid_grant', json(401, { error: 'invalid_grant' }), 'invalid_grant rejected'],
  [
    '400 invalid_grant as text',
    { status: 400, body: '{"error":"invalid_grant"}', headers: { 'content-type': 'text/html' } },
    'invalid_grant rejected',
  ],
  ['401 invalid_client', json(401, { error: 'invalid_client' }), 'invalid_client permanent'],
  ['400 invalid_client', json(400, { error: 'invalid_client' }), 'invalid_client permanent'],
  [
    '401 with a challenge',
    json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="tokens"' }),
    'invalid_client permanent',
  ],
  [
    '400 invalid_grant with a challenge',
    json(400, { error: 'invalid_grant' }, { 'www-authenticate': 'Bearer error="invalid_token"' }),
    'invalid_grant rejected',
  ],
  ['401 without a word', { status: 401 }, 'invalid_client permanent'],
  ['400 invalid_scope', json(400, { error: 'invalid_scope' }), 'invalid_scope permanent'],
  ['400 unauthorized_client', json(400, { error: 'unauthorized_client' }), 'unauthorized_client permanent'],
  ['400 of another kind', json(400, { error: 'quite_new' }), 'refused permanent'],
  ['400 that is no JSON', { status: 400, body: '<html>' }, 'refused permanent'],
  ['403', { status: 403 }, 'refused permanent'],
  ['404', { status: 404 }, 'refused permanent'],
  ['429', { status: 429 }, 'rate_limited retryable'],
  ['429 that says invalid_grant', json(429, { error: 'invalid_grant' }), 'rate_limited retryable'],
  ['503', { status: 503 }, 'unavailable retryable'],
  ['500', { status: 500 }, 'server_error unknown'],
  ['500 that says invalid_grant', json(500, { error: 'invalid_grant' }), 'server_error unknown'],
  ['502', { status: 502 }, 'server_error unknown'],
  ['502 after success', { status: 502, processed: true }, 'server_error unknown'],
  ['504', { status: 504 }, 'server_error unknown'],
  ['408', { status: 408 }, 'server_error unknown'],
  ['302', { status: 302, headers: { location: '/elsewhere' } }, 'redirected permanent'],
  ['308', { status: 308, headers: { location: '/elsewhere' } }, 'redirected permanent'],
  ['303', { status: 303, headers: { location: '/elsewhere' } }, 'server_error unknown'],
  ['a connection cut before', 'cut', 'reset unknown'],
  ['a connection cut after success', 'drop', 'reset unknown'],
])('%s to a refresh is: %s', async (_name, fault, verdict) => {
  const server = await startServer();
  const { net, requests } = recordedNet();
  const { secret } = server.clients.basic;
  const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic), net);
  const token = await server.grant(server.clients.basic, 'user-1');
  server.token.inject(fault);
  expect(await verdictOf(client.refresh(Secret.from(token), all), [token, secret])).toBe(verdict);
  // Neither repeated nor followed elsewhere: that is for the plan to say.
  expect(requests.length).toBe(1);
  expect(server.token.presentations(token)).toBe(1);
});

test.each([429, 503])('Retry-After of a %d is told', async (status) => {
  const server = await startServer();
  const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic));
  server.token.inject({ status, headers: { 'retry-after': '7' } });
  const failure = await failureOf(client.refresh(Secret.from('any'), all));
  expect(failure.retryAfterMs).toBe(7_000);
});

test('what echoes the refresh token, the secret or anything like a token is not repeated', async () => {
  const server = await startServer();
  const { secret } = server.clients.basic;
  const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic));
  const error_description = `r3fr3sh is used up\n(secret ${secret}, by ${'a1'.repeat(20)})`;
  server.token.inject(json(400, { error: 'invalid_grant', error_description }));
  const { message } = await failureOf(client.refresh(Secret.from('r3fr3sh'), all), ['r3fr3sh', secret]);
  expect(message).toContain('the grant is not valid any more');
  expect(message).toContain('(it says: "… is used up (secret …, by …")');
});

test('an answer that does not come leaves the outcome open; a refresh has 30 seconds, whatever the others have', async () => {
  const server = await startServer();
  const given = new AbortController();
  const { net, requests } = recordedNet((request) => ({ ...request, signal: given.signal }));
  const client = clientOf({ ...endpointsOf(server), timeout: '1s' }, settingsOf(server.clients.basic), net);
  const token = await server.grant(server.clients.basic, 'user-1');
  const { promise, resolve } = Promise.withResolvers<void>();
  server.token.inject({ answerAfter: promise });
  const refreshing = verdictOf(client.refresh(Secret.from(token), all), [token]);
  await server.token.arrived(1);
  given.abort();
  expect(await refreshing).toBe('aborted unknown');
  resolve();
  expect(requests.map(({ deadlineMs }) => deadlineMs)).toEqual([30_000]);
});

test('where nobody listens, or the name is not known, nothing was sent', async () => {
  const gone = await serve((_request, response) => response.end());
  await gone.close();
  const settings = settingsOf({ clientId: 'c', authentication: 'client_secret_basic', secret: 's' });
  const at = (origin: string) =>
    clientOf({ authorizationEndpoint: `${origin}/auth`, tokenEndpoint: `${origin}/token` }, settings);
  const token = Secret.from('PlantedToken');
  expect(await verdictOf(at(gone.url).refresh(token, all))).toBe('connect retryable');
  expect(await verdictOf(at('https://nowhere.invalid').refresh(token, all))).toBe('dns retryable');
});

test('plain http beyond loopback is refused before anything is sent', async () => {
  const settings = settingsOf({ clientId: 'c', authentication: 'client_secret_basic', secret: 's' });
  const client = clientOf(
    { authorizationEndpoint: 'http://auth.example.com/a', tokenEndpoint: 'http://auth.example.com/t' },
    settings,
  );
  const { code, verdict } = await failureOf(client.refresh(Secret.from('PlantedToken'), all));
  expect(`${code} ${verdict}`).toBe('plaintext_refused permanent');
});

test.each([
  ['invalid_token', 400, 'resolves'],
  ['unsupported_token_type', 400, 'unsupported_token_type permanent'],
  ['', 503, 'unavailable retryable'],
  ['', 500, 'server_error unknown'],
  ['invalid_client', 401, 'invalid_client permanent'],
])('a revocation that is answered %j with %d: %s', async (error, status, expected) => {
  await using server = await serve((request, response) => {
    if (request.url === '/revoke') response.writeHead(status).end(JSON.stringify({ error }));
    else response.writeHead(404).end();
  });
  const client = clientOf(
    {
      authorizationEndpoint: `${server.url}/a`,
      tokenEndpoint: `${server.url}/t`,
      revocationEndpoint: `${server.url}/revoke`,
    },
    settingsOf({ clientId: 'c', authentication: 'client_secret_post', secret: 's3cr3t' }),
  );
  const revoking = client.revoke?.(Secret.from('PlantedToken')) ?? Promise.reject(new Error('no revocation'));
  expect(await outcomeOf(revoking)).toBe(expected);
});

test.each([
  ['its end', { active: true, exp: 1_800_000_000 }, 1_800_000_000_000],
  ['no end', { active: true }, null],
  ['an end that is text', { active: true, exp: 'soon' }, null],
  ['that it is dead', { active: false }, null],
])('introspection tells %s', async (_what, answer, expected) => {
  await using server = await serve((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
  const client = clientOf(
    {
      authorizationEndpoint: `${server.url}/a`,
      tokenEndpoint: `${server.url}/t`,
      introspectionEndpoint: `${server.url}/look`,
    },
    settingsOf({ clientId: 'c', authentication: 'client_secret_post', secret: 's3cr3t' }),
  );
  expect(await client.introspect?.(Secret.from('PlantedToken'))).toBe(expected);
});
