import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeywardenError } from '../model/index.ts';
import { call } from './testing/call.ts';
import { TOKENS, type World, world } from './testing/world.ts';

/** The program of docs/oauth.md, as it stands there, against a real API. */
let w: World;
beforeAll(async () => {
  w = await world();
  const text = await readFile(new URL('../../docs/oauth.md', import.meta.url), 'utf8');
  const [, program] = /^```js\n([\s\S]+?)^```$/m.exec(text) ?? [];
  if (program === undefined) throw new Error('docs/oauth.md has no block of js');
  await writeFile(join(w.directory, 'program.mjs'), program.replace('footage-app', 'shop-app'));
});
afterAll(() => w[Symbol.asyncDispose]());

/** What an expression over the program's two functions gives. */
async function run(expression: string): Promise<unknown> {
  const script = `import { accessToken, connect } from './program.mjs';
    process.stdout.write(JSON.stringify(await ${expression}.catch((error) => error.message)));`;
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: w.directory,
    env: {
      KEYWARDEN_URL: w.api.address,
      KEYWARDEN_TOKEN: TOKENS.app,
      RETURN_URL: 'https://shop.example.com/connected',
    },
  });
  return JSON.parse(stdout);
}

test('a user is connected, and a token is had, a new one where it was refused', async () => {
  expect(await run(`accessToken('a/b')`)).toBeNull();
  const url = new URL(String(await run(`connect('a/b')`)));
  const back = await call(w.api.address, `/oauth/callback?code=c&state=${url.searchParams.get('state')}`);
  expect(back.headers.location).toBe('https://shop.example.com/connected');
  expect(await run(`accessToken('a/b')`)).toMatchObject({ accessToken: 'access-token-1', version: 1 });
  expect(await run(`accessToken('a/b', { version: 1 })`)).toMatchObject({ accessToken: 'access-token-2' });
});

test('a user who has to consent again has no token, and any other fault is thrown', async () => {
  w.grants.fault = new KeywardenError('consent_required', 'answer lost');
  expect(await run(`accessToken('a/b')`)).toBeNull();
  w.grants.fault = new KeywardenError('provider_unavailable', 'the provider is down');
  expect(await run(`connect('a/b')`)).toBe('the provider is down');
});
