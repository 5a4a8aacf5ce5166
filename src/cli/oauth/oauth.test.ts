import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { call } from '../../api/testing/call.ts';
import { TOKENS, type TokenName, type World, world } from '../../api/testing/world.ts';
import { UnavailableError } from '../../engine/grants/contract.ts';
import { KeywardenError, MINUTE, Secret } from '../../model/index.ts';
import { cli, start } from '../testing/cli.ts';

let w: World;
beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());
beforeEach(() => {
  w.grants.refusal = null;
  w.grants.fault = null;
  w.grants.asked.length = 0;
});

const options = (token: TokenName) => ({
  cwd: w.directory,
  env: { KEYWARDEN_URL: w.api.address, KEYWARDEN_TOKEN: TOKENS[token] },
});

const run = (args: readonly string[], token: TokenName = 'app', input = '') =>
  cli(args, { ...options(token), input });

describe('token', () => {
  beforeEach(() => w.grants.add('shop-app', 'a/b'));
  const ask = (...more: string[]) => run(['token', 'shop-app', '--subject', 'a/b', ...more]);

  test('prints the token and nothing else', async () => {
    expect(await ask()).toMatchObject({ code: 0, stdout: 'access-token-1', stderr: '' });
  });

  test('prints all that comes with it as JSON, for the scopes that are asked for', async () => {
    const { code, stdout } = await ask('--json', '--scope', 'a b');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ accessToken: 'access-token-1', scope: 'a b', version: 1 });
  });

  test('finds a user who is called as a step up is written', async () => {
    w.grants.add('shop-app', '..');
    expect((await run(['token', 'shop-app', '--subject', '..'])).code).toBe(0);
    expect(w.grants.asked.at(-1)?.with.subject).toBe('..');
  });

  test.each([
    [new KeywardenError('consent_required', 'the user must consent again: answer lost'), 4],
    [new UnavailableError('the provider is down', 1_000), 1],
  ])('tells why there is none: %s', async (fault, code) => {
    w.grants.fault = fault;
    expect(await ask()).toMatchObject({ code, stdout: '', stderr: `error: ${fault.message}\n` });
  });

  test('exits 4 for a client or user that is not there', async () => {
    expect((await run(['token', 'shop-app', '--subject', 'nobody'])).code).toBe(4);
    expect((await run(['token', 'other-app', '--subject', 'a/b'])).code).toBe(4);
  });
});

describe('login', () => {
  const begin = async (...more: string[]) => {
    const running = start(['login', 'shop-app', '--subject', 'user-1', ...more], options('app'));
    const url = await running.line(/^https:/);
    return { running, state: new URL(url).searchParams.get('state') ?? '' };
  };

  test('prints the address, waits, and tells that it was done', async () => {
    const { running, state } = await begin();
    await call(w.api.address, `/oauth/callback?code=c&state=${state}`);
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nconnected: shop-app now has access on behalf of user-1\n$/);
  });

  test('prints what came of it as JSON and nothing beside', async () => {
    const { running, state } = await begin('--json', '--no-open');
    await call(w.api.address, `/oauth/callback?code=c&state=${state}`);
    expect(JSON.parse((await running.ended).stdout)).toMatchObject({ state: 'completed', subject: 'user-1' });
  });

  test('exits 1 with the reason where the user refuses', async () => {
    w.grants.refusal = { code: 'access_denied', verdict: 'permanent', message: 'the user refused' };
    const { running, state } = await begin();
    await call(w.api.address, `/oauth/callback?error=access_denied&state=${state}`);
    expect(await running.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: no grant of user-1: the user refused'),
    });
  });

  test('exits 1 where the caller waits no longer, and says that the consent goes on', async () => {
    const { running } = await begin('--timeout', '1ms');
    const { code, stderr } = await running.ended;
    const [{ expiresAt } = { expiresAt: 0 }] = [...w.grants.authorizations.values()].slice(-1);
    const until = new Date(expiresAt).toISOString().slice(0, 19).replace('T', ' ');
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: no grant of user-1: nobody has consented within 1ms; the address is still open until ${until}Z, and it may yet be completed\n`,
    );
  });

  test('exits 1 where nobody consents in time', async () => {
    w.grants.life = 500;
    const { running } = await begin('--timeout', '1h');
    w.grants.life = 10 * MINUTE;
    const { code, stderr } = await running.ended;
    expect(code).toBe(1);
    expect(stderr).toContain('nobody has consented in time; run the command again');
  });
});

test.each([
  ['login', 'shop-app', '--subject', ''],
  ['token', 'shop-app', '--subject', ''],
  ['grants', 'shop-app', 'forget', '--subject', '', '--yes'],
])('%s exits 2 where the user has no name', async (...args) => {
  expect(await run(args)).toMatchObject({
    code: 2,
    stdout: '',
    stderr: "error: --subject: expected the user's name\n",
  });
  expect(w.grants.asked).toEqual([]);
});

test('a client without a name is told before anything is asked', async () => {
  expect(await run(['token', '', '--subject', 'user-1'])).toMatchObject({
    code: 2,
    stderr: "error: CLIENT: expected the OAuth client's name\n",
  });
});

describe('grants import', () => {
  const line = (subject: string, token = `planted-refresh-${subject}`) =>
    JSON.stringify({ subject, refreshToken: token, scope: 'asset:download' });

  const batches = () => w.grants.asked.filter(({ what }) => what === 'takeOver');

  test('takes a file over, some grants at a time, and skips them when it is run again', async () => {
    const file = join(w.directory, 'grants.ndjson');
    await writeFile(file, Array.from({ length: 2_500 }, (_, n) => `${line(`moved-${n}`)}\r\n`).join(''));
    expect(await run(['grants', 'shop-app', 'import', file], 'admin')).toMatchObject({
      code: 0,
      stdout: '2500 taken over, 0 were there already, 0 refused\n',
      stderr: '',
    });
    expect(batches()).toHaveLength(3);
    expect(await run(['grants', 'shop-app', 'import', file, '--json'], 'admin')).toMatchObject({
      code: 0,
      stdout: '{\n  "taken": 0,\n  "known": 2500,\n  "refused": 0\n}\n',
    });
  });

  test('tells faulty lines by their number and without what stands in them, and takes the others', async () => {
    const input = [
      line('in-1'),
      '{"subject":"x","refreshToken":"planted-torn',
      '',
      '"planted-text"',
      line('in-2', 'planted-\u0007'),
      line('in-1', 'planted-later'),
      `{"subject":"${'y'.repeat(70_000)}`,
      line('in-3'),
    ].join('\n');
    const { code, stdout, stderr } = await run(['grants', 'shop-app', 'import', '-'], 'admin', input);
    expect(stderr.trimEnd().split('\n').toSorted()).toEqual([
      'line 2: it is not valid JSON',
      'line 4: it is no JSON object',
      'line 5: refreshToken must be printable ASCII (RFC 6749)',
      'line 7: it is longer than 64 KB',
    ]);
    expect(stdout).toBe('2 taken over, 1 were there already, 4 refused\n');
    expect(code).toBe(1);
    expect(stdout + stderr).not.toContain('planted');
  });

  test('says how far it came where the daemon stops taking them', async () => {
    w.grants.fault = new UnavailableError('the state is busy', 1_000);
    const { code, stderr } = await run(['grants', 'shop-app', 'import', '-'], 'admin', line('late'));
    expect(code).toBe(1);
    expect(stderr).toBe(
      'error: the state is busy; everything up to line 0 was handed over: run the same command again, and what is there is skipped\n',
    );
  });

  test('is refused for a file that is not there, and for an app', async () => {
    const missing = await run(['grants', 'shop-app', 'import', 'nowhere.ndjson'], 'admin');
    expect([missing.code, missing.stderr]).toEqual([
      2,
      'error: nowhere.ndjson cannot be read (ENOENT); check the name and the rights to it\n',
    ]);
    expect((await run(['grants', 'shop-app', 'import', '-'], 'app', line('x'))).code).toBe(4);
  });
});

