import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Running } from './testing/cli.ts';
import { type World, world } from './testing/world.ts';

/*
 * One daemon and its story, in order: every test goes on where the one before it ended.
 */

let w: World;
let daemon: Running;
let address = '';
let text = '';

beforeAll(async () => {
  w = await world((made) => made.replace('listen: unix:./kw.sock', 'listen: 127.0.0.1:0'));
  text = await readFile(w.config, 'utf8');
  daemon = w.start(['run', '--watch-config']);
  ({ address } = JSON.parse(await daemon.line(/"msg":"ready"/)) as { address: string });
  await daemon.line(/app\.env#FRAMEFLOW_API_KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

/** As editors save: another file takes the place of the one that is there. */
async function save(change: string): Promise<void> {
  await writeFile(`${w.config}.new`, change, { mode: 0o600 });
  await rename(`${w.config}.new`, w.config);
}

/** The next line of the log that `wanted` finds, after those that were there before. */
async function next(wanted: RegExp, before: string): Promise<string> {
  const count = matching(before, wanted).length;
  for (;;) {
    const found = matching(daemon.output(), wanted)[count];
    if (found !== undefined) return found;
    await Promise.race([
      new Promise((resolve) => daemon.child.stdout?.once('data', resolve)),
      daemon.ended.then(() => Promise.reject(new Error(`it ended:\n${daemon.output()}`))),
    ]);
  }
}

const matching = (output: string, wanted: RegExp) => output.split('\n').filter((line) => wanted.test(line));

async function get(path: string, token = w.env.KEYWARDEN_ADMIN_TOKEN): Promise<Response> {
  return fetch(`${address}${path}`, { headers: { authorization: `Bearer ${token}` } });
}

async function rotate(name: string, emergency = false): Promise<void> {
  const response = await fetch(`${address}/v1/credentials/${name}/rotate`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${w.env.KEYWARDEN_ADMIN_TOKEN}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ reason: 'a test', emergency }),
  });
  expect(response.status).toBe(202);
}

async function list(path: string, name: string): Promise<ReadonlyArray<Record<string, unknown>>> {
  const { [name]: items } = (await (await get(path)).json()) as Record<string, Record<string, unknown>[]>;
  return items ?? [];
}

