import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CA_FILE } from '../sandbox/index.ts';
import type { CliOptions, Ended, Running } from './testing/cli.ts';
import { type World, world } from './testing/world.ts';

/*
 * One daemon and its story, in order: every test goes on where the one before it ended.
 */

let w: World;
let daemon: Running;
/** Everything that was printed. */
const outputs: string[] = [];
/** Keys that were handed over on standard input. */
const handed: string[] = [];

beforeAll(async () => {
  w = await world();
  const text = await readFile(w.config, 'utf8');
  await writeFile(w.config, withStockflow(text, w.sandbox.stockflow.url));
  daemon = await w.daemon();
  await daemon.line(/by-hand\.env#KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

function withStockflow(text: string, url: string): string {
  const provider = `  stockflow: { kind: stockflow, apiUrl: ${url}, tls: { caFile: ${CA_FILE} } }`;
  const credential = `  by-hand:
    provider: stockflow
    secret: { env: STOCKFLOW_API_KEY }
    rotation: { mode: guided }
    publish: [{ file: ./by-hand.env, format: dotenv, variable: KEY }]`;
  return text.replace('providers:', `$&\n${provider}`).replace('\ncredentials:', `$&\n${credential}`);
}

async function run(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const ended = await w.cli(args, options);
  outputs.push(ended.stdout, ended.stderr);
  return ended;
}

const json = ({ stdout }: Ended) => JSON.parse(stdout) as Record<string, unknown>;

const status = async () => (await run(['status'])).stdout;

test('pause says until when, and status shows it', async () => {
  const paused = await run(['pause', 'frameflow-prod', '--until', '3d', '--reason', 'year-end freeze']);
  expect(paused).toMatchObject({ code: 0, stderr: '' });
  expect(paused.stdout).toMatch(/^frameflow-prod: no scheduled rotation until \d{4}-\d\d-\d\d \d\d:/);
  const shown = await status();
  expect(shown).toMatch(/^frameflow-prod .* paused +- /m);
  expect(shown).toMatch(/^ {2}frameflow-prod: paused by ops until .* \(year-end freeze\)$/m);
});

test('a pause can be without an end, and resume ends it', async () => {
  const open = await run(['pause', 'frameflow-prod', '--json']);
  expect(json(open)).toMatchObject({ name: 'frameflow-prod', pause: { until: null, actor: 'ops' } });
  const resumed = await run(['resume', 'frameflow-prod']);
  expect(resumed).toMatchObject({ code: 0, stderr: '' });
  expect(await status()).not.toContain('paused');
});

test('an end that lies in the past is a usage error with the daemon’s time', async () => {
  const { code, stdout, stderr } = await run(['pause', 'frameflow-prod', '--until', '2020-01-01T00:00:00Z']);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(/^error: until must lie in the future; it is \d{4}-/);
});

test('a rollback without an overlap is refused', async () => {
  const none = await run(['rollback', 'frameflow-prod']);
  expect(none).toMatchObject({ code: 4, stdout: '' });
  expect(none.stderr).toMatch(/^error: frameflow-prod: /);
  expect((await run(['rotate', 'frameflow-prod', '--wait'])).code).toBe(0);
});

test('within an overlap the previous key is published again', async () => {
  const [first] = w.sandbox.frameflow.keys();
  const rolled = await run(['rollback', 'frameflow-prod', '--until', '6h', '--reason', 'app fails']);
  expect(rolled).toMatchObject({ code: 0, stderr: '' });
  expect(rolled.stdout).toContain(`frameflow-prod: the previous key ${first?.id} goes to every destination`);
  expect(rolled.stdout).toMatch(/^ {2}Then key_\w+ comes back by itself; an alert tells of it before\.$/m);
  await daemon.line(/app\.env#FRAMEFLOW_API_KEY has version 3/);
  expect(await readFile(join(w.directory, 'app.env'), 'utf8')).toContain(String(first?.value));
  const [shown, told] = await Promise.all([status(), run(['history', 'frameflow-prod'])]);
  expect(shown).toMatch(/^ {2}frameflow-prod: the previous key is published again until \d{4}-/m);
  expect(told.stdout).toMatch(/^ {2}the previous key is published again until \d{4}-/m);
});

test('a rotation that needs nobody is tried again, and not abandoned; an unknown one is told', async () => {
  const { rotations } = json(await run(['history', '--json'])) as { rotations: Array<{ id: string }> };
  const id = rotations[0]?.id ?? '';
  const [abandoned, retried, unknown] = await Promise.all([
    run(['rotation', id, 'abandon']),
    run(['rotation', id, 'retry']),
    run(['rotation', 'none', 'retry']),
  ]);
  expect(abandoned).toMatchObject({ code: 4, stdout: '' });
  expect(abandoned.stderr).toContain('keywarden rollback frameflow-prod');
  expect(retried).toMatchObject({ code: 0, stderr: '' });
  expect(retried.stdout).toMatch(/^frameflow-prod: rotation [\w-]{36} is in overlap and tried again now; /);
  expect(unknown).toMatchObject({ code: 4, stderr: 'error: there is no rotation none\n' });
});

test('compromise tells what happens by itself and what is left to a person', async () => {
  const [, spare] = w.sandbox.frameflow.keys();
  const wrong = await run(['compromise', 'frameflow-spare', '--key', 'key_none']);
  expect(wrong.code).toBe(4);
  expect(wrong.stderr).toContain('key_none');
  const told = await run(['compromise', 'frameflow-spare', '--reason', 'seen in a repository']);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toMatch(/^frameflow-spare: version 1 is marked as known to others; /);
  expect(told.stdout).toMatch(/^ {2}Emergency rotation [\w-]{36} replaces it; /m);
  expect(told.stdout).toContain(
    `  Once every destination has its successor, revoke ${spare?.id} in the provider's console (until then it works). `,
  );
  expect(await status()).toMatch(/^ {2}frameflow-spare: version 1 \(key_\w+\) is known to others/m);
});

test('a guided credential is not rotated: the refusal says what to do', async () => {
  const [rotated, shown] = await Promise.all([run(['rotate', 'by-hand']), status()]);
  expect(rotated.code).toBe(4);
  expect(rotated.stderr).toContain('keywarden import by-hand');
  expect(shown).toMatch(/^by-hand .* by hand, in \d+d/m);
});

test('a guided credential is given a key on standard input', async () => {
  const { value } = w.sandbox.admin.createStockflowKey();
  handed.push(value);
  const taken = await run(['import', 'by-hand'], { input: `${value}\n` });
  expect(taken).toMatchObject({ code: 0, stderr: '' });
  expect(taken.stdout).toMatch(
    /^by-hand: the key .* is accepted; it is version 2 and goes to every destination$/m,
  );
  expect(taken.stdout).toContain('keywarden retire by-hand VERSION');
  await daemon.line(/by-hand\.env#KEY has version 2/);
  expect(await readFile(join(w.directory, 'by-hand.env'), 'utf8')).toContain(value);
});

test('a key that is refused, and none at all, are told', async () => {
  const value = `sk_live_${'y'.repeat(24)}`;
  handed.push(value);
  const refused = await run(['import', 'by-hand'], { input: value });
  expect(refused).toMatchObject({ code: 4, stdout: '' });
  const none = await run(['import', 'by-hand']);
  expect(none).toMatchObject({
    code: 2,
    stderr: 'error: no key was given; give it on standard input: keywarden import by-hand < FILE\n',
  });
});

test('the old key of a guided credential is retired by a person', async () => {
  const [current, unknown] = await Promise.all([
    run(['retire', 'by-hand', '2']),
    run(['retire', 'by-hand', '9']),
  ]);
  expect(current).toMatchObject({ code: 4, stdout: '' });
  expect(unknown).toMatchObject({ code: 4, stderr: 'error: by-hand has no version 9\n' });
  const retired = await run(['retire', 'by-hand', '1']);
  expect(retired).toMatchObject({ code: 0, stderr: '' });
  expect(retired.stdout).toMatch(/^by-hand: version 1.* is retired$/m);
});

test('what is configured cannot be forgotten, and nothing is purged without a yes', async () => {
  const [configured, unasked] = await Promise.all([
    run(['forget', 'by-hand', '--yes']),
    run(['forget', 'by-hand']),
  ]);
  expect(configured).toMatchObject({ code: 4, stdout: '' });
  expect(unasked).toMatchObject({ code: 2, stdout: '' });
  expect(unasked.stderr).toContain('give --yes');
});

test.each([
  [['pause', 'frameflow-prd'], 'did you mean frameflow-prod?'],
  [['import', 'by-hnd'], 'did you mean by-hand?'],
  [['compromise', 'frameflow-spar'], 'did you mean frameflow-spare?'],
])('%j: a mistyped name exits with 4 and the nearest', async (args, hint) => {
  const { code, stdout, stderr } = await run(args, { input: 'sk_live_nothing' });
  expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  expect(stderr).toContain(hint);
});

test('once its lines are gone from the configuration a credential is parked', async () => {
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  const text = await readFile(w.config, 'utf8');
  await writeFile(w.config, text.replace(/^ {2}frameflow-spare: .*\n/m, ''));
  daemon = await w.daemon();
  const shown = await status();
  expect(shown).toMatch(/^frameflow-spare .*, parked/m);
  expect(shown).toContain('  frameflow-spare: what can be done: keywarden forget frameflow-spare\n');
});

test('a parked credential can be forgotten', async () => {
  const forgotten = await run(['forget', 'frameflow-spare', '--yes']);
  expect(forgotten).toMatchObject({ code: 0, stderr: '' });
  expect(forgotten.stdout).toMatch(/^frameflow-spare: purged; /);
  const [shown, again] = await Promise.all([status(), run(['forget', 'frameflow-spare', '--yes'])]);
  expect(shown).not.toMatch(/^frameflow-spare /m);
  expect(again.code).toBe(4);
});

test('no output and no log line shows a secret', () => {
  const all = [...outputs, daemon.output()].join('\n');
  for (const secret of [...w.secrets(), ...handed]) expect(all).not.toContain(secret);
});
