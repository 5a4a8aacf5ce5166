import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CliOptions, Ended, Running } from './testing/cli.ts';
import { type World, world } from './testing/world.ts';

/*
 * One daemon and its story, in order: every test goes on where the one before it ended.
 */

let w: World;
let daemon: Running;
/** Everything that was printed, by `get` aside. */
const outputs: string[] = [];

beforeAll(async () => {
  w = await world();
  daemon = await w.daemon();
  await daemon.line(/app\.env#FRAMEFLOW_API_KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

/** As a person does who has set address and token in the environment. */
const remote = (token = 'KEYWARDEN_ADMIN_TOKEN') => ({
  KEYWARDEN_URL: `unix:${join(w.directory, 'kw.sock')}`,
  KEYWARDEN_TOKEN: w.env[token] ?? '',
});

async function run(args: readonly string[], { env = remote(), ...options }: CliOptions = {}): Promise<Ended> {
  const ended = await w.cli(args, { ...options, env });
  if (args[0] !== 'get') outputs.push(ended.stdout, ended.stderr);
  return ended;
}

const json = ({ stdout }: Ended) => JSON.parse(stdout) as Record<string, unknown>;

test('by the configuration alone, status shows every credential in a table, and that all is quiet', async () => {
  const { code, stdout, stderr } = await run(['status'], { env: {} });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [headings, first, second, , alerts] = stdout.split('\n');
  expect(headings).toMatch(
    /^CREDENTIAL +VERSION +AGE +NEXT ROTATION +OVERLAP LEFT +PUBLISHED +LAST SEEN IN USE$/,
  );
  expect(first).toMatch(/^frameflow-prod +1 \(key_\w+\) +\d+m?s +in (?:89d23h|90d) +- +1 of 1 +/);
  expect(second).toMatch(/^frameflow-spare +1 \(key_\w+\) +\d+m?s +in (?:89d23h|90d) +- +API only +/);
  expect(alerts).toBe('No open alerts.');
  const found = json(await run(['status', '--json']));
  expect(found).toMatchObject({
    credentials: [{ name: 'frameflow-prod' }, { name: 'frameflow-spare' }],
    alerts: [],
  });
});

test('get prints the value and nothing else', async () => {
  const [first] = w.sandbox.frameflow.keys();
  const [plain, full] = await Promise.all([
    run(['get', 'frameflow-prod'], { env: {} }),
    run(['get', 'frameflow-prod', '--json']),
  ]);
  expect(plain).toMatchObject({ code: 0, stdout: first?.value, stderr: '' });
  expect(json(full)).toMatchObject({ name: 'frameflow-prod', version: 1, value: first?.value });
});

test('a dry run prints the plan and sends nothing', async () => {
  const { code, stdout } = await run(['rotate', 'frameflow-prod', '--dry-run']);
  expect(code).toBe(0);
  expect(stdout).toContain(
    'frameflow-prod: what a rotation (manual) asked for now would do; nothing is sent',
  );
  expect(stdout).toMatch(/^ {2}publish +file:.*app\.env#FRAMEFLOW_API_KEY$/m);
  expect(w.sandbox.frameflow.keys()).toHaveLength(2);
});

test('rotate --wait follows the steps and ends once every destination has the new version', async () => {
  const { code, stdout, stderr } = await run(['rotate', 'frameflow-prod', '--wait', '--reason', 'quarterly']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const newest = w.sandbox.frameflow.keys().at(-1);
  expect(await readFile(join(w.directory, 'app.env'), 'utf8')).toContain(
    `FRAMEFLOW_API_KEY=${newest?.value}`,
  );
  expect(stdout).toMatch(/^ {4}mint +done +took \d+m?s$/m);
  expect(stdout).toMatch(/^ {4}publish +done +file:.*app\.env#FRAMEFLOW_API_KEY/m);
  expect(stdout).toMatch(/every destination has the new version; the previous key works until \d{4}-/);
});

test('a further rotation is refused with the one in flight, exit code 4; its dry run is not', async () => {
  const [refused, planned] = await Promise.all([
    run(['rotate', 'frameflow-prod']),
    run(['rotate', 'frameflow-prod', '--dry-run', '--json']),
  ]);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toMatch(
    /^error: frameflow-prod: rotation [\w-]{36} is in overlap; its overlap ends at /,
  );
  expect(planned.code).toBe(0);
  expect(json(planned).waitsFor).toContain('is in overlap');
});

test('history shows rotations with their steps, of all or of one', async () => {
  const [all, other, machine] = await Promise.all([
    run(['history']),
    run(['history', 'frameflow-spare']),
    run(['history', 'frameflow-prod', '--json']),
  ]);
  const keys = w.sandbox.frameflow.keys();
  expect(all.stdout).toMatch(/frameflow-prod {2}overlap {2}manual, by ops \(quarterly\)/);
  expect(all.stdout).toContain(`key ${keys[0]?.id} -> ${keys.at(-1)?.id}, overlap until `);
  expect(other).toMatchObject({ code: 0, stdout: 'No rotations of frameflow-spare yet.\n' });
  expect(json(machine)).toMatchObject({
    rotations: [{ state: 'overlap', reason: 'quarterly' }],
    nextCursor: null,
  });
});

test('a rotation that fails makes --wait exit with 1 and say why', async () => {
  w.sandbox.admin.setFault({
    service: 'frameflow',
    path: '/v1/auth/rotate',
    times: 0,
    fault: { kind: 'status', status: 400 },
  });
  const { code, stdout } = await run(['rotate', 'frameflow-spare', '--wait']);
  w.sandbox.admin.clearFaults();
  expect(code).toBe(1);
  expect(stdout).toMatch(/frameflow-spare: the rotation is in (failed|attention): /);
});

test('alerts are listed and taken on', async () => {
  const listed = json(await run(['alerts', 'list', '--json'])) as {
    alerts: Array<{ id: string; kind: string }>;
  };
  const [alert] = listed.alerts;
  expect(alert?.kind).toMatch(/^rotation-(failed|attention)$/);
  const { code, stdout } = await run(['alerts', 'ack', alert?.id ?? '']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: `${alert?.id}: acknowledged by ops\n` });
  const [table, shown, none] = await Promise.all([
    run(['alerts', 'list']),
    run(['status']),
    run(['alerts', 'ack', 'none']),
  ]);
  expect(table.stdout).toMatch(new RegExp(`acknowledged \\(ops\\) +\\d+ .* ${alert?.id} `));
  expect(shown.stdout).toMatch(/^\d open alerts?:$/m);
  expect(none).toMatchObject({ code: 4, stderr: 'error: there is no alert none\n' });
});

test('a test message is sent to one channel or to all, and 1 says that one did not take it', async () => {
  const all = await run(['alerts', 'test', '--all']);
  expect(all).toMatchObject({
    code: 0,
    stdout: 'ok    oncall: it took the test message\nok    team: it took the test message\n',
  });
  await w.sandbox.slack.waitFor((message) => JSON.stringify(message).includes('Test of the channel team'));
  w.sandbox.admin.setFault({ service: 'slack', fault: { kind: 'status', status: 404 } });
  const failed = await run(['alerts', 'test', 'team']);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^FAIL {2}team: Slack/);
});

test('adopt looks again, or takes the key on standard input', async () => {
  const spare = await run(['adopt', 'frameflow-spare', '--json']);
  expect(spare.code).toBe(0);
  expect(json(spare)).toEqual({ name: 'frameflow-spare', looking: true });
  const unknown = `ff_live_${'w'.repeat(32)}`;
  const refused = await run(['adopt', 'frameflow-spare'], { input: `${unknown}\n` });
  expect(refused.code).toBe(4);
  expect(refused.stderr).not.toContain(unknown);
  const held = w.sandbox.frameflow.keys().at(-1)?.value ?? '';
  const taken = await run(['adopt', 'frameflow-spare'], { input: `${held}\n` });
  expect(taken).toMatchObject({ code: 0, stderr: '' });
  expect(taken.stdout).toMatch(/^frameflow-spare: the key key_\w+ is accepted; it is version 2 /);
  const busy = await run(['adopt', 'frameflow-prod']);
  expect(busy.code).toBe(4);
});

test.each([
  [['rotate', 'framflow-prod'], 'did you mean frameflow-prod?'],
  [['get', 'frameflow-prd'], 'did you mean frameflow-prod?'],
  [['history', 'frameflow-spar'], 'did you mean frameflow-spare?'],
  [['alerts', 'test', 'teem'], 'did you mean team?'],
])('%j: a mistyped name exits with 4 and the nearest', async (args, hint) => {
  const { code, stdout, stderr } = await run(args);
  expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  expect(stderr).toContain(hint);
});

test('a token without the right, and a wrong one, exit with 4', async () => {
  const [reader, app, wrong] = await Promise.all([
    run(['rotate', 'frameflow-prod'], { env: remote('READER_TOKEN') }),
    run(['status'], { env: remote('APP_TOKEN') }),
    run(['status'], { env: { ...remote(), KEYWARDEN_TOKEN: 'not-a-token' } }),
  ]);
  expect(reader).toMatchObject({ code: 4, stdout: '' });
  expect(reader.stderr).toContain('the token board has the role reader; this needs operator');
  expect(app.code).toBe(4);
  expect(wrong).toMatchObject({ code: 4, stderr: 'error: this token is not known here\n' });
});

test('the daemon is found by --url too, with a token file that only its owner reads', async () => {
  const token = join(w.directory, 'token');
  await writeFile(token, `${w.env.READER_TOKEN}\n`, { mode: 0o600 });
  const elsewhere = { cwd: '/', env: { KEYWARDEN_URL: remote().KEYWARDEN_URL } };
  const [fine, none] = await Promise.all([
    run(['status', '--token-file', token], elsewhere),
    run(['status'], elsewhere),
  ]);
  expect(fine.code).toBe(0);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain('give --token-file FILE or set $KEYWARDEN_TOKEN');
  await writeFile(join(w.directory, 'open'), 'x', { mode: 0o644 });
  const open = await run(['status', '--token-file', join(w.directory, 'open')], elsewhere);
  expect(open.code).toBe(2);
  expect(open.stderr).toContain('can be read by others');
});

test('without a readable token it is said which ones there are', async () => {
  const names = ['KEYWARDEN_ADMIN_TOKEN', 'OPERATOR_TOKEN'];
  const env = Object.fromEntries(names.map((name) => [name, '']));
  const { code, stderr } = await run(['rotate', 'frameflow-prod'], { env });
  expect(code).toBe(2);
  expect(stderr).toContain(
    'no token can be read here (ops: the environment variable KEYWARDEN_ADMIN_TOKEN is empty',
  );
});

test('no output but that of get, no log line and no process title shows a secret', async () => {
  const status = await readFile(`/proc/${daemon.pid}/cmdline`, 'utf8').catch(() => '');
  const all = [...outputs, daemon.output(), status].join('\n');
  expect(all).toContain('frameflow-prod');
  for (const secret of w.secrets()) expect(all).not.toContain(secret);
});

test('once the daemon has ended, commands exit with 3 and say what to do; SIGTERM ended it with 0', async () => {
  daemon.child.kill('SIGTERM');
  expect(await daemon.ended).toMatchObject({ code: 0, signal: null });
  const { code, stdout, stderr } = await run(['status']);
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  expect(stderr).toMatch(/^error: the daemon cannot be reached at unix:.*kw\.sock: .*keywarden run/);
});