/** How many answers of the provider were counted. */
async function counted(): Promise<number> {
  const lines = (await (await get('/metrics')).text()).split('\n');
  return lines
    .filter((line) => line.startsWith('keywarden_provider_requests_total{'))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const told = async () =>
  (await list('/v1/alerts', 'alerts')).filter(({ kind }) => kind === 'config-reload-failed');

const RELOADED = /"msg":"the configuration was reloaded"/;
const REFUSED = /"msg":"the configuration was not reloaded/;
const MINTED = /"msg":"frameflow-prod: mint"/;
const UNCHANGED = /"msg":"nothing has changed in the configuration/;

test('a configuration that was changed is taken over at the same address, and what waits there is answered', async () => {
  const etag = (await get('/v1/credentials/frameflow-prod/secret')).headers.get('etag') ?? '';
  const waiting = fetch(`${address}/v1/credentials/frameflow-prod/secret?wait=60s`, {
    headers: { authorization: `Bearer ${w.env.KEYWARDEN_ADMIN_TOKEN}`, 'if-none-match': etag },
  });
  const requests = await counted();
  expect(requests).toBeGreaterThan(0);
  const before = daemon.output();
  await save(
    text
      .replace('variable: FRAMEFLOW_API_KEY }', '$&, { file: ./second.env, format: dotenv, variable: KEY }')
      .replace('    ops:', '    late: { role: reader, secret: { env: SECOND_KEY } }\n$&'),
  );
  daemon.child.kill('SIGHUP');
  const line = JSON.parse(await next(RELOADED, before)) as object;
  expect(line).toMatchObject({
    cause: 'SIGHUP',
    changed: ['api.tokens.late', 'credentials.frameflow-prod'],
  });
  expect((await get('/v1/credentials', w.env.SECOND_KEY)).status).toBe(200);
  expect(await counted()).toBeGreaterThanOrEqual(requests);
  await next(/second\.env#KEY has version 1/, before);
  const [entry] = await list('/v1/audit?action=configuration.reloaded', 'entries');
  expect(entry).toMatchObject({
    actor: 'daemon',
    credential: null,
    detail: { cause: 'SIGHUP', changed: 'api.tokens.late, credentials.frameflow-prod' },
  });
  await rotate('frameflow-prod');
  expect(await (await waiting).json()).toMatchObject({ version: 2 });
});

test('one that has a fault is refused whole and told, and the next good one ends the alert', async () => {
  const good = await readFile(w.config, 'utf8');
  const before = daemon.output();
  await save(good.replace('tier: pro', 'teir: pro').replace('role: reader', 'role: raeder'));
  // By --watch-config.
  const refused = JSON.parse(await next(REFUSED, before)) as Record<string, string>;
  expect(refused).toMatchObject({ level: 'error', cause: 'a changed file' });
  expect(refused.faults).toHaveLength(2);
  expect(refused.msg).toMatch(
    /stays in force: \/\S+keywarden\.yaml:\d+:\d+ .*teir.*; to do: keywarden check --config \/\S+keywarden\.yaml$/,
  );
  expect(await told()).toEqual([
    expect.objectContaining({
      severity: 'warning',
      state: 'triggered',
      title: expect.stringMatching(/^The configuration was not reloaded: \S+keywarden\.yaml, line \d+$/),
      evidence: expect.objectContaining({ file: w.config, faults: 2, cause: 'a changed file' }),
    }),
  ]);
  expect((await get('/v1/credentials', w.env.SECOND_KEY)).status).toBe(200);
  const [entry] = await list('/v1/audit?action=configuration.refused', 'entries');
  expect(entry?.detail).toMatchObject({ file: w.config, faults: 2 });

  const again = daemon.output();
  await save(good);
  await next(UNCHANGED, again);
  expect(await told()).toEqual([expect.objectContaining({ state: 'resolved' })]);
});

test('what cannot be had as it is configured leaves everything as it runs', async () => {
  const good = await readFile(w.config, 'utf8');
  await writeFile(join(w.directory, 'no-ca.pem'), 'nothing');
  const before = daemon.output();
  await save(good.replace('caFile: ca.pem', 'caFile: ./no-ca.pem'));
  daemon.child.kill('SIGHUP');
  expect(await next(REFUSED, before)).toContain('no-ca.pem');
  expect((await get('/v1/credentials')).status).toBe(200);
  const again = daemon.output();
  await save(good);
  daemon.child.kill('SIGHUP');
  await next(UNCHANGED, again);
});

test('a file that a refused configuration lacks is waited for: its coming is a reload', async () => {
  const good = await readFile(w.config, 'utf8');
  const before = daemon.output();
  await save(good.replace('caFile: ca.pem', 'caFile: ./later.pem'));
  expect(await next(REFUSED, before)).toContain('later.pem');
  const again = daemon.output();
  await copyFile(join(w.directory, 'ca.pem'), join(w.directory, 'later.pem'));
  expect(JSON.parse(await next(RELOADED, again))).toMatchObject({ cause: 'a changed file' });
  const last = daemon.output();
  await save(good);
  await next(RELOADED, last);
});

test.each([
  ['the folder of the state', 'directory: ./state', 'directory: ./other', /state {2}cannot change while/],
  ['its address', '127.0.0.1:0', '127.0.0.1:1', /api\.listen {2}cannot change while/],
  ['its name', 'name: test', 'name: another', /installation {2}cannot change while/],
])('%s cannot be changed without a restart, and that is said', async (_what, from, to, sentence) => {
  const good = await readFile(w.config, 'utf8');
  const before = daemon.output();
  await save(good.replace(from, to));
  daemon.child.kill('SIGHUP');
  const line = await next(REFUSED, before);
  expect(line).toMatch(sentence);
  expect(line).toContain('; put it back and reload');
  const again = daemon.output();
  await save(good);
  daemon.child.kill('SIGHUP');
  await next(UNCHANGED, again);
});

test('a hail of signals is reloads one after the other, and none is lost', async () => {
  const good = await readFile(w.config, 'utf8');
  const before = daemon.output();
  await save(good.replace('[DE]', '[DE, FR]'));
  for (let count = 0; count < 20; count += 1) daemon.child.kill('SIGHUP');
  await next(RELOADED, before);
  const after = daemon.output();
  daemon.child.kill('SIGHUP');
  await next(UNCHANGED, after);
  const story = daemon
    .output()
    .slice(before.length)
    .split('\n')
    .filter((line) => /loaded anew|was reloaded|nothing has changed/.test(line));
  // Each begin is followed by its own end.
  for (const [index, line] of story.entries()) expect(line.includes('loaded anew')).toBe(index % 2 === 0);
});

test('a mint that is under way when the configuration changes ends where it began, once', async () => {
  const good = await readFile(w.config, 'utf8');
  const keys = w.sandbox.frameflow.keys().length;
  const fault = { kind: 'delay', ms: 6_000 } as const;
  w.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times: 1, fault });
  await rotate('frameflow-prod', true);
  await expect.poll(() => w.sandbox.admin.state().faults.length, { timeout: 30_000 }).toBe(0);
  const before = daemon.output();
  await save(good.replace('[DE, FR]', '[DE, IT]'));
  daemon.child.kill('SIGHUP');
  await next(RELOADED, before);
  // The answer has not come yet.
  expect(w.sandbox.frameflow.keys().length).toBeLessThanOrEqual(keys + 1);
  await Promise.all(
    ['app', 'second'].map((name) => next(new RegExp(`${name}\\.env#.* has version 3`), before)),
  );
  expect(w.sandbox.frameflow.keys()).toHaveLength(keys + 1);
  expect((await list('/v1/alerts', 'alerts')).filter(({ kind }) => kind === 'key-orphaned')).toEqual([]);
});

