import { copyFile, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { BIN, cli, start } from './testing/cli.ts';
import { VERSION } from './version.ts';

const OLD_NODE = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})`;

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('the version is the package’s', async () => {
  const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  expect(VERSION).toBe(manifest.version);
  expect(await cli(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
});

test('help names every command, and help of a command its options', async () => {
  const [all, one] = await Promise.all([cli(['help']), cli(['help', 'rotate'])]);
  expect(all).toMatchObject({ code: 0, stderr: '' });
  const named = [...all.stdout.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name);
  expect(named).toEqual([
    ...['run', 'init', 'keygen', 'check', 'schema', 'agent', 'sync', 'demo', 'sandbox', 'status'],
    ...['rotate', 'rotation', 'rollback', 'pause', 'resume'],
    ...['adopt', 'import', 'retire', 'compromise', 'forget', 'get', 'history'],
    ...['login', 'token', 'grants', 'exec', 'alerts', 'incident', 'audit', 'backtest', 'help'],
  ]);
  expect(one.code).toBe(0);
  for (const option of ['--reason', '--emergency', '--dry-run', '--wait', '--config', '--url', '--json']) {
    expect(one.stdout).toContain(option);
  }
});

test('without a command the usage is shown on standard error, and the exit code is 2', async () => {
  const { code, stdout, stderr } = await cli([]);
  expect(code).toBe(2);
  expect(stdout).toBe('');
  expect(stderr).toContain('Usage: keywarden');
});

test.each([
  [['stauts'], "unknown command 'stauts'\n(Did you mean status?)"],
  [['alerts', 'lst'], "unknown command 'lst'\n(Did you mean list?)"],
  [['run', '--confg', 'x'], "unknown option '--confg'\n(Did you mean --config?)"],
  [['rotate'], "missing required argument 'name'"],
  [['get', 'a', 'b'], "too many arguments for 'get'"],
  [['rotate', 'a', '--dry-run', '--wait'], "option '--dry-run' cannot be used with option '--wait'"],
  [['pause'], "missing required argument 'name'"],
  [['pause', 'a', '--until', 'soon'], '--until: expected a duration such as 12h, or a time with its zone'],
  [['rollback', 'a', '--until', '2026-10-01'], '--until: expected a duration such as 12h, or a time'],
  [['retire', 'a'], "missing required argument 'version'"],
  [['rotation', 'a'], "missing required argument 'way'"],
  [['rotation', 'a', 'retyr'], "'retyr' is invalid for argument 'way'. Allowed choices are retry, abandon."],
  [['history', '--limit', '0'], 'Expected a whole number from 1 to 500.'],
  [['demo', '--for', 'soon'], '--for: expected a duration such as 60s or 5m'],
  [['login', 'app'], "required option '--subject <id>' not specified"],
  [
    ['login', 'app', '--subject', 'a', '--timeout', '2h'],
    'Expected a duration of at most 1h, such as 90s or 5m.',
  ],
  [['token', 'app'], "required option '--subject <id>' not specified"],
  [['grants', 'app'], "missing required argument 'action'"],
  [
    ['grants', 'app', 'lst'],
    "'lst' is invalid for argument 'action'. Allowed choices are list, import, forget.",
  ],
  [['grants', 'app', 'import'], 'name the file: `keywarden grants app import FILE`, or - for standard input'],
  [['grants', 'app', 'forget'], 'name the user: `keywarden grants app forget --subject ID`'],
  [['grants', 'app', 'list', 'x.ndjson'], 'list takes no file: "x.ndjson"'],
  [['grants', 'app', 'list', '--subject', 'a'], '--subject has no meaning beside list'],
  [['alerts', 'test'], 'name one channel, or give --all'],
  [['audit', 'verify', '--accept'], '--accept and --reason belong together'],
  [['status', '--url', 'ftp://x'], 'no token for ftp://x: give --token-file FILE or set $KEYWARDEN_TOKEN'],
] as const)('%j is a usage error with its cure', async (args, message) => {
  const { code, stdout, stderr } = await cli(args);
  expect(stderr).toContain(message);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

test('keygen prints 32 bytes in base64, never the same', async () => {
  const [one, two] = await Promise.all([cli(['keygen']), cli(['keygen'])]);
  expect(one).toMatchObject({ code: 0, stderr: '' });
  expect(Buffer.from(one.stdout.trimEnd(), 'base64')).toHaveLength(32);
  expect(one.stdout).not.toBe(two.stdout);
});

test('a reader that has had enough is no fault', async () => {
  const command = start(['schema']);
  command.child.stdout?.destroy();
  expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
});

test('schema prints the schema that is in the repository', async () => {
  const { code, stdout } = await cli(['schema']);
  const kept = await readFile(new URL('../../config/keywarden.schema.json', import.meta.url), 'utf8');
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual(JSON.parse(kept));
});

test('it works through a link, from any folder', async () => {
  const cwd = await folder();
  const bin = join(cwd, 'keywarden');
  await symlink(BIN, bin);
  expect(await cli(['--version'], { cwd, bin })).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
});

test('started by a Node that is too old it hands over to the one of the checkout, exit code and all', async () => {
  const old = (args: readonly string[]) => cli(args, { node: ['--import', OLD_NODE] });
  const [fine, wrong] = await Promise.all([old(['--version']), old(['nonsense'])]);
  expect(fine).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
  expect(wrong.code).toBe(2);
});

test('signals reach the command behind such a hand-over, and its ending is ours', async () => {
  const sandbox = start(['sandbox'], { node: ['--import', OLD_NODE] });
  await sandbox.line(/keywarden run --config/);
  sandbox.child.kill('SIGTERM');
  expect(await sandbox.ended).toMatchObject({ code: 0, signal: null });
});

test('without such a Node it says what is needed', async () => {
  const cwd = await folder();
  const bin = join(cwd, 'keywarden.mjs');
  await copyFile(BIN, bin);
  const { code, stderr } = await cli(['--version'], { bin, node: ['--import', OLD_NODE] });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^keywarden needs Node 24\.15 or later; this is v/);
});

test('of all warnings only the one of an experimental SQLite is dropped', async () => {
  const emit = (text: string) => `process.emitWarning(${JSON.stringify(text)},"ExperimentalWarning")`;
  const both = `${emit('SQLite is an experimental feature and might change at any time')};${emit('Other thing')}`;
  const later = `data:text/javascript,process.once("beforeExit",()=>{${both}})`;
  const { stderr } = await cli(['keygen'], { node: ['--import', later] });
  expect(stderr).toContain('ExperimentalWarning: Other thing');
  expect(stderr).not.toContain('SQLite');
});

test('output is coloured for nobody but a terminal', async () => {
  const { stdout } = await cli(['status', '--help'], { env: { FORCE_COLOR: '1' } });
  expect(stdout).not.toContain('\u001b[');
});
