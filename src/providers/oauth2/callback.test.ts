import { expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import type { OAuthClient } from '../contract.ts';
import { clientOf, consented, failureOf, outcomeOf, settingsOf, startServer, verdictOf } from './testing.ts';

const STATE = 'PlantedState0';
const query = (parameters: Record<string, string>) => new URLSearchParams({ state: STATE, ...parameters });

/** A client of a server that is not asked: what it answers is decided here. */
function lone(config: object = {}): OAuthClient {
  const given = {
    authorizationEndpoint: 'https://auth.example.com/a',
    tokenEndpoint: 'https://auth.example.com/t',
  };
  return clientOf(
    { ...given, ...config },
    settingsOf({ clientId: 'c', authentication: 'client_secret_basic', secret: 's' }),
  );
}

test('a refusal at the server comes back as its code, with its words in quotes', async () => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.basic));
  const url = await client.authorizeUrl({
    state: STATE,
    challenge: 'c'.repeat(43),
    scopes: ['asset:download'],
  });
  const callback = await server.consent(url, { deny: true });
  const failure = await failureOf(client.checkCallback(callback, STATE));
  expect(failure).toEqual({
    code: 'access_denied',
    verdict: 'permanent',
    message:
      'the consent did not come about: access was not allowed; start again to allow it ' +
      '(it says: "The person at the keyboard said no")',
  });
});

test.each([
  ['state', 'bad_callback permanent', { state: 'another' }],
  ['no state', 'bad_callback permanent', { state: null }],
  ['no code', 'bad_callback permanent', { code: null }],
  ['an empty code', 'bad_callback permanent', { code: '' }],
  ['another issuer', 'issuer_mismatch permanent', { iss: 'https://evil.example.com' }],
  ['no issuer', 'bad_callback permanent', { iss: null }],
  ['an error', 'access_denied permanent', { code: null, error: 'access_denied' }],
  [
    'an error of another issuer',
    'issuer_mismatch permanent',
    { error: 'access_denied', iss: 'https://e.example.com' },
  ],
  ['a response in another form', 'bad_callback permanent', { response: 'ey.J.x' }],
  ['a token', 'bad_callback permanent', { id_token: 'ey.J.x' }],
] as const)('a callback with %s is refused, and its code not sent', async (_what, expected, changes) => {
  const server = await startServer();
  const client = clientOf({ issuer: server.issuer }, settingsOf(server.clients.basic));
  const { state, query: good, verifier } = await consented(server, client);
  await client.checkCallback(good, state);
  const bad = new URLSearchParams(good);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) bad.delete(name);
    else bad.set(name, value);
  }
  const code = [good.get('code') ?? '', state];
  expect(await verdictOf(client.checkCallback(bad, state), code)).toBe(expected);
  if (!('state' in changes)) {
    const callback = Secret.from(bad.toString());
    expect(await verdictOf(client.exchange({ callback, verifier }), code)).toBe(expected);
  }
  expect(server.token.requests).toBe(0);
});

test('a parameter that stands there twice is refused', async () => {
  const good = { code: 'a', iss: 'https://auth.example.com' };
  for (const [name, value] of Object.entries({ ...good, state: STATE })) {
    const twice = query(good);
    twice.append(name, value);
    expect(await verdictOf(lone().checkCallback(twice, STATE)), name).toBe('bad_callback permanent');
  }
});

test.each([
  ['https://auth.example.com/tenant', 'resolves'],
  ['https://auth.example.com', 'resolves'],
  ['https://evil.example.com', 'issuer_mismatch permanent'],
  ['http://auth.example.com', 'issuer_mismatch permanent'],
  ['no url', 'issuer_mismatch permanent'],
])(
  'where no issuer is known, a check of iss %s %s: it must be of the server’s origin',
  async (iss, expected) => {
    expect(await outcomeOf(lone().checkCallback(query({ code: 'a', iss }), STATE))).toBe(expected);
  },
);

test('beside named endpoints an issuer is compared to the letter', async () => {
  const client = lone({ issuer: 'https://auth.example.com/tenant' });
  await client.checkCallback(query({ code: 'a', iss: 'https://auth.example.com/tenant' }), STATE);
  const other = query({ code: 'a', iss: 'https://auth.example.com/other' });
  expect(await verdictOf(client.checkCallback(other, STATE))).toBe('issuer_mismatch permanent');
});

const LONG = 'PlantedRun'.repeat(9);

test.each([
  ['an unknown code', { error: 'quite_new' }, 'authorization_failed', '(it says: "quite_new")'],
  ['a code of our own', { error: 'rate_limited' }, 'authorization_failed', '(it says: "rate_limited")'],
  ['a code from the prototype', { error: 'constructor' }, 'authorization_failed', '"constructor"'],
  ['markup', { error: '<script>alert(1)</script>' }, 'authorization_failed', 'it says'],
  [
    'a line break and a terminal’s escape',
    { error: 'server_error', error_description: 'a\r\nb\u001b[31mc\u202ed\u0000' },
    'server_error',
    '(it says: "a b [31mc d")',
  ],
  [
    'our state',
    { error: 'server_error', error_description: `state ${STATE} is bad` },
    'server_error',
    '(it says: "state … is bad")',
  ],
  [
    'what may be a token',
    { error: 'server_error', error_description: `token ${LONG} is bad` },
    'server_error',
    '(it says: "token … is bad")',
  ],
  [
    'nothing but signs',
    { error: 'server_error', error_description: '\u0000\u0001' },
    'server_error',
    'start again',
  ],
])('an error redirect with %s is told safely', async (_what, parameters, code, told) => {
  const failure = await failureOf(lone().checkCallback(query(parameters), STATE), [STATE]);
  expect(failure).toMatchObject({ code, verdict: 'permanent' });
  expect(failure.message).toContain(told);
  expect(failure.message).toMatch(/^[^\p{C}]{1,400}$/u);
});

test('a novel in the description is cut', async () => {
  const error_description = 'very long words '.repeat(1_000);
  const failure = await failureOf(
    lone().checkCallback(query({ error: 'server_error', error_description }), STATE),
  );
  expect(failure.message.length).toBeLessThan(400);
  expect(failure.message).toContain('very long words');
});
