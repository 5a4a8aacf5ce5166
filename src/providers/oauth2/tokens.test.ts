import { expect, test } from 'vitest';
import { MALFORMED } from '../../../test/support/authorization-server.ts';
import { Secret } from '../../model/index.ts';
import { clientOf, endpointsOf, SCOPES, settingsOf, startServer, verdictOf } from './testing.ts';
import { readTokens } from './tokens.ts';

const ACCESS = 'PlantedAccess';
const REFRESH = 'PlantedRefresh';
const HOUR = 3_600_000;

/** What the table of malformed answers comes to: the one fault that is told, and what of the rest is lost. */
const TOLD: Readonly<Record<string, readonly [fault: string, lost?: object]>> = {
  'expires_in is text': ['expires_in is text and not a number'],
  'expires_in is no number': ['expires_in is not a positive number', { expiresIn: null }],
  'expires_in is negative': ['expires_in is not a positive number', { expiresIn: null }],
  'expires_in is huge': ['expires_in is beyond ten years', { expiresIn: null }],
  'expires_in is null': ['expires_in is not a positive number', { expiresIn: null }],
  'token_type is missing': ['token_type is missing'],
  'token_type is another': ['token_type is not Bearer'],
  'scope is a list': ['scope is a list and not text'],
  'scope has commas': ['scope has commas between its parts'],
  'scope is a number': ['scope is not text', { scopes: null }],
  'access_token is missing': ['access_token is missing', { access: null }],
  'access_token is null': ['access_token is empty', { access: null }],
  'it is form-encoded': ['it is form-encoded and not JSON', {}],
  'the tokens lie deeper': ['its tokens are not where they belong'],
  'its end is missing': ['it is no JSON'],
};

test.each(Object.keys(MALFORMED))(
  'a 200 of a real server of which %s keeps its tokens, and the fault is told',
  async (kind) => {
    const server = await startServer();
    const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic));
    const token = Secret.from(await server.grant(server.clients.basic, 'user-1', SCOPES));
    const rewrite = MALFORMED[kind];
    if (rewrite === undefined) throw new TypeError('no such kind');
    server.token.inject({ rewrite, type: 'text/html' });
    const raw = await client.refresh(token, { scopes: null });
    const read = await client.parse(raw);
    const [fault, lost = {}] = TOLD[kind] ?? ['a kind that this table lacks'];
    // What a form holds is text by nature.
    const faults = kind === 'it is form-encoded' ? [fault, 'expires_in is text and not a number'] : [fault];
    expect({ ...read, faults: read.faults }).toEqual({
      access: expect.any(Secret),
      refresh: expect.any(Secret),
      expiresIn: HOUR,
      refreshExpiresIn: null,
      scopes: SCOPES,
      faults,
      ...lost,
    });
    for (const told of read.faults) expect(raw.reveal()).not.toContain(told);
    // The token that was got is the one that the server counts on.
    const next = await client.parse(await client.refresh(read.refresh ?? token, { scopes: null }));
    expect(next.faults).toEqual([]);
  },
);

const read = (answer: unknown, separator: ' ' | ',' = ' ') =>
  readTokens(Secret.from(typeof answer === 'string' ? answer : JSON.stringify(answer)), separator);
const good = { access_token: ACCESS, token_type: 'Bearer', expires_in: 3_600 };

test('what is right is read without a fault', async () => {
  const answer = await read({ ...good, refresh_token: REFRESH, scope: 'b a', example: { any: 1 } });
  expect(answer?.access?.reveal()).toBe(ACCESS);
  expect(answer?.refresh?.reveal()).toBe(REFRESH);
  expect(answer).toMatchObject({ expiresIn: HOUR, refreshExpiresIn: null, scopes: ['b', 'a'], faults: [] });
});

test.each([
  ['token_type in other letters', { token_type: 'bEARER' }, {}],
  ['no expires_in', { expires_in: undefined }, { expiresIn: null }],
  ['no refresh_token', {}, { refresh: null }],
  ['an ID token that has ended', { id_token: 'ey.J.x' }, {}],
  ['a fraction', { expires_in: 1.5 }, { expiresIn: 1_500 }],
  ['a refresh token’s end', { refresh_token_expires_in: 60 }, { refreshExpiresIn: 60_000 }],
  ['its other name', { refresh_expires_in: 60 }, { refreshExpiresIn: 60_000 }],
  ['one that has no end', { refresh_expires_in: 0 }, { refreshExpiresIn: null }],
  ['a member twice', { scope: 'a a' }, { scopes: ['a'] }],
])('%s is no fault', async (_what, fields, expected) => {
  expect(await read({ ...good, ...fields })).toMatchObject({ ...expected, faults: [] });
});