describe('grants list', () => {
  beforeAll(async () => {
    w.grants.add('shop-app', 'template');
    const template = w.grants.grants.get('shop-app template');
    if (template === undefined) throw new Error('it was just added');
    const tokens = { refresh: Secret.from('planted-refresh-2Lw'), access: null };
    await w.engine.context.state.commit(
      Array.from({ length: 1_001 }, (_, n) => ({
        type: 'grant.put' as const,
        grant: {
          ...template,
          subject: `listed-${String(n).padStart(4, '0')}`,
          state: n === 1_000 ? ('consent-required' as const) : ('active' as const),
        },
        tokens,
      })),
    );
  });

  test('shows every page in one table', async () => {
    const { code, stdout } = await run(['grants', 'shop-app', 'list'], 'reader');
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(lines).toHaveLength(1_002);
    expect(lines[0]).toMatch(/^SUBJECT +STATE +CONSENTED +RENEWED +USED +SCOPE$/);
    expect(lines[1_001]).toMatch(/^listed-1000 +consent-required .* asset:download$/);
  });

  test('gives every page as one document', async () => {
    const { stdout } = await run(['grants', 'shop-app', 'list', '--json'], 'reader');
    const { grants, nextCursor } = JSON.parse(stdout) as { grants: object[]; nextCursor: null };
    expect([grants.length, nextCursor]).toEqual([1_001, null]);
    expect(stdout).not.toContain('planted');
    const dead = await run(['grants', 'shop-app', 'list', '--json', '--state', 'consent-required'], 'reader');
    expect(JSON.parse(dead.stdout)).toMatchObject({ grants: [{ subject: 'listed-1000' }] });
  });

  test('says that there are none', async () => {
    expect((await run(['grants', 'other-app', 'list'], 'reader')).stdout).toBe('No grants.\n');
    const none = await run(['grants', 'other-app', 'list', '--json'], 'reader');
    expect(JSON.parse(none.stdout)).toEqual({ grants: [], nextCursor: null });
  });
});

test('grants forget asks first, and nobody can be asked without a terminal', async () => {
  w.grants.add('shop-app', 'leaving');
  const forget = ['grants', 'shop-app', 'forget', '--subject', 'leaving'];
  expect((await run(forget)).stderr).toContain('give --yes to forget without a question');
  expect(w.grants.asked).toEqual([]);
  expect(await run([...forget, '--yes'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^leaving: forgotten;/),
  });
  expect((await run([...forget, '--yes'])).code).toBe(4);
});
