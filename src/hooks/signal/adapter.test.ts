import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventOf, failureOf, hookContract, testContext } from '../contract.suite.ts';
import { create, unsent } from './adapter.ts';
import { foreignOwner } from './owner.ts';
import { type SignalConfig, schema } from './schema.ts';

const PLANTED = 'ff_live_PlantedInTheFile';

/** A real program that says which signals it got. */
class Program {
  readonly child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(...signals: readonly string[]) {
    const code = `
      for (const signal of ${JSON.stringify(signals)}) process.on(signal, () => console.log(signal));
      setTimeout(() => {}, 60_000);
      console.log('ready');
    `;
    this.child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.child.stdout === null) throw new TypeError('the program has no standard output');
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  get pid(): string {
    return String(this.child.pid);
  }

  async says(): Promise<string> {
    return String((await this.#lines.next()).value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }
}

async function started(...signals: readonly string[]): Promise<Program> {
  const program = new Program(...signals);
  expect(await program.says()).toBe('ready');
  return program;
}

/** The id of a process that is there no more. */
async function endedPid(): Promise<string> {
  await using program = await started();
  return program.pid;
}

hookContract('a signal', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-hook-'));
  const pidFile = join(folder, 'app.pid');
  const program = await started('SIGHUP');
  await writeFile(pidFile, `${program.pid}\n`);
  const { context, text } = testContext(schema.parse({ signal: 'SIGHUP', pidFile }));
  let count = 0;
  return {
    hook: create(context),
    logged: text,
    planted: [PLANTED],
    fail: () => writeFile(pidFile, `${PLANTED}\n`),
    async noticed(wanted) {
      for (; count < wanted; count += 1) expect(await program.says()).toBe('SIGHUP');
    },
    async end() {
      await program[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
});

describe('a signal', () => {
  let folder: string;
  let pidFile: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywarden-hook-'));
    pidFile = join(folder, 'app.pid');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const hookOf = (more: Partial<SignalConfig> = {}) =>
    create(testContext(schema.parse({ signal: 'SIGUSR2', pidFile, ...more })).context);
  const failing = async () => (await failureOf(hookOf().run(eventOf()))).failure;

  test.each(['SIGHUP', 'SIGUSR2', 'SIGWINCH'] as const)('%s arrives as it was named', async (signal) => {
    await using program = await started('SIGHUP', 'SIGUSR2', 'SIGWINCH');
    await writeFile(pidFile, program.pid);
    await hookOf({ signal }).run(eventOf());
    expect(await program.says()).toBe(signal);
  });

  test('goes to the process that the file names at that moment', async () => {
    await using first = await started('SIGUSR2');
    await using second = await started('SIGUSR2');
    const hook = hookOf();
    await writeFile(pidFile, first.pid);
    await hook.run(eventOf(1));
    expect(await first.says()).toBe('SIGUSR2');
    await writeFile(pidFile, second.pid);
    await hook.run(eventOf(2));
    expect(await second.says()).toBe('SIGUSR2');
  });

  test('finds no file: the program may be starting', async () => {
    expect(await failing()).toMatchObject({ code: 'no_pid_file', verdict: 'retryable' });
    await writeFile(pidFile, '');
    expect(await failing()).toMatchObject({ code: 'empty_pid_file', verdict: 'retryable' });
  });

  test('finds a process that has ended', async () => {
    const pid = await endedPid();
    await writeFile(pidFile, pid);
    const failure = await failing();
    expect(failure).toMatchObject({ code: 'no_process', verdict: 'retryable' });
    expect(failure.message).toBe(
      `SIGUSR2 could not be sent to process ${pid}, which ${pidFile} names: there is no such process; start the program`,
    );
  });

  test('has no right to a process of another user', () => {
    const config = schema.parse({ signal: 'SIGHUP', pidFile: '/run/app.pid' });
    const refused = Object.assign(new Error('kill EPERM'), { code: 'EPERM' });
    expect(unsent(refused, config, 812).failure).toMatchObject({ code: 'no_right', verdict: 'permanent' });
  });

  test.each(['0', '1', '-1', `-${process.pid}`, String(process.pid), 'a number', '2 3'])(
    'is sent to nobody where the file holds %j',
    async (text) => {
      await writeFile(pidFile, `${text}\n`);
      expect(await failing()).toMatchObject({ code: 'bad_pid_file', verdict: 'permanent' });
    },
  );

  test('is sent to nobody where everybody can write the file', async () => {
    await using program = await started('SIGUSR2');
    await writeFile(pidFile, program.pid);
    await chmod(pidFile, 0o666);
    expect(await failing()).toMatchObject({ code: 'open_pid_file', verdict: 'permanent' });
  });

  test('is sent to nobody where the file is a link or a folder', async () => {
    await writeFile(join(folder, 'real.pid'), String(process.ppid));
    await symlink(join(folder, 'real.pid'), pidFile);
    expect(await failing()).toMatchObject({ code: 'symlink', verdict: 'permanent' });
    pidFile = folder;
    expect(await failing()).toMatchObject({ code: 'not_a_file', verdict: 'permanent' });
  });
});

describe('a pid file of another user than Keywarden or root', () => {
  /** A user that this test does not run as. */
  const STRANGER = (process.getuid?.() ?? 0) + 4_000;

  function runWith(program: Program, uid: number): Promise<void> {
    const config = schema.parse({ signal: 'SIGUSR2', pidFile: '/run/app.pid' });
    const { context } = testContext(config);
    const file = { content: Buffer.from(program.pid), mode: 0o644, uid, gid: uid, foreign: true };
    return create({ ...context, files: { ...context.files, read: async () => file } }).run(eventOf());
  }

  test('names no process of Keywarden or anybody else', async () => {
    await using program = await started('SIGUSR2');
    const { failure } = await failureOf(runWith(program, STRANGER));
    expect(failure).toMatchObject({ code: 'foreign_process', verdict: 'permanent' });
    expect(failure.message).toContain(`belongs to user ${STRANGER}`);
  });

  test.each([0, process.getuid?.() ?? 0])('is none of root or of Keywarden (%i)', async (uid) => {
    await using program = await started('SIGUSR2');
    await runWith(program, uid);
    expect(await program.says()).toBe('SIGUSR2');
  });

  test('that names a process which is gone leaves the verdict to the signal', async () => {
    expect(await foreignOwner(Number(await endedPid()), STRANGER)).toBeNull();
  });
});

test.each([
  { signal: 'SIGKILL', pidFile: '/run/app.pid' },
  { signal: 'HUP', pidFile: '/run/app.pid' },
  { signal: 'SIGHUP', pidFile: '' },
  { signal: 'SIGHUP' },
  { signal: 'SIGHUP', pidFile: '/run/app.pid', timeout: '1s' },
])('%j is no configuration of a signal', (config) => {
  expect(schema.safeParse(config).success).toBe(false);
});
