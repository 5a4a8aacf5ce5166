import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventOf, failureOf, hookContract, testContext } from '../contract.suite.ts';
import { saidIn } from '../failed.ts';
import { create } from './adapter.ts';
import { schema } from './schema.ts';
import { callIn, callInAndEnd, takeCalls } from './testing.ts';

const PLANTED = 'ff_live_PlantedInTheEnvironment';

beforeEach(() => {
  process.env.KEYWARDEN_PLANTED = PLANTED;
});
afterEach(() => {
  delete process.env.KEYWARDEN_PLANTED;
});

/** A hook that runs JavaScript in a process of its own. */
function hookOf(code: string, args: readonly string[] = [], timeout = '15s') {
  const config = schema.parse({ exec: [process.execPath, '-e', code, ...args], timeout });
  const { context, text } = testContext(config);
  return { hook: create(context), logged: text };
}

hookContract('a command', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-hook-'));
  const broken = join(folder, 'broken');
  const calls = await takeCalls();
  let count = 0;
  const code = `
    if (require('node:fs').existsSync(process.argv[2])) {
      console.log('password=hunter2secret');
      console.error('key ${PLANTED}\\nrefused');
      process.exit(3);
    }
    ${callInAndEnd("'ran'")};
  `;
  const { hook, logged } = hookOf(code, [calls.port, broken]);
  return {
    hook,
    logged,
    planted: [PLANTED, 'hunter2secret'],
    fail: () => writeFile(broken, ''),
    async noticed(wanted) {
      for (; count < wanted; count += 1) expect((await calls.next()).said).toBe('ran');
    },
    async end() {
      await calls[Symbol.asyncDispose]();
      await rm(folder, { recursive: true });
    },
  };
});

describe('a command', () => {
  const TELL = callInAndEnd('JSON.stringify(process.env)');

  async function toldWith(keyId: string | null): Promise<Record<string, string>> {
    await using calls = await takeCalls();
    const event = eventOf(4);
    const { hook } = hookOf(TELL, [calls.port]);
    const run = hook.run({ ...event, mark: { ...event.mark, keyId } });
    const { said } = await calls.next();
    await run;
    return JSON.parse(said);
  }

  test('is told what was published where, and nothing else but PATH, HOME and LANG', async () => {
    process.env.LANG ??= 'C.UTF-8';
    expect(await toldWith('key_4')).toEqual({
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      LANG: process.env.LANG,
      KEYWARDEN_CREDENTIAL: 'frameflow-prod',
      KEYWARDEN_DESTINATION: 'file:/run/app/.env#FRAMEFLOW_API_KEY',
      KEYWARDEN_VERSION: '4',
      KEYWARDEN_KEY_ID: 'key_4',
    });
  });

  test('finds no KEYWARDEN_KEY_ID where the id is not known', async () => {
    expect(await toldWith(null)).not.toHaveProperty('KEYWARDEN_KEY_ID');
  });

  test('that fails is quoted by its last lines, redacted, and leaves its output to whoever logs that', async () => {
    const { hook, logged } = hookOf(
      `console.log('one'); console.error('two\\nBearer abc\\nfour'); process.exit(3)`,
    );
    const error = await failureOf(hook.run(eventOf()));
    expect(error.failure).toEqual({
      code: 'hook_failed',
      verdict: 'unknown',
      message: `the onChange command ${process.execPath} ended with exit status 3; it said: two | Bearer [redacted] | four`,
    });
    expect(saidIn(error)).toEqual({ output: 'one\ntwo\nBearer [redacted]\nfour' });
    expect(logged()).toBe('');
  });

  test('that says nothing is not quoted', async () => {
    const { hook } = hookOf(`process.kill(process.pid, 'SIGKILL')`);
    const error = await failureOf(hook.run(eventOf()));
    expect(error.message).toBe(
      `the onChange command ${process.execPath} was ended by SIGKILL, which Keywarden did not send`,
    );
    expect(saidIn(error)).toEqual({});
  });

  test('that takes too long is stopped, and may have done its work', async () => {
    const { hook } = hookOf('setTimeout(() => {}, 60_000)', [], '300ms');
    const { failure } = await failureOf(hook.run(eventOf()));
    expect(failure).toMatchObject({ code: 'hook_failed', verdict: 'unknown' });
    expect(failure.message).toContain('still running after 300ms');
  });

  test.each([
    ['nowhere-to-be-found', 'was not found'],
    [import.meta.filename, 'may not be executed (EACCES)'],
  ])('%s can never run: it %s', async (command, what) => {
    const hook = create(testContext(schema.parse({ exec: [command, 'argument'] })).context);
    const { failure } = await failureOf(hook.run(eventOf()));
    expect(failure).toMatchObject({ code: 'hook_failed', verdict: 'permanent' });
    expect(failure.message).toContain(`the onChange command ${command} ${what}`);
    expect(failure.message).not.toContain('argument');
  });

  test('that runs when the hook is closed is stopped, and its run fails', async () => {
    await using calls = await takeCalls();
    const { hook } = hookOf(callIn("'ready'"), [calls.port]);
    const failed = failureOf(hook.run(eventOf()));
    const { gone } = await calls.next();
    await hook.close();
    expect((await failed).failure).toMatchObject({ code: 'closed', verdict: 'unknown' });
    await gone;
  });

  test('runs for several events at once', async () => {
    await using calls = await takeCalls();
    const { hook } = hookOf(callInAndEnd('process.env.KEYWARDEN_VERSION'), [calls.port]);
    const runs = Promise.all([1, 2, 3, 4].map((number) => hook.run(eventOf(number))));
    const said = [await calls.next(), await calls.next(), await calls.next(), await calls.next()];
    await runs;
    expect(said.map((each) => each.said).toSorted()).toEqual(['1', '2', '3', '4']);
  });
});

describe('the configuration of a command', () => {
  test('waits 30 s where nothing else is said', () => {
    expect(schema.parse({ exec: ['systemctl', 'reload', 'footage'] })).toEqual({
      exec: ['systemctl', 'reload', 'footage'],
      timeout: 30_000,
    });
  });

  test.each([
    [{ exec: [] }, 'exec'],
    [{ exec: 'reload' }, 'exec'],
    [{ exec: ['./reload.sh'] }, 'exec.0'],
    [{ exec: ['bin/reload'] }, 'exec.0'],
    [{ exec: ['reload', 'a\0b'] }, 'exec.1'],
    [{ exec: ['reload'], timeout: '0s' }, 'timeout'],
    [{ exec: ['reload'], timeout: '2h' }, 'timeout'],
    [{ exec: ['reload'], shell: true }, ''],
  ])('%j is refused', (config, path) => {
    const { error } = schema.safeParse(config);
    expect(error?.issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});