test.each([
  ['expires_in of nothing', { expires_in: 0 }, ['expires_in is not a positive number'], { expiresIn: null }],
  [
    'a number with a tail',
    { expires_in: '3600abc' },
    ['expires_in is not a positive number'],
    { expiresIn: null },
  ],
  ['an endless number', '1e999', ['expires_in is beyond ten years'], { expiresIn: null }],
  ['an empty refresh_token', { refresh_token: '' }, ['refresh_token is empty'], { refresh: null }],
  ['a refresh_token that is null', { refresh_token: null }, ['refresh_token is empty'], { refresh: null }],
  [
    'a refresh_token that is an object',
    { refresh_token: {} },
    ['refresh_token is no token'],
    { refresh: null },
  ],
  [
    'a token that would end its header',
    { refresh_token: REFRESH, access_token: 'a\r\nx-forged: 1' },
    ['access_token is no token'],
    { access: null },
  ],
  ['an empty scope', { scope: '' }, ['scope is empty'], { scopes: null }],
  ['a scope that is null', { scope: null }, ['scope is not text'], { scopes: null }],
  ['a scope with markup', { scope: 'a "b"' }, ['scope has signs that no scope can have'], { scopes: ['a'] }],
  ['a list of numbers', { scope: [1] }, ['scope is not text'], { scopes: null }],
])('%s is told and costs nothing else', async (_what, fields, faults, expected) => {
  const answer =
    typeof fields === 'string'
      ? JSON.stringify(good).replace('3600', fields)
      : JSON.stringify({ ...good, ...fields });
  expect(await read(answer)).toMatchObject({ ...expected, faults });
});

test.each([
  ['JSON behind a guard', `)]}',\n${JSON.stringify(good)}`],
  ['JSON in a list', JSON.stringify([good])],
  ['JSON of which the last value is cut', JSON.stringify({ ...good, scope: 'a b c' }).slice(0, -5)],
  ['a token with escaped signs', JSON.stringify({ data: good }).replace('PlantedA', '\\u0050lantedA')],
])('%s still gives its token', async (_what, answer) => {
  const tokens = await read(answer);
  expect(tokens?.access?.reveal()).toBe(ACCESS);
  expect(tokens?.faults).toHaveLength(1);
});

test('a server that divides scopes by commas is read with commas and spaces, and neither is a fault', async () => {
  expect(await read({ ...good, scope: 'a,b' }, ',')).toMatchObject({ scopes: ['a', 'b'], faults: [] });
  expect(await read({ ...good, scope: 'a b' }, ',')).toMatchObject({ scopes: ['a', 'b'], faults: [] });
});

test.each([
  '',
  'null',
  '{}',
  '[]',
  '"PlantedAccess"',
  '<html>PlantedAccess</html>',
  '{"access_token":"Planted',
  '{"error":"bad"}',
  'a=b',
  '{"access_token":7}',
])(
  'a 200 without a token (%s) says nothing of what became of the old one, and nothing of itself',
  async (body) => {
    const server = await startServer();
    const client = clientOf(endpointsOf(server), settingsOf(server.clients.basic));
    server.token.inject({ status: 200, body });
    const raw = await client.refresh(Secret.from('PlantedToken'), { scopes: null });
    expect(raw.reveal()).toBe(body);
    expect(await verdictOf(client.parse(raw))).toBe('unusable_answer unknown');
  },
);

test('whatever bytes a 200 has, reading it ends in tokens or in nothing', async () => {
  const text = JSON.stringify({ ...good, refresh_token: REFRESH, scope: 'a b' });
  for (let at = 0; at < text.length; at += 1) {
    for (const mutant of [
      text.slice(0, at),
      text.slice(at),
      `${text.slice(0, at)}\u0000${text.slice(at + 1)}`,
    ]) {
      const tokens = await read(mutant);
      for (const token of [tokens?.access, tokens?.refresh]) {
        if (token) expect([ACCESS, REFRESH].some((whole) => whole.includes(token.reveal()))).toBe(true);
      }
      for (const fault of tokens?.faults ?? []) expect(fault).not.toContain('Planted');
    }
  }
});
