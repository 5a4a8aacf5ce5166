import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { KeywardenError } from '../model/index.ts';
import { type Answer, type Call, call } from './testing/call.ts';
import { type World, world } from './testing/world.ts';

const RETURN_URL = 'https://shop.example.com/connected';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());
beforeEach(() => {
  w.grants.refusal = null;
});

const ask = (path: string, options: Call = {}) => call(w.api.address, path, { token: 'app', ...options });

/** What a browser does: no token, its own host. */
const browse = (path: string, method = 'GET') => call(w.api.address, path, { method });

const begin = (body: unknown, client = 'shop-app') =>
  ask(`/v1/oauth/${client}/authorizations`, { method: 'POST', body });

const stateOf = ({ json }: Answer) => new URL(String(json.authorizeUrl)).searchParams.get('state') ?? '';

describe('a consent is begun', () => {
  test('with an address to open, an id and an end', async () => {
    const answer = await begin({ subject: 'user-1', returnUrl: RETURN_URL });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      id: expect.any(String),
      authorizeUrl: expect.stringMatching(/^https:/),
      expiresAt: expect.stringMatching(/Z$/),
    });
    expect(answer.headers.location).toBe(`/v1/oauth/shop-app/authorizations/${answer.json.id}`);
    const asked = { client: 'shop-app', subject: 'user-1', returnUrl: RETURN_URL, actor: 'shop' };
    expect(w.grants.asked.at(-1)).toEqual({ what: 'begin', with: asked });
    const seen = await ask(String(answer.headers.location));
    expect(seen.json).toMatchObject({ state: 'pending', subject: 'user-1', scope: 'asset:download' });
    expect(seen.text).not.toContain(stateOf(answer));
  });

  test.each([
    [{}, 'subject must be text that names the user'],
    [{ subject: '' }, 'subject must be text that names the user'],
    [{ subject: 7 }, 'subject must be text that names the user'],
    [{ subject: 'x'.repeat(256) }, 'subject must have 255 characters at most'],
    [{ subject: 'a\0b' }, 'subject must be Unicode text without NUL'],
    ['{"subject":"\\ud800"}', 'subject must be Unicode text without NUL'],
    [{ subject: 'a', returnURL: RETURN_URL }, 'unknown member "returnURL"; did you mean returnUrl?'],
  ])('but not with %j', async (body, detail) => {
    const { status, json } = await begin(body);
    expect([status, json.detail]).toEqual([400, detail]);
  });

  test('with a name of 255 characters of any kind', async () => {
    expect((await begin({ subject: '\u{1f680}'.repeat(255) })).status).toBe(201);
  });

  test('for one of the app’s own clients only, whether there is another or not', async () => {
    for (const client of ['other-app', 'nobody']) {
      const { status, json } = await begin({ subject: 'user-1' }, client);
      expect(status).toBe(403);
      expect(json.detail).toBe(`the token shop may not use the OAuth client ${client}`);
    }
    const unknown = await ask('/v1/oauth/shop-ap/authorizations', {
      method: 'POST',
      token: 'admin',
      body: {},
    });
    expect([unknown.status, unknown.json.detail]).toEqual([
      404,
      'no OAuth client is configured under the name "shop-ap"; did you mean shop-app?',
    ]);
  });

  test.each([
    ['return_url_not_allowed', 400, 'urn:keywarden:problem:return-url-not-allowed'],
    ['provider_unavailable', 503, 'urn:keywarden:problem:unavailable'],
  ])('unless it is refused with %s', async (code, status, type) => {
    w.grants.fault = new KeywardenError(code, 'why');
    const answer = await begin({ subject: 'user-1' });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ type, detail: 'why' });
    expect(answer.headers['retry-after']).toBe(status === 503 ? '30' : undefined);
  });
});

