import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { consent } from '../../../test/support/consent.ts';
import { call } from '../../api/testing/call.ts';
import type { Running } from '../testing/cli.ts';
import { type World, world } from '../testing/world.ts';

/** The whole way: the command line, a daemon with its engine, and the sandbox's authorization server. */
let w: World;
let daemon: Running;
/** All that was written but the tokens that were asked for. */
const output: string[] = [];
const tokens: string[] = [];

beforeAll(async () => {
  w = await world();
  w.sandbox.admin.changeSettings({ oauth: { consent: 'automatic' } });
  const { clientId, redirectUris } = w.sandbox.frameflow.client;
  const clients = `oauthClients:
  footage-app:
    provider: frameflow
    clientId: ${JSON.stringify(clientId)}
    clientSecret: { env: CLIENT_SECRET }
    redirectUri: ${JSON.stringify(redirectUris[0])}
    scopes: ["asset:download", "license:purchase"]
`;
  const text = await readFile(w.config, 'utf8');
  await writeFile(w.config, text.replace('monitors:', `${clients}monitors:`));
  daemon = await w.daemon();
});
afterAll(() => w[Symbol.asyncDispose]());

/** With the address said, a command need not read the configuration. */
const here = () => ({
  KEYWARDEN_URL: `unix:${join(w.directory, 'kw.sock')}`,
  KEYWARDEN_TOKEN: w.env.KEYWARDEN_ADMIN_TOKEN ?? '',
});

async function run(...args: string[]) {
  const ended = await w.cli(args, { env: here() });
  output.push(ended.stderr, ...(args[0] === 'token' ? [] : [ended.stdout]));
  return ended;
}

/** The user's browser: to the provider, and back to the daemon. */
async function browse(url: string) {
  const back = await consent(url, {}, { ca: w.sandbox.ca });
  return call(`unix:${join(w.directory, 'kw.sock')}`, back.pathname + back.search);
}

test('a user consents, and from then on an application has access tokens', async () => {
  const login = w.start(['login', 'footage-app', '--subject', 'team a/b']);
  const page = await browse(await login.line(/^https:/));
  expect(page.status).toBe(200);
  expect(page.text).toContain('footage-app now has access on behalf of the user team a/b.');
  expect(await login.ended).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/\nconnected: footage-app/),
  });

  const first = await run('token', 'footage-app', '--subject', 'team a/b', '--json');
  const token = JSON.parse(first.stdout) as Record<string, unknown>;
  expect(token).toMatchObject({ scope: 'asset:download license:purchase', version: 1 });
  expect((await run('token', 'footage-app', '--subject', 'team a/b')).stdout).toBe(token.accessToken);
  tokens.push(String(token.accessToken));

  const narrow = await run(
    'token',
    'footage-app',
    '--subject',
    'team a/b',
    '--scope',
    'asset:download',
    '--json',
  );
  expect(JSON.parse(narrow.stdout)).toMatchObject({ scope: 'asset:download' });
  expect((await run('token', 'footage-app', '--subject', 'team a/b', '--scope', 'billing:read')).code).toBe(
    4,
  );
});

test('an application that hosts the callback finishes its own session’s consent, and no other', async () => {
  const post = (path: string, body: object) =>
    call(`unix:${join(w.directory, 'kw.sock')}`, `/v1/oauth/footage-app/authorizations${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${w.env.KEYWARDEN_ADMIN_TOKEN}` },
      body,
    });
  const [mallory, victor] = [await post('', { subject: 'mallory' }), await post('', { subject: 'victor' })];
  const back = await consent(String(mallory.json.authorizeUrl), {}, { ca: w.sandbox.ca });
  const query = Object.fromEntries(back.searchParams);
  expect((await post(`/${victor.json.id}/complete`, query)).status).toBe(400);
  const stolen = await post(`/${mallory.json.id}/complete`, query);
  expect([stolen.status, stolen.json.type]).toEqual([400, 'urn:keywarden:problem:unknown-state']);
  expect((await run('token', 'footage-app', '--subject', 'mallory')).code).toBe(4);

  const anew = await post('', { subject: 'mallory' });
  const own = await consent(String(anew.json.authorizeUrl), {}, { ca: w.sandbox.ca });
  const given = Object.fromEntries(own.searchParams);
  expect(await post(`/${anew.json.id}/complete`, given)).toMatchObject({
    status: 200,
    json: { state: 'completed', subject: 'mallory' },
  });
  const again = await post(`/${anew.json.id}/complete`, given);
  expect([again.status, again.json.type]).toEqual([400, 'urn:keywarden:problem:unknown-state']);
  expect((await run('grants', 'footage-app', 'forget', '--subject', 'mallory', '--yes')).code).toBe(0);
});

test('a grant from elsewhere moves in, is told once it proves to be dead, and is forgotten', async () => {
  const lines = '{"subject":"moved","refreshToken":"planted-refresh-never-issued"}\n';
  const imported = await w.cli(['grants', 'footage-app', 'import', '-'], { input: lines });
  expect(imported).toMatchObject({ code: 0, stdout: '1 taken over, 0 were there already, 0 refused\n' });
  const dead = await run('token', 'footage-app', '--subject', 'moved');
  expect([dead.code, dead.stdout]).toEqual([4, '']);
  expect(dead.stderr).toMatch(/consent/);
  const listed = await run('grants', 'footage-app', 'list', '--json');
  expect(JSON.parse(listed.stdout)).toMatchObject({
    grants: [
      { subject: 'moved', state: 'consent-required' },
      { subject: 'team a/b', state: 'active' },
    ],
  });
  expect((await run('grants', 'footage-app', 'forget', '--subject', 'moved', '--yes')).code).toBe(0);
  expect((await run('token', 'footage-app', '--subject', 'moved')).code).toBe(4);
});

test('check tries the client and spends nothing', async () => {
  const { code, stdout } = await run('check');
  expect(stdout).toContain(
    `ok    OAuth client footage-app: environment variable CLIENT_SECRET can be read, ${new URL(w.sandbox.frameflow.url).origin} answers; no token was asked for: whether the secret is right shows at the first consent\n`,
  );
  expect(code).toBe(0);
});

test('nothing of it shows a secret', () => {
  expect(tokens).toHaveLength(1);
  const written = [...output, daemon.output()].join('');
  expect(written).toContain('footage-app');
  for (const secret of [...w.secrets(), ...tokens, 'planted-refresh']) expect(written).not.toContain(secret);
});
