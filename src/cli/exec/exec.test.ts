import { constants } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { constants as systemConstants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { CliOptions, Ended, Running } from '../testing/cli.ts';
import { type World, world } from '../testing/world.ts';

/*
 * One daemon, and commands that live beside it: the rotations of one test are the past of the next.
 */

const NAME = 'frameflow-prod';
const PATIENCE = { timeout: 30_000, interval: 10 };

/** Says what it was started with and what it hears; ends at SIGTERM unless it is stubborn. */
const PROGRAM = `
const say = (...words) => process.stdout.write(words.join(' ') + '\\n');
const stubborn = process.argv.includes('stubborn');
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'])
  process.on(signal, () => {
    say('heard', signal);
    if (signal === 'SIGTERM' && !stubborn) process.exit(0);
  });
// Where a test fails, nobody ends it.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(9), 500);
say('up', process.env.API_KEY, process.pid, Date.now());
`;

let w: World;
let daemon: Running;
let program: string;

beforeAll(async () => {
  w = await world();
  program = join(w.directory, 'program.cjs');
  await writeFile(program, PROGRAM);
  daemon = await w.daemon();
  await daemon.line(/app\.env#FRAMEFLOW_API_KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

/** As an application has it: an address, and a token that reads one credential. */
const remote = () => ({
  KEYWARDEN_URL: `unix:${join(w.directory, 'kw.sock')}`,
  KEYWARDEN_TOKEN: w.env.APP_TOKEN ?? '',
  FRAMEFLOW_API_KEY: '',
});

const launch = (args: readonly string[], env: CliOptions['env'] = {}) =>
  w.start(['exec', ...args], { env: { ...remote(), ...env } });
const run = (args: readonly string[], env: CliOptions['env'] = {}): Promise<Ended> => launch(args, env).ended;
const shell = (script: string) => [`API_KEY=${NAME}`, '--', 'sh', '-c', script];
const application = (...more: readonly string[]) => [
  `API_KEY=${NAME}`,
  '--',
  process.execPath,
  program,
  ...more,
];
/** The second key is the other credential's. */
const newest = () =>
  w.sandbox.frameflow
    .keys()
    .filter((_, index) => index !== 1)
    .at(-1)?.value ?? '';
const starts = (command: Running) =>
  command
    .output()
    .split('\n')
    .filter((line) => line.startsWith('up '))
    .map((line) => line.split(' '));

/** Once every destination has the new key, so that it is the current one. */
async function rotate(): Promise<void> {
  const { code, stdout, stderr } = await w.cli(['rotate', NAME, '--emergency', '--wait']);
  expect(code, stdout + stderr).toBe(0);
}

describe('the environment', () => {
  test('holds the secret in its variable, the caller’s own variables, and no token', async () => {
    const more = { MINE: 'kept', COPY: w.env.APP_TOKEN ?? '', KEYWARDEN_MASTER_KEY: 'of-the-daemon' };
    const { code, stdout, stderr } = await run(shell('env'), more);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const env = Object.fromEntries(stdout.split('\n').map((line) => line.split('=', 2)));
    expect(env).toMatchObject({ API_KEY: newest(), MINE: 'kept', KEYWARDEN_URL: remote().KEYWARDEN_URL });
    expect(env).not.toHaveProperty('KEYWARDEN_TOKEN');
    expect(stdout).not.toContain(w.env.APP_TOKEN);
    expect(stdout).not.toContain('of-the-daemon');
  });

  test('holds no token either that was found by the configuration', async () => {
    const found = await run(shell('env'), { KEYWARDEN_URL: '', KEYWARDEN_TOKEN: '' });
    expect(found).toMatchObject({ code: 0, stderr: '' });
    expect(found.stdout).toContain(`API_KEY=${newest()}`);
    expect(found.stdout).not.toContain(w.env.KEYWARDEN_ADMIN_TOKEN);
  });

  test('is the only place: no argument of any of the processes shows the secret', async () => {
    const command = launch(application());
    const [, , pid = ''] = (await command.line(/^up /)).split(' ');
    const lines = await Promise.all(
      [pid, String(command.pid)].map((each) => readFile(`/proc/${each}/cmdline`, 'utf8')),
    ).catch(() => []);
    for (const line of lines) expect(line).not.toContain(newest());
    command.child.kill('SIGTERM');
    expect((await command.ended).stderr).toBe('');
  });
});

describe('the end', () => {
  test.each([
    ['exit 0', { code: 0, signal: null }],
    ['exit 7', { code: 7, signal: null }],
    ['kill -TERM $$', { code: null, signal: 'SIGTERM' }],
    ['kill -KILL $$', { code: null, signal: 'SIGKILL' }],
    ['kill -USR1 $$', { code: 128 + systemConstants.signals.SIGUSR1, signal: null }],
    ['ulimit -c 0; kill -SEGV $$', { code: 128 + systemConstants.signals.SIGSEGV, signal: null }],
  ])('of the command is its own: %s', async (script, ending) => {
    expect(await run(shell(script))).toMatchObject({ ...ending, stderr: '' });
  });

  test('is 127 where there is no such command, and 126 where it cannot be executed', async () => {
    const [missing, barred] = await Promise.all([
      run([`API_KEY=${NAME}`, '--', 'no-such-command-9']),
      run([`API_KEY=${NAME}`, '--', program]),
    ]);
    expect(missing).toMatchObject({ code: 127, stdout: '' });
    expect(missing.stderr).toMatch(/^keywarden exec: no-such-command-9: there is no such command/);
    expect(barred).toMatchObject({ code: 126, stdout: '' });
    expect(barred.stderr).toMatch(/^keywarden exec: .*program\.cjs: it may not be executed\n$/);
  });

  test('is 2 where it is not said what to do, and the cure is shown', async () => {
    const [none, bare, twice, long] = await Promise.all([
      run([`API_KEY=${NAME}`, 'node', program, '--port', '1']),
      run(['--', 'true']),
      run(['--restart', '--signal', 'HUP', ...application()]),
      run(['--restart', '--grace', '30d', ...application()]),
    ]);
    expect(none).toMatchObject({ code: 2, stdout: '' });
    expect(none.stderr).toMatch(
      /^error: the command stands behind `--`, which is missing\n {2}keywarden exec /,
    );
    expect(bare.code).toBe(2);
    expect(long).toMatchObject({ code: 2, stdout: '' });
    expect(long.stderr).toContain('Expected a duration of at most 24h');
    expect(twice.stderr).toContain("option '--restart' cannot be used with option '--signal <signal>'");
  });

  test('is 4 where the credential is unknown, or not for this token', async () => {
    const token = { KEYWARDEN_TOKEN: w.env.KEYWARDEN_ADMIN_TOKEN ?? '' };
    const [unknown, barred] = await Promise.all([
      run(['API_KEY=frameflow-prd', '--', 'true'], token),
      run(['API_KEY=frameflow-spare', '--', 'true']),
    ]);
    expect(unknown.code).toBe(4);
    expect(unknown.stderr).toContain('did you mean frameflow-prod?');
    expect(barred.code).toBe(4);
  });

  test('is 3 where no daemon answers within --wait, and the command is never started', async () => {
    const nowhere = { KEYWARDEN_URL: `unix:${join(w.directory, 'nowhere.sock')}` };
    const [once, often] = await Promise.all([
      run(['--wait', '0s', ...shell('echo started')], nowhere),
      run(['--wait', '2s', ...shell('echo started')], nowhere),
    ]);
    expect(once).toMatchObject({ code: 3, stdout: '' });
    expect(once.stderr).toMatch(/^error: the daemon cannot be reached at unix:.*nowhere\.sock: /);
    expect(often).toMatchObject({ code: 3, stdout: '' });
    expect(often.stderr).toMatch(
      /^keywarden exec: the daemon cannot .*; tried again for 2 s \(--wait\)\nerror: /,
    );
  });

  test('while a daemon is waited for is that of the signal', async () => {
    const nowhere = { KEYWARDEN_URL: `unix:${join(w.directory, 'nowhere.sock')}` };
    const command = launch(shell('echo started'), nowhere);
    await command.line(/tried again for/);
    command.child.kill('SIGUSR1');
    command.child.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ signal: 'SIGTERM', stdout: '' });
  });
});

test('every signal is passed on, a second SIGINT too', async () => {
  const command = launch(application('stubborn'));
  const [, , pid = ''] = (await command.line(/^up /)).split(' ');
  const heard = () => command.output().match(/(?<=heard )\w+/g) ?? [];
  const sent = [
    'SIGINT',
    'SIGHUP',
    'SIGQUIT',
    'SIGUSR1',
    'SIGUSR2',
    'SIGWINCH',
    'SIGTERM',
    'SIGINT',
  ] as const;
  for (const [index, signal] of sent.entries()) {
    command.child.kill(signal);
    await vi.waitUntil(() => heard().length === index + 1, PATIENCE);
  }
  expect(heard()).toEqual(sent);
  process.kill(Number(pid), 'SIGKILL');
  expect(await command.ended).toMatchObject({ signal: 'SIGKILL', stderr: '' });
});

test('--restart waits for the new version to be verified, then starts the command with it, once', async () => {
  const command = launch(['--restart', ...application()]);
  await command.line(/^up /);
  const before = newest();
  const fault = { kind: 'status', status: 503 } as const;
  w.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', times: 0, fault });
  expect((await w.cli(['rotate', NAME, '--emergency'])).code).toBe(0);
  await vi.waitUntil(() => newest() !== before, PATIENCE);
  const { stdout } = await w.cli(['status', '--json']);
  expect(stdout).toContain('"pending"');
  expect((await w.cli(['get', NAME])).stdout).toBe(before);
  expect(starts(command).map(([, value]) => value)).toEqual([before]);

  w.sandbox.admin.clearFaults();
  await command.line(new RegExp(`^up ${newest()}`));
  expect(starts(command).map(([, value]) => value)).toEqual([before, newest()]);
  command.child.kill('SIGTERM');
  const { code, stderr } = await command.ended;
  expect(code).toBe(0);
  expect(stderr).toMatch(/^keywarden exec: frameflow-prod has a new version, \d+: .*node is started anew\n$/);
});

test('--signal tells the command; without either it goes on, and a line says that there is a new version', async () => {
  const told = launch(['--signal', 'HUP', ...application()]);
  const left = launch(application());
  await Promise.all([told.line(/^up /), left.line(/^up /)]);
  await rotate();
  await told.line(/^heard SIGHUP$/);
  await left.line(
    /^keywarden exec: frameflow-prod has a new version, \d+: .*node goes on with the value it has$/,
  );
  for (const command of [told, left]) {
    expect(starts(command)).toHaveLength(1);
    command.child.kill('SIGTERM');
    expect((await command.ended).stderr.split('\n')).toHaveLength(2);
  }
  expect(left.output()).not.toContain('heard SIGHUP');
});

test('the command’s pipes block, as programs expect of them, also once something was said', async () => {
  const flags = 'cat /proc/$$/fdinfo/1 /proc/$$/fdinfo/2 || echo flags: 01';
  const script = `trap '${flags}; exit' HUP; echo up; while :; do sleep 0.1; done`;
  const command = launch(['--signal', 'HUP', ...shell(script)]);
  await command.line(/^up$/);
  await rotate();
  const { stdout } = await command.ended;
  const found = [...stdout.matchAll(/flags:\s+(\d+)/g)].map(([, octal = '']) => Number.parseInt(octal, 8));
  expect(found.map((each) => each & constants.O_NONBLOCK)).toEqual(found.map(() => 0));
  expect(found).not.toEqual([]);
});

test('--restart ends what does not stop after --grace, by --stop-signal first', async () => {
  const command = launch(['--restart', '--stop-signal', 'SIGUSR2', '--grace', '200ms', ...application()]);
  const [, , first = ''] = (await command.line(/^up /)).split(' ');
  await rotate();
  await command.line(new RegExp(`^up ${newest()}`));
  expect(command.output()).toContain('heard SIGUSR2');
  expect(() => process.kill(Number(first), 0)).toThrow('ESRCH');
  command.child.kill('SIGTERM');
  expect(await command.ended).toMatchObject({ code: 0 });
});

test('a command that ends by itself is not started again, and one that was told to end neither', async () => {
  const own = launch(['--restart', ...shell('echo up; read never; exit 5')]);
  const told = launch(['--restart', ...application('stubborn')]);
  expect(await own.ended).toMatchObject({ code: 5, stdout: 'up\n' });
  const [, , pid = ''] = (await told.line(/^up /)).split(' ');
  told.child.kill('SIGTERM');
  await told.line(/^heard SIGTERM/);
  await rotate();
  await told.line(/has a new version, \d+: .* goes on with the value it has$/);
  process.kill(Number(pid), 'SIGKILL');
  expect(await told.ended).toMatchObject({ signal: 'SIGKILL' });
  expect(starts(told)).toHaveLength(1);
});

test('three replicas with --stagger start anew one after another, a slot between them', async () => {
  const spacing = 1_000;
  const args = ['--restart', '--stagger', '1s', '--stagger-directory', join(w.directory, 'slots')];
  const replicas = Array.from({ length: 3 }, () => launch([...args, ...application()]));
  await Promise.all(replicas.map((each) => each.line(/^up /)));
  const slot = Math.floor(Date.now() / spacing);
  await rotate();
  await Promise.all(replicas.map((each) => each.line(new RegExp(`^up ${newest()}`))));
  const times = replicas.map((each) => Number(starts(each)[1]?.[3])).toSorted((a, b) => a - b);
  // Timers may be early by a millisecond.
  for (const [index, at] of times.entries()) expect(at).toBeGreaterThan((slot + 1 + index) * spacing - 5);
  for (const each of replicas) {
    each.child.kill('SIGTERM');
    expect(await each.ended).toMatchObject({ code: 0 });
  }
});

test('a daemon that is away stops no command, and what came meanwhile is made up for', async () => {
  const command = launch(['--restart', ...application()]);
  await command.line(/^up /);
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  await command.line(
    /^keywarden exec: the daemon cannot be reached at .*; the command goes on with the value it has$/,
  );
  const early = launch(['--restart', ...application()]);
  await early.line(/tried again for 60 s \(--wait\)/);
  expect(starts(early)).toEqual([]);

  daemon = await w.daemon();
  await command.line(/^keywarden exec: the daemon answers again$/);
  await early.line(/^up /);
  expect(starts(command)).toHaveLength(1);
  await rotate();
  for (const each of [command, early]) {
    await each.line(new RegExp(`^up ${newest()}`));
    each.child.kill('SIGTERM');
    expect(await each.ended).toMatchObject({ code: 0 });
  }
  expect(command.output().match(/cannot be reached/g)).toHaveLength(1);
});
