import { readFile, rm, unlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type AgentWorld, agentWorld, deadAddress, later, PATIENCE } from '../support/agents.ts';

let w: AgentWorld;
beforeEach(async () => {
  w = await agentWorld();
});

/** Every story ends with the hunt for secrets: none stands in a log or in what an agent keeps. */
afterEach(async () => {
  const leaks = await w.leaks();
  await w[Symbol.asyncDispose]();
  expect(leaks).toEqual([]);
});

describe('the hook of a file', () => {
  const hook = () =>
    `, onChange: { exec: [sh, -c, 'echo "$KEYWARDEN_CREDENTIAL $KEYWARDEN_VERSION" >> ${w.file('hooks')}'] }`;
  const ran = () => readFile(w.file('hooks'), 'utf8').catch(() => '');

  test('runs once for each version, over restarts', async () => {
    for (let start = 0; start < 3; start += 1) {
      await using running = await w.start({ entry: hook() });
      await running.agent.ready();
      await vi.waitUntil(async () => (await ran()) === 'mine 1\n', PATIENCE);
      if (start === 0) await running.logged('ran for version 1');
    }
    await using running = await w.start({ entry: hook() });
    await running.agent.ready();
    await w.rotate();
    await running.logged('ran for version 2');
    expect(await ran()).toBe('mine 1\nmine 2\n');
  });

  test('is not run for a value that stood there before, nor for one that is put back', async () => {
    {
      await using first = await w.start();
      await first.agent.ready();
    }
    await rm(w.file('state'), { recursive: true });
    await using running = await w.start({ entry: hook() });
    await running.agent.ready();
    await unlink(w.file('app.env'));
    await later(running, 'had lost version 1');
    await w.rotate();
    await running.logged('ran for version 2');
    expect(await ran()).toBe('mine 2\n');
  });

  test('that fails is run again, after a restart too, and holds up nothing', async () => {
    const entry = `, onChange: { exec: [test, -e, ${w.file('go')}] }`;
    {
      await using running = await w.start({ entry });
      await running.agent.ready();
      await running.logged('ended with exit status 1');
      running.clock.pass(1_000);
      await vi.waitUntil(
        () => running.lines.filter((line) => line.includes('ended with exit status 1')).length === 2,
        PATIENCE,
      );
    }
    await writeFile(w.file('go'), '');
    await using running = await w.start({ entry });
    await running.logged('ran for version 1');
  });
});

describe('sync', () => {
  const hook = () => `, onChange: { exec: [touch, ${w.file('ran')}] }`;

  test('writes every file once and runs no hook, nor leaves one owed', async () => {
    const { done, stale, missing } = await w.sync(5_000, { entry: hook() });
    expect([stale, missing]).toEqual([[], []]);
    expect(done).toEqual([{ credential: 'mine', place: `file:${w.file('app.env')}#KEY`, version: 1 }]);
    expect(await w.published()).toBe(await w.current());
    await using running = await w.start({ entry: hook() });
    await running.agent.ready();
    await w.rotate();
    await running.logged('ran for version 2');
    expect(running.lines.join('')).not.toContain('ran for version 1');
  });

  test('takes what is held on disk where the time is up, and says so', async () => {
    await w.sync(5_000);
    await unlink(w.file('app.env'));
    const { done, stale, missing } = await w.sync(20, { url: await deadAddress() }, systemTime());
    expect(missing).toEqual([]);
    expect(stale).toEqual([expect.stringMatching(/^mine: version 1 is taken from what is held on disk: /)]);
    expect(done).toHaveLength(1);
    expect(await w.published()).toBe(await w.current());
  });

  test('names what is missing where the time is up and nothing is held', async () => {
    const { done, missing } = await w.sync(20, { url: await deadAddress() }, systemTime());
    expect(done).toEqual([]);
    expect(missing).toEqual([expect.stringMatching(/^mine: .*ECONNREFUSED/)]);
    const entry = ' }, { file: ./not-there/b.env, format: dotenv, variable: KEY';
    const half = await w.sync(50, { entry }, systemTime());
    expect(half.done).toHaveLength(1);
    expect(half.missing).toEqual([expect.stringContaining('its folder is not there')]);
  });
});

/** The machine's own time. */
function systemTime() {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    steady: () => performance.now(),
    after: (ms: number, task: () => void) => {
      const timer = setTimeout(task, ms);
      return () => clearTimeout(timer);
    },
  };
}
