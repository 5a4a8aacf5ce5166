import { describe, expect, test } from 'vitest';
import { CALLBACK, CLIENT, callback, FORM, OTHER, oauthWorld, SCOPES, STATE } from './testing/oauth.ts';
import { type Answer, SECOND } from './testing/world.ts';

type World = Awaited<ReturnType<typeof oauthWorld>>;

/** Sends the page's form, as a browser does that a user pressed `decision` in. */
function decide(
  { call, sandbox }: World,
  page: Answer,
  decision: string,
  scopes: readonly string[] = SCOPES,
) {
  const request = /name="request" value="(\w+)"/.exec(page.text)?.[1] ?? '';
  const form = new URLSearchParams([
    ['request', request],
    ...scopes.map((scope) => ['scope', scope]),
    ['decision', decision],
  ]);
  const url = `${sandbox.frameflow.url}/oauth/authorize`;
  return call(url, { method: 'POST', headers: FORM, body: form.toString() });
}

describe('a consent', () => {
  test('that is approved by itself goes back with a code and the state', async () => {
    const { authorize } = await oauthWorld();
    const answer = await authorize();
    expect(answer.status).toBe(302);
    expect(String(answer.headers.location).startsWith(`${CALLBACK}&code=ff_ac_`)).toBe(true);
    expect(callback(answer).get('state')).toBe(STATE);
    expect(callback(answer).has('iss')).toBe(false);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  test.each([SCOPES.join(','), SCOPES.join(' '), SCOPES.join(', ')])(
    'asks for scopes divided as in %j',
    async (scope) => {
      const { exchange, code } = await oauthWorld();
      expect((await exchange(await code({ scope }))).json.scope).toBe(SCOPES.join(' '));
    },
  );

  test('needs no redirect URI where the client has one, as on the page', async () => {
    const { authorize, exchange } = await oauthWorld();
    const bare = { redirect_uri: null };
    const code = async () => callback(await authorize(bare)).get('code') ?? '';
    expect((await exchange(await code(), bare)).status).toBe(200);
    expect((await exchange(await code())).status).toBe(200);
    expect((await authorize({ ...bare, client_id: OTHER.clientId })).status).toBe(400);
  });

  test('gives other scopes than were asked for where it is set so', async () => {
    const { sandbox, exchange, code } = await oauthWorld();
    sandbox.admin.changeSettings({ oauth: { grantedScopes: ['billing:read'], scopeDelimiter: 'comma' } });
    expect((await exchange(await code())).json.scope).toBe('billing:read');
    sandbox.admin.changeSettings({ oauth: { grantedScopes: null, scopeDelimiter: undefined } });
    expect((await exchange(await code())).json.scope).toBe(SCOPES.join(','));
  });
});

describe('the page', () => {
  const withPage = () => oauthWorld({ oauth: { consent: 'page' } });

  test('asks a person, without scripts, and approves by its form', async () => {
    const here = await withPage();
    const page = await here.authorize();
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.text).toContain(`<b>${CLIENT.clientId}</b>`);
    expect(page.text).not.toContain('<script');
    expect(page.text).not.toContain(STATE);
    const answer = await decide(here, page, 'approve');
    expect(answer.status).toBe(303);
    expect(callback(answer).get('state')).toBe(STATE);
    expect((await here.exchange(callback(answer).get('code') ?? '')).json.scope).toBe(SCOPES.join(' '));
  });

  test('grants only what is ticked, and nothing that was not asked for', async () => {
    const here = await withPage();
    const answer = await decide(here, await here.authorize(), 'approve', ['asset:download', 'billing:read']);
    expect((await here.exchange(callback(answer).get('code') ?? '')).json.scope).toBe('asset:download');
  });

  test.each([
    ['deny', SCOPES],
    ['approve', []],
    ['', SCOPES],
  ])('takes %j with the scopes %j for a no', async (decision, scopes) => {
    const here = await withPage();
    const answer = await decide(here, await here.authorize(), decision, scopes);
    expect(answer.status).toBe(303);
    expect(Object.fromEntries(callback(answer))).toEqual({
      from: 'frameflow',
      error: 'access_denied',
      error_description: expect.any(String),
      state: STATE,
    });
  });

  test('is good once, and for ten minutes', async () => {
    const here = await withPage();
    const page = await here.authorize();
    expect((await decide(here, page, 'deny')).status).toBe(303);
    expect((await decide(here, page, 'approve')).status).toBe(400);
    const late = await here.authorize();
    here.advance(600 * SECOND);
    expect((await decide(here, late, 'approve')).status).toBe(400);
  });

  test('escapes what it shows', async () => {
    const clientId = `<img src=x onerror="alert('1')">&`;
    const shown = '&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;';
    const { authorize } = await oauthWorld({
      oauth: { consent: 'page', clients: [{ ...CLIENT, clientId }] },
    });
    expect((await authorize({ client_id: clientId })).text).toContain(`<b>${shown}</b>`);
    const unknown = await authorize({ client_id: '<script>1</script>' });
    expect([unknown.status, unknown.text]).toEqual([
      400,
      expect.stringContaining('&lt;script&gt;1&lt;/script&gt;'),
    ]);
    expect(unknown.text).not.toContain('<script>');
  });
});

describe('a request that is not in order', () => {
  test.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['no client', { client_id: null }],
    ['a redirect URI that is not registered', { redirect_uri: 'https://evil.example/callback' }],
    ['a redirect URI that differs in a letter', { redirect_uri: `${CALLBACK}/` }],
  ])('sends nobody anywhere for %s', async (_, more) => {
    const { authorize } = await oauthWorld();
    const answer = await authorize(more);
    expect([answer.status, answer.headers.location]).toEqual([400, undefined]);
  });

  test('sends nobody anywhere where it names two redirect URIs', async () => {
    const { call, sandbox } = await oauthWorld();
    const query = `client_id=footage&redirect_uri=${encodeURIComponent(CALLBACK)}&redirect_uri=https://evil.example/`;
    expect((await call(`${sandbox.frameflow.url}/oauth/authorize?${query}`)).status).toBe(400);
  });

  test.each([
    ['response_type', { response_type: null }, 'invalid_request'],
    ['response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['state', { state: null }, 'invalid_request'],
    ['code_challenge', { code_challenge: null }, 'invalid_request'],
    ['code_challenge', { code_challenge: 'short' }, 'invalid_request'],
    ['code_challenge_method', { code_challenge_method: null }, 'invalid_request'],
    ['code_challenge_method', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['scope', { scope: null }, 'invalid_scope'],
    ['scope', { scope: 'asset:download,everything' }, 'invalid_scope'],
  ])('tells the application of %s in %j: %s', async (_, more, error) => {
    const { authorize } = await oauthWorld();
    const answer = await authorize(more);
    expect(answer.status).toBe(302);
    expect(callback(answer).get('error')).toBe(error);
    expect(callback(answer).get('state')).toBe('state' in more ? null : STATE);
    expect(callback(answer).has('code')).toBe(false);
  });

  test('gets 405 by another method', async () => {
    const { call, sandbox } = await oauthWorld();
    expect((await call(`${sandbox.frameflow.url}/oauth/authorize`, { method: 'PUT' })).status).toBe(405);
  });
});
