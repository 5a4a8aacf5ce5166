import { expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import {
  clientOf,
  consented,
  endpointsOf,
  failureOf,
  recordedNet,
  SCOPES,
  secretOf,
  settingsOf,
  startServer,
  verdictOf,
} from './testing.ts';

const all = { scopes: null };

test.each(['basic', 'post', 'jwt'] as const)(
  'a client of kind %s gets a grant, keeps it alive, learns its end and revokes it',
  async (kind) => {
    const server = await startServer({ accessLife: 7, refreshLife: 900 });
    const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients[kind]));
    const { state, query, callback, verifier } = await consented(server, client);
    await client.checkCallback(query, state);
    const first = await client.parse(await client.exchange({ callback, verifier }));
    expect(first).toMatchObject({ expiresIn: 7_000, refreshExpiresIn: null, scopes: SCOPES, faults: [] });
    const old = first.refresh ?? Secret.from('');
    const next = await client.parse(await client.refresh(old, all));
    expect(next.faults).toEqual([]);
    expect(next.access?.equals(first.access ?? old)).toBe(false);
    const fresh = next.refresh ?? old;
    expect(fresh.equals(old)).toBe(false);
    const end = (await client.introspect?.(fresh)) ?? 0;
    expect(Math.abs(end - Date.now() - 900_000)).toBeLessThan(10_000);
    await client.revoke?.(fresh);
    await client.revoke?.(fresh);
    expect(await client.introspect?.(fresh)).toBe(null);
    expect(await verdictOf(client.refresh(fresh, all), [fresh.reveal()])).toBe('invalid_grant rejected');
    expect(server.token.presentations(old.reveal())).toBe(1);
  },
);

test.each(['basic', 'post', 'jwt'] as const)(
  'without an issuer a client of kind %s reaches the endpoints that are named',
  async (kind) => {
    const server = await startServer();
    const { net, requests } = recordedNet();
    const client = clientOf(endpointsOf(server), settingsOf(server.clients[kind]), net);
    const { state, query, callback, verifier } = await consented(server, client);
    await client.checkCallback(query, state);
    const { refresh } = await client.parse(await client.exchange({ callback, verifier }));
    expect(refresh).not.toBe(null);
    expect([client.revoke, client.introspect]).toEqual([null, null]);
    expect(requests.map(({ url }) => url)).toEqual([`${server.issuer}/token`]);
  },
);

test('the authorize URL asks for exactly the scopes, with state and PKCE S256, and keeps what the endpoint brings', async () => {
  const server = await startServer();
  const endpoints = {
    ...endpointsOf(server),
    authorizationEndpoint: `${server.issuer}/auth?access_type=offline`,
  };
  const client = clientOf(endpoints, settingsOf(server.clients.basic));
  const url = new URL(await client.authorizeUrl({ state: 's', challenge: 'c', scopes: SCOPES }));
  expect(Object.fromEntries(url.searchParams)).toEqual({
    access_type: 'offline',
    response_type: 'code',
    client_id: 'basic-client',
    redirect_uri: 'http://localhost:9/callback',
    scope: 'asset:download license:purchase',
    state: 's',
    code_challenge: 'c',
    code_challenge_method: 'S256',
  });
});

test('fewer scopes are asked for by a refresh, and the grant keeps the others', async () => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.post));
  const first = Secret.from(await server.grant(server.clients.post, 'user-1', SCOPES));
  const narrow = await client.parse(await client.refresh(first, { scopes: ['asset:download'] }));
  expect(narrow.scopes).toEqual(['asset:download']);
  const whole = await client.parse(await client.refresh(narrow.refresh ?? first, all));
  expect(whole.scopes).toEqual(SCOPES);
  expect(await verdictOf(client.refresh(whole.refresh ?? first, { scopes: ['asset:search'] }))).toBe(
    'invalid_scope permanent',
  );
});

test('a refresh token that is presented twice is rejected, and the server ends the grant', async () => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.basic));
  const token = await server.grant(server.clients.basic, 'user-1');
  await client.refresh(Secret.from(token), all);
  expect(await verdictOf(client.refresh(Secret.from(token), all), [token])).toBe('invalid_grant rejected');
  expect(server.store.revokedGrants).toBe(1);
  expect(server.token.presentations(token)).toBe(2);
});

test('of four refreshes at once with one token one succeeds, and in the grace period all', async () => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.basic));
  const atOnce = async () => {
    const token = Secret.from(await server.grant(server.clients.basic, 'user-1'));
    const { promise: together, resolve: go } = Promise.withResolvers<void>();
    server.token.inject(...[1, 2, 3, 4].map(() => ({ after: together })));
    const refreshes = [1, 2, 3, 4].map(() => client.refresh(token, all));
    await server.token.arrived(server.token.requests + 4);
    go();
    const outcomes = await Promise.allSettled(refreshes);
    return outcomes.filter(({ status }) => status === 'fulfilled').length;
  };
  expect(await atOnce()).toBe(1);
  server.store.grace = 30_000;
  expect(await atOnce()).toBe(4);
});

test('a code is good for one exchange and for its own verifier', async () => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.basic));
  const { callback, query } = await consented(server, client);
  const other = Secret.from('another-verifier-another-verifier-another-verifier');
  const secrets = [query.get('code') ?? '', other.reveal()];
  expect(await verdictOf(client.exchange({ callback, verifier: other }), secrets)).toBe(
    'invalid_grant rejected',
  );
});

test.each(['basic', 'post'] as const)(
  'a wrong secret of a client of kind %s is the client’s fault, and its place is named',
  async (kind) => {
    const server = await startServer();
    let secret = 'Planted-but-wrong';
    const settings = { ...settingsOf(server.clients[kind]), secret: secretOf(() => secret) };
    const client = clientOf({ issuer: server.issuer }, settings);
    const token = Secret.from(await server.grant(server.clients[kind], 'user-1'));
    const failure = await failureOf(client.refresh(token, all), [token.reveal()]);
    expect(failure).toMatchObject({ code: 'invalid_client', verdict: 'permanent' });
    expect(failure.message).toContain('environment variable CLIENT_SECRET');
    // Nothing of the grant was touched, and a secret that is set right counts at once.
    secret = server.clients[kind].secret;
    expect((await client.parse(await client.refresh(token, all))).faults).toEqual([]);
  },
);

test('the server’s clock is seen in its answers, failures too, and before the first in none', async () => {
  const server = await startServer();
  const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic));
  expect(client.seenClock()).toBe(null);
  const token = Secret.from(await server.grant(server.clients.basic, 'user-1'));
  const ahead = Math.floor(Date.now() / 1_000) * 1_000 + 3_600_000;
  server.token.inject({ status: 503, headers: { date: new Date(ahead).toUTCString() } });
  await failureOf(client.refresh(token, all));
  expect(client.seenClock()?.date).toBe(ahead);
  await client.refresh(token, all);
  expect(Math.abs((client.seenClock()?.date ?? 0) - Date.now())).toBeLessThan(10_000);
});
