import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { UnavailableError } from '../engine/grants/contract.ts';
import { KeywardenError, Secret } from '../model/index.ts';
import { type Call, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

const ask = (path: string, options: Call = {}) => call(w.api.address, path, { token: 'app', ...options });

/** Every name that a path could break on. */
const NAMES = [
  'user-1',
  'a/b',
  '100%',
  '%2F',
  '..',
  '.',
  '?x=1#y',
  'Zoë \u{1f680}',
  ' ',
  'a\\b',
  'import',
  '\u{1f680}'.repeat(255),
];

const at = (subject: string) => `/v1/oauth/shop-app/grants/${encodeURIComponent(subject)}`;

describe('an access token', () => {
  beforeEach(() => w.grants.add('shop-app', 'user-1', ['asset:download', 'license:purchase']));

  test('comes with its end, its scope and its version, and is kept by no cache', async () => {
    const { status, json, headers } = await ask(`${at('user-1')}/access-token`);
    expect(status).toBe(200);
    expect(json).toEqual({
      accessToken: 'access-token-1',
      expiresAt: '2026-10-01T10:00:00Z',
      scope: 'asset:download license:purchase',
      version: 1,
    });
    expect(headers['cache-control']).toBe('no-store');
    const asked = { scopes: null, rejected: null, patienceMs: 20_000 };
    expect(w.grants.asked.at(-1)?.with).toMatchObject(asked);
    const again = await ask(`${at('user-1')}/access-token`, {
      headers: { 'if-none-match': headers.etag ?? '' },
    });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  test.each(NAMES)('is had whatever the user is called: %s', async (subject) => {
    w.grants.add('shop-app', subject);
    const { status } = await ask(`${at(subject)}/access-token`);
    expect(status).toBe(200);
    expect(w.grants.asked.at(-1)?.with.subject).toBe(subject);
  });

  test('is had with fewer scopes, anew after a refusal, and within the caller’s patience', async () => {
    const { json, headers } = await ask(
      `${at('user-1')}/access-token?scope=asset:download&rejected=1&wait=60s`,
    );
    expect(json).toMatchObject({ scope: 'asset:download', version: 2, accessToken: 'access-token-2' });
    expect(headers.etag).toMatch(/^"2\./);
    const asked = { scopes: ['asset:download'], rejected: 1, patienceMs: 60_000 };
    expect(w.grants.asked.at(-1)?.with).toMatchObject(asked);
  });

  test.each([
    ['wait=61s', 'wait must be a duration of at most 60s'],
    ['wait=soon', 'wait must be a duration of at most 60s'],
    ['rejected=', 'rejected must be the version of the token that was refused, such as 3'],
    ['rejected=0', 'rejected must be the version of the token that was refused, such as 3'],
    ['scope=', 'scope must be scopes divided by spaces, such as "a b"'],
    ['scope=%22', 'scope must be scopes divided by spaces, such as "a b"'],
  ])('is not had with %s', async (query, detail) => {
    const { status, json } = await ask(`${at('user-1')}/access-token?${query}`);
    expect([status, json.detail]).toEqual([400, detail]);
  });

  test.each([
    [new KeywardenError('consent_required', 'answer lost'), 409, 'consent-required', undefined],
    [new KeywardenError('scope_not_granted', 'not granted'), 409, 'scope-not-granted', undefined],
    [new UnavailableError('the provider is down', 7_001), 503, 'unavailable', '8'],
  ])('is refused as the surface says: %s', async (fault, status, code, retryAfter) => {
    w.grants.fault = fault;
    const answer = await ask(`${at('user-1')}/access-token`);
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ type: `urn:keywarden:problem:${code}`, detail: fault.message });
    expect(answer.headers['retry-after']).toBe(retryAfter);
  });

  test('is none of another app’s business, and none of a user’s that nobody knows', async () => {
    w.grants.add('other-app', 'user-1');
    const other = await ask('/v1/oauth/other-app/grants/user-1/access-token');
    expect([other.status, other.json.type]).toEqual([403, 'urn:keywarden:problem:forbidden']);
    expect((await ask(`${at('nobody')}/access-token`)).status).toBe(404);
  });
});

describe('existing grants move in', () => {
  const imports = (grants: unknown, options: Call = {}) =>
    ask('/v1/oauth/shop-app/imports', { method: 'POST', token: 'admin', body: { grants }, ...options });

  test('one by one', async () => {
    const body = { subject: 'moved-1', refreshToken: 'rt', scope: 'a b' };
    const post = () => ask('/v1/oauth/shop-app/grants', { method: 'POST', token: 'admin', body });
    expect(await post()).toMatchObject({ status: 201, json: { subject: 'moved-1', taken: true } });
    expect(await post()).toMatchObject({ status: 200, json: { taken: false } });
  });

  test('a thousand at once, in a body larger than others may have', async () => {
    const token = 'x'.repeat(2_000);
    const list = Array.from({ length: 1_000 }, (_, n) => ({ subject: `many-${n}`, refreshToken: token }));
    const { status, json, text } = await imports(list);
    expect([status, json]).toEqual([200, { taken: 1_000, known: 0, refused: [] }]);
    expect(text).not.toContain(token);
    expect((await imports([...list, { subject: 'one more', refreshToken: 't' }])).status).toBe(400);
    const begin = { method: 'POST', token: 'admin', body: { subject: 'x'.repeat(70_000) } } as const;
    expect((await ask('/v1/oauth/shop-app/authorizations', begin)).status).toBe(413);
  });

  test('faulty ones are told by their place, without what stands in them', async () => {
    const planted = 'planted-refresh-9Qm\u0007';
    const { json, text } = await imports([
      { subject: 'fine', refreshToken: 'rt' },
      { subject: 'bad', refreshToken: planted },
      { subject: 'fine', refreshToken: 'another' },
      { subject: '', refreshToken: 'rt' },
      { subject: 'extra', refreshToken: 'rt', access: planted },
      'text',
      { subject: 'scoped', refreshToken: 'rt', scope: '"' },
    ]);
    expect(json).toEqual({
      taken: 1,
      known: 0,
      refused: [
        { index: 1, detail: 'refreshToken must be printable ASCII (RFC 6749)' },
        { index: 2, detail: 'its subject stands earlier in the same request' },
        { index: 3, detail: 'subject must be text that names the user' },
        { index: 4, detail: 'it has other members than subject, refreshToken and scope' },
        { index: 5, detail: 'it is no JSON object' },
        { index: 6, detail: 'scope must be scopes divided by spaces, such as "a b"' },
      ],
    });
    expect(text + w.lines.join('')).not.toContain('planted-refresh');
  });
});

describe('grants', () => {
  const states = ['active', 'consent-required', 'forgotten'] as const;
  beforeAll(async () => {
    for (const [index, state] of states.entries()) {
      w.grants.add('shop-app', `kept-${index}`);
      const grant = w.grants.grants.get(`shop-app kept-${index}`);
      if (grant === undefined) throw new Error('it was just added');
      const tokens = {
        refresh: Secret.from('planted-refresh-3Zk'),
        access: Secret.from('planted-access-5Wn'),
      };
      await w.engine.context.state.commit([{ type: 'grant.put', grant: { ...grant, state }, tokens }]);
    }
  });

  test('are listed by subject without tokens; forgotten ones are gone', async () => {
    const { status, json, text } = await ask('/v1/oauth/shop-app/grants', { token: 'reader' });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      grants: [
        { subject: 'kept-0', state: 'active', scope: 'asset:download', version: 1 },
        { subject: 'kept-1', state: 'consent-required' },
      ],
      nextCursor: null,
    });
    expect(text).not.toContain('planted');
  });

  test('are listed page by page, and by state', async () => {
    const first = await ask('/v1/oauth/shop-app/grants?limit=1', { token: 'reader' });
    const cursor = encodeURIComponent(String(first.json.nextCursor));
    const second = await ask(`/v1/oauth/shop-app/grants?limit=1&cursor=${cursor}`, { token: 'reader' });
    expect([first.json.grants, second.json.grants]).toMatchObject([
      [{ subject: 'kept-0' }],
      [{ subject: 'kept-1' }],
    ]);
    const dead = await ask('/v1/oauth/shop-app/grants?state=consent-required', { token: 'reader' });
    expect(dead.json.grants).toMatchObject([{ subject: 'kept-1' }]);
    expect((await ask('/v1/oauth/shop-app/grants?state=forgotten', { token: 'reader' })).status).toBe(400);
  });

  test('are seen one by one', async () => {
    const one = await ask(at('kept-1'), { token: 'reader' });
    expect(one).toMatchObject({ status: 200, json: { client: 'shop-app', state: 'consent-required' } });
    expect((await ask(at('kept-2'), { token: 'reader' })).status).toBe(404);
  });

  test('are forgotten by who may use them', async () => {
    w.grants.add('shop-app', 'a/b');
    const { status, json } = await ask(at('a/b'), { method: 'DELETE' });
    expect([status, json]).toEqual([202, { client: 'shop-app', subject: 'a/b', state: 'forgotten' }]);
    expect(w.grants.asked.at(-1)?.with).toMatchObject({ subject: 'a/b', actor: 'shop' });
    expect((await ask('/v1/oauth/other-app/grants/x', { method: 'DELETE' })).status).toBe(403);
  });
});

test('the document names what the query may have', async () => {
  const { json } = await ask('/openapi.json');
  const paths = json.paths as Record<string, Record<string, { parameters?: Array<{ name: string }> }>>;
  const token = paths['/v1/oauth/{client}/grants/{subject}/access-token']?.get;
  expect(token?.parameters?.map(({ name }) => name)).toEqual([
    'client',
    'subject',
    'scope',
    'rejected',
    'wait',
  ]);
});
