import { open } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { Command } from './command.ts';
import { callIn, takeCalls } from './testing.ts';

const PATIENT = { timeout: 15_000, grace: 15_000 };
const env = { PATH: process.env.PATH ?? '', KEYWARDEN_VERSION: '4' };

/** Runs JavaScript in a process of its own. */
const script = (code: string, args: readonly string[] = [], limits = PATIENT) =>
  new Command([process.execPath, '-e', code, ...args], env, limits);

describe('a command', () => {
  test('runs in / with an empty standard input and no other environment than it was given', async () => {
    const { ending, output } = await script(`
      const stdin = require('node:fs').readFileSync(0, 'utf8');
      process.stdout.write(JSON.stringify([process.cwd(), stdin, process.env.KEYWARDEN_VERSION, Object.keys(process.env)]));
    `).ended;
    expect(ending).toEqual({ how: 'exited', status: 0 });
    expect(JSON.parse(output.whole)).toEqual(['/', '', '4', ['PATH', 'KEYWARDEN_VERSION']]);
  });

  test('is read by no shell', async () => {
    const args = ['$HOME', '*', '; exit 3', '`id`', '"'];
    const { output } = await script('console.log(process.argv.slice(1).join(" "))', args).ended;
    expect(output.whole).toBe(args.join(' '));
  });

  test('inherits no file that Keywarden has open', async () => {
    await using file = await open(import.meta.filename);
    const { output } = await new Command(['ls', '-l', '/proc/self/fd'], env, PATIENT).ended;
    expect(file.fd).toBeGreaterThan(2);
    expect(output.whole).not.toContain(import.meta.filename);
  });

  test('ends with its status, and with all it said', async () => {
    const code = `process.stdout.write('x y\\n'.repeat(200_000), () => { console.error('no such unit'); process.exitCode = 7; })`;
    const { ending, output } = await script(code).ended;
    expect(ending).toEqual({ how: 'exited', status: 7 });
    expect(output.lastLines).toBe('no such unit');
    expect(Buffer.byteLength(output.whole)).toBeLessThanOrEqual(4096);
  });

  test('ends with the signal that somebody else sent', async () => {
    const { ending } = await script(`process.kill(process.pid, 'SIGKILL')`).ended;
    expect(ending).toEqual({ how: 'killed', signal: 'SIGKILL' });
  });

  test.each([
    ['nowhere-to-be-found', 'ENOENT'],
    ['/nowhere/to-be-found', 'ENOENT'],
    ['/', 'EACCES'],
    [import.meta.filename, 'EACCES'],
  ])('that is %s never runs: %s', async (command, errno) => {
    const { ending } = await new Command([command], env, PATIENT).ended;
    expect(ending).toEqual({ how: 'unstarted', errno });
  });

  test('with arguments that no system takes never runs', async () => {
    const { ending } = await new Command(['true', 'x'.repeat(4_000_000)], env, PATIENT).ended;
    expect(ending).toEqual({ how: 'unstarted', errno: 'E2BIG' });
  });
});

describe('at the timeout', () => {
  const FAMILY = `
    const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', ${JSON.stringify(callIn("'child'"))}, process.argv[1]], { stdio: 'inherit' });
  `;

  test('the whole group is stopped, what it started included', async () => {
    await using calls = await takeCalls();
    const command = script(`${FAMILY} console.log('half'); ${callIn("'parent'")}`, [calls.port]);
    const callers = [await calls.next(), await calls.next()];
    command.stop('timeout');
    const { ending, output } = await command.ended;
    expect(ending).toEqual({ how: 'stopped', why: 'timeout' });
    expect(output.whole).toBe('half');
    expect(callers.map(({ said }) => said).toSorted()).toEqual(['child', 'parent']);
    await Promise.all(callers.map(({ gone }) => gone));
  });

  test('it comes by itself', async () => {
    const { ending } = await script('setTimeout(() => {}, 60_000)', [], { ...PATIENT, timeout: 1 }).ended;
    expect(ending).toEqual({ how: 'stopped', why: 'timeout' });
  });

  test('who ignores SIGTERM is killed after the grace', async () => {
    await using calls = await takeCalls();
    const stubborn = `process.on('SIGTERM', () => console.log('ignored')); ${callIn("'ready'")}`;
    const command = script(stubborn, [calls.port], { timeout: 15_000, grace: 100 });
    const { gone } = await calls.next();
    command.stop('timeout');
    const { ending } = await command.ended;
    expect(ending).toEqual({ how: 'stopped', why: 'timeout' });
    await gone;
  });

  test('who cleans up at SIGTERM has the time for it, and counts as stopped all the same', async () => {
    await using calls = await takeCalls();
    const tidy = `process.on('SIGTERM', () => { console.log('cleaned up'); process.exit(0); }); ${callIn("'ready'")}`;
    const command = script(tidy, [calls.port]);
    await calls.next();
    command.stop('timeout');
    const { ending, output } = await command.ended;
    expect(ending).toEqual({ how: 'stopped', why: 'timeout' });
    expect(output.whole).toBe('cleaned up');
  });

  test('a child that outlives its parent and holds no output is killed too', async () => {
    await using calls = await takeCalls();
    const child = `process.on('SIGTERM', () => {}); ${callIn("'child'")}`;
    const family = `
      const { spawn } = require('node:child_process');
      spawn(process.execPath, ['-e', ${JSON.stringify(child)}, process.argv[1]], { stdio: 'ignore' });
      setTimeout(() => {}, 60_000);
    `;
    const command = script(family, [calls.port]);
    const { gone } = await calls.next();
    command.stop('timeout');
    await command.ended;
    await gone;
  });
});

describe('what a command leaves running', () => {
  const LEAVES = `
    const { spawn } = require('node:child_process');
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(callIn('String(process.pid)'))}, process.argv[1]], { stdio: 'inherit' });
    child.on('spawn', () => { console.log('started'); process.exit(0); });
  `;

  test('goes on, though it holds the output open, and nobody waits for it', async () => {
    await using calls = await takeCalls();
    const command = script(LEAVES, [calls.port]);
    const { said, gone } = await calls.next();
    const { ending, output } = await command.ended;
    command.stop('closed');
    expect([ending, output.whole]).toEqual([{ how: 'exited', status: 0 }, 'started']);
    expect(process.kill(Number(said), 0)).toBe(true);
    process.kill(Number(said), 'SIGKILL');
    await gone;
  });
});
