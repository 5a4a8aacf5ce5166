import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type World, world } from './testing/world.ts';

let w: World;
let address: string;
beforeAll(async () => {
  w = await world((text) => text.replace('listen: unix:./kw.sock', 'listen: 127.0.0.1:0'));
  const daemon = await w.daemon();
  ({ address } = JSON.parse(await daemon.line(/"msg":"ready"/)));
});
afterAll(() => w[Symbol.asyncDispose]());

async function configure(name: string, text: (fitting: string) => string = (each) => each): Promise<string> {
  const fitting = `version: 1
installation: { name: shop, environment: test }
state: { directory: ./${name}-state, encryptionKeys: [{ env: KEYWARDEN_MASTER_KEY }] }
upstream: { url: "${address}", token: { env: APP_TOKEN }, allowPlaintextLoopback: true }
credentials:
  frameflow-prod: { publish: [{ file: ./${name}.env, format: dotenv, variable: FRAMEFLOW_API_KEY }] }
api: { listen: "unix:./${name}.sock" }
`;
  await writeFile(join(w.directory, `${name}.yaml`), text(fitting));
  return `${name}.yaml`;
}

test('the agent says where it listens, writes its file, survives SIGHUP and ends with 0', async () => {
  const running = w.start(['agent', '--config', await configure('agent')]);
  const started = JSON.parse(await running.line(/"msg":"started"/));
  expect(started).toMatchObject({ address: `unix:${join(w.directory, 'agent.sock')}`, level: 'info' });
  expect(started.agent).toMatch(/^shop-[a-z0-9._-]+$/);
  await running.line(/"msg":"ready"/);
  const file = join(w.directory, 'agent.env');
  expect(await readFile(file, 'utf8')).toContain(`FRAMEFLOW_API_KEY=${w.env.FRAMEFLOW_API_KEY}\n`);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  running.child.kill('SIGHUP');
  await running.line(/SIGHUP does nothing/);
  running.child.kill('SIGTERM');
  const ended = await running.ended;
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(ended.stdout.trimEnd().split('\n').at(-1)).toContain('"msg":"stopped"');
  for (const secret of w.secrets()) expect(ended.stdout).not.toContain(secret);
});

test('sync writes the file and ends with 0; what was written is its answer', async () => {
  const config = await configure('sync');
  const { code, stdout, stderr } = await w.cli(['sync', '--once', '--timeout', '20s', '--config', config]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toBe(
    `frameflow-prod: file:${join(w.directory, 'sync.env')}#FRAMEFLOW_API_KEY has version 1\n`,
  );
  const gone = await configure('sync', (text) => text.replace(address, 'http://127.0.0.1:1'));
  const stale = await w.cli(['sync', '--once', '--timeout', '100ms', '--config', gone]);
  expect(stale.code).toBe(0);
  expect(stale.stderr).toMatch(
    /^warning: frameflow-prod: version 1 is taken from what is held on disk: .*\n$/,
  );
});

test('sync ends with 1 and names what is missing where the time is up', async () => {
  const config = await configure('none', (text) => text.replace(address, 'http://127.0.0.1:1'));
  const { code, stdout, stderr } = await w.cli(['sync', '--once', '--timeout', '100ms', '--config', config]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^missing: frameflow-prod: .*ECONNREFUSED.*\n$/);
});

test.each([
  [['sync'], 'say --once'],
  [['sync', '--once', '--timeout', 'soon'], 'Expected a duration such as 60s or 5m.'],
  [['agent'], 'no configuration found'],
])('%j is wrong usage', async (args, said) => {
  const { code, stderr } = await w.cli(args, { cwd: '/' });
  expect(code).toBe(2);
  expect(stderr).toContain(said);
});

test('damaged holdings stop the start, with what to do', async () => {
  const config = await configure('torn');
  expect((await w.cli(['sync', '--once', '--config', config])).code).toBe(0);
  await writeFile(join(w.directory, 'torn-state', 'agent.sealed'), '{}', { mode: 0o600 });
  const { code, stderr } = await w.cli(['agent', '--config', config]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: .*agent\.sealed was altered.*delete it: the agent fetches anew what it held/,
  );
});