describe('the browser’s return', () => {
  const returned = async (body: object) => {
    const begun = await begin(body);
    return browse(`/oauth/callback?code=planted-code-7Kq&state=${stateOf(begun)}`);
  };

  test('ends with a page that loads nothing, runs nothing and is kept by nobody', async () => {
    const page = await returned({ subject: 'user-1' });
    expect(page.status).toBe(200);
    expect(page.text).toContain('shop-app now has access on behalf of the user user-1.');
    expect(page.text).not.toMatch(/<script|planted-code|state-of/);
    expect(page.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    expect(page.headers['content-security-policy']).toMatch(
      /^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
  });

  test('shows whatever a user is called as text', async () => {
    const hostile = `<img src=x onerror="alert(1)">'&amp;\u202e`;
    const { text } = await returned({ subject: hostile });
    expect(text).toContain('&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&#39;&amp;amp;\ufffd');
    expect(text).not.toContain('<img');
  });

  test('goes on to the application’s page, to the letter, without code or token', async () => {
    const answer = await returned({ subject: 'user-1', returnUrl: RETURN_URL });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toBe(RETURN_URL);
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
    expect(answer.text).toBe('');
  });

  test('says there that it failed, in one word', async () => {
    w.grants.refusal = { code: 'access_denied', verdict: 'permanent', message: 'the user refused' };
    const { headers } = await returned({ subject: 'user-1', returnUrl: `${RETURN_URL}?tab=2` });
    expect(headers.location).toBe(`${RETURN_URL}?tab=2&error=access_denied`);
  });

  test.each([
    ['access_denied', 'The access was refused: either by you, or by the provider.'],
    ['issuer_mismatch', 'You were sent here by another server than the one that was asked.'],
    ['invalid_grant', 'The provider did not accept the code'],
    [
      'secret_unavailable',
      'The provider did not accept it. Whoever runs this finds the reason under consent ID.',
    ],
    ['constructor', 'The provider did not accept it. Whoever runs this finds the reason under consent ID.'],
  ])('tells %s in plain words of its own', async (code, words) => {
    w.grants.refusal = {
      code,
      verdict: 'permanent',
      message: 'POST https://auth/token: /run/planted (it says: "x")',
    };
    const page = await returned({ subject: 'user-1' });
    const [id = ''] = [...w.grants.authorizations.keys()].slice(-1);
    expect(page.status).toBe(400);
    expect(page.text).toContain(words.replace('ID', id));
    expect(page.text).not.toMatch(/planted|https:|it says/);
  });

  test('leaves what was said about a failure to those who run it', async () => {
    const message = 'the server refused it (it says: "call 0800 1234")';
    w.grants.refusal = { code: 'authorization_failed', verdict: 'permanent', message };
    expect((await returned({ subject: 'user-1' })).text).not.toContain('0800');
    const [id = ''] = [...w.grants.authorizations.keys()].slice(-1);
    const { json } = await ask(`/v1/oauth/shop-app/authorizations/${id}`);
    expect(json.error).toMatchObject({ code: 'authorization_failed', message });
  });

  test('is not taken for a client whose application hosts the callback, and spends nothing', async () => {
    const options = { method: 'POST', token: 'admin', body: { subject: 'user-1' } } as const;
    const begun = await ask('/v1/oauth/other-app/authorizations', options);
    const query = { code: 'planted-code-9Wd', state: stateOf(begun) };
    const page = await browse(`/oauth/callback?${new URLSearchParams(query)}`);
    expect(page.status).toBe(400);
    expect(page.text).toContain('at an address of its own, and this is not it');
    expect(w.lines.at(-1)).toMatch(/"level":"?warn.*is api\.publicUrl right\?/);
    expect(w.lines.join('')).not.toContain('planted-code-9Wd');
    const path = `/v1/oauth/other-app/authorizations/${begun.json.id}/complete`;
    expect((await ask(path, { ...options, body: query })).json).toMatchObject({ state: 'completed' });
  });

  test('counts once', async () => {
    const path = `/oauth/callback?code=c&state=${stateOf(await begin({ subject: 'user-1' }))}`;
    expect((await browse(path)).status).toBe(200);
    const again = await browse(path);
    expect(again.status).toBe(400);
    expect(again.text).toContain('It was used already');
  });

  test('is not spent by a HEAD, as programs send it that look at links', async () => {
    const path = `/oauth/callback?code=c&state=${stateOf(await begin({ subject: 'user-1' }))}`;
    const head = await browse(path, 'HEAD');
    expect([head.status, head.headers.allow]).toEqual([405, 'GET']);
    expect((await browse(path)).status).toBe(200);
  });

  test.each([
    '',
    '?code=c',
    '?code=c&state=',
    '?code=c&state=unknown',
    '?code=c&state=a&state=b',
    '?error=access_denied',
  ])('without a state of ours is a 400: %s', async (query) => {
    const page = await browse(`/oauth/callback${query}`);
    expect(page.status).toBe(400);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).not.toContain('unknown<');
  });

  test.each(['code=d', 'iss=a&iss=b', 'error=access_denied&error=x'])(
    'with a parameter twice is a 400 and spends nothing: %s',
    async (more) => {
      const path = `/oauth/callback?code=c&state=${stateOf(await begin({ subject: 'user-1' }))}`;
      expect((await browse(`${path}&${more}`)).status).toBe(400);
      expect((await browse(path)).status).toBe(200);
    },
  );

  test('tells nothing of a fault of ours', async () => {
    w.grants.fault = new Error('a detail with planted-code-7Kq');
    const page = await browse('/oauth/callback?code=c&state=s');
    expect(page.status).toBe(500);
    expect(page.text).not.toContain('planted-code');
  });
});

describe('an application that hosts the callback finishes it', () => {
  const complete = (id: unknown, body: object) =>
    ask(`/v1/oauth/shop-app/authorizations/${id}/complete`, { method: 'POST', body });

  test('with code and state, bound to the id that its own session began', async () => {
    const begun = await begin({ subject: 'user-2' });
    const answer = await complete(begun.json.id, { code: 'c', state: stateOf(begun), iss: 'https://auth' });
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ state: 'completed', subject: 'user-2' });
    expect(w.grants.asked.at(-1)?.with).toMatchObject({ code: 'c', iss: 'https://auth' });
  });

  test('not with the state of another consent', async () => {
    const [mine, theirs] = [await begin({ subject: 'me' }), await begin({ subject: 'them' })];
    const { status, json } = await complete(mine.json.id, { code: 'c', state: stateOf(theirs) });
    expect([status, json.type]).toEqual([400, 'urn:keywarden:problem:unknown-state']);
  });

  test('a refusal is a problem with the provider’s word for it', async () => {
    w.grants.refusal = { code: 'access_denied', verdict: 'permanent', message: 'the user refused' };
    const begun = await begin({ subject: 'user-2' });
    const { status, json } = await complete(begun.json.id, { error: 'access_denied', state: stateOf(begun) });
    expect(status).toBe(409);
    expect(json).toMatchObject({
      type: 'urn:keywarden:problem:consent-failed',
      detail: 'the user refused',
      code: 'access_denied',
    });
  });

  test.each([{}, { code: 'c' }, { state: 's' }, { code: 'c', error: 'e', state: 's' }])(
    'not with %j',
    async (body) => {
      const { status, json } = await complete('none', body);
      expect(status).toBe(400);
      expect(json.detail).toMatch(/^give state and code/);
    },
  );
});