test('SIGTERM after a reload waits for what the former configuration has under way', async () => {
  const good = await readFile(w.config, 'utf8');
  const fault = { kind: 'delay', ms: 7_000 } as const;
  w.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', times: 1, fault });
  const idle = daemon.output();
  await rotate('frameflow-prod', true);
  await expect.poll(() => w.sandbox.admin.state().faults.length, { timeout: 30_000 }).toBe(0);
  const before = daemon.output();
  await save(good.replace('[DE, IT]', '[DE, PT]'));
  daemon.child.kill('SIGHUP');
  await next(RELOADED, before);
  expect(matching(daemon.output().slice(idle.length), MINTED)).toEqual([]);
  daemon.child.kill('SIGTERM');
  const { code, stdout } = await daemon.ended;
  expect(code).toBe(0);
  expect(matching(stdout.slice(idle.length), MINTED)).toHaveLength(1);
  w.sandbox.admin.clearFaults();
  daemon = w.start(['run', '--watch-config']);
  ({ address } = JSON.parse(await daemon.line(/"msg":"ready"/)) as { address: string });
  await daemon.line(/app\.env#.* has version 4/);
});

test('SIGTERM in the middle of a reload ends it all the same, and nothing that was said shows a secret', async () => {
  const good = await readFile(w.config, 'utf8');
  w.sandbox.admin.setFault({ service: 'frameflow', times: 0, fault: { kind: 'delay', ms: 60_000 } });
  const idle = daemon.output();
  await rotate('frameflow-spare');
  await next(/frameflow-spare: preflight/, idle);
  const before = daemon.output();
  await save(good.replace('[DE, PT]', '[DE, ES]'));
  daemon.child.kill('SIGHUP');
  await next(/"msg":"the configuration is loaded anew"/, before);
  daemon.child.kill('SIGTERM');
  const { code, stdout, stderr } = await daemon.ended;
  w.sandbox.admin.clearFaults();
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const secret of w.secrets()) expect(stdout).not.toContain(secret);
});
