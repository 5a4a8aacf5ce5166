import { chmod, mkdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TOKENS } from '../../src/api/testing/world.ts';
import {
  type AgentWorld,
  agentWorld,
  deadAddress,
  LOCAL_TOKEN,
  later,
  local,
  PATIENCE,
} from '../support/agents.ts';

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

const SECRET = '/v1/credentials/mine/secret';

describe('an agent', () => {
  test('fetches what it does not hold, writes it with the mark of its upstream, and is ready', async () => {
    await using running = await w.start();
    await running.agent.ready();
    expect(await w.published()).toBe(await w.current());
    expect(await readFile(w.file('app.env'), 'utf8')).toMatch(
      /# keywarden:1 KEY version 1 of mine by test\/api id /,
    );
    expect((await stat(w.file('state'))).mode & 0o777).toBe(0o700);
    expect((await stat(w.file('state/agent.sealed'))).mode & 0o777).toBe(0o600);
    expect((await local(running, '/readyz')).json).toEqual({ status: 'ok' });
  });

  test('brings a new version to the file by the request that waits for it, with no timer having run', async () => {
    await using running = await w.start();
    await running.agent.ready();
    await vi.waitUntil(() => w.upstream.engine.values.waiting('mine') === 1, PATIENCE);
    const number = await w.rotate();
    await running.logged(`has version ${number}`);
    expect(await w.published()).toBe(await w.current());
  });

  test('starts from what it holds while its upstream is down, and says so', async () => {
    {
      await using first = await w.start();
      await first.agent.ready();
    }
    await unlink(w.file('app.env'));
    await using second = await w.start({ url: await deadAddress() });
    await second.agent.ready();
    expect(await w.published()).toBe(await w.current());
    await second.logged('ECONNREFUSED');
    const { status, json } = await local(second, '/readyz');
    expect(status).toBe(200);
    expect(json.notes).toEqual([expect.stringMatching(/^mine: .*; what is held is served on$/)]);
    expect((await local(second, SECRET)).json.value).toBe(await w.current());
  });

  test('that holds nothing while its upstream is down is alive, not ready, and asks again ever more slowly', async () => {
    await using running = await w.start({ url: await deadAddress() });
    const { clock } = running;
    // The look at the file, every few minutes, is none of these.
    const asked = () => clock.asked.filter((ms) => ms <= 60_000);
    for (let turn = 1; turn <= 9; turn += 1) {
      await vi.waitUntil(() => asked().length === turn, PATIENCE);
      clock.pass(60_000);
    }
    for (const [turn, ms] of asked().entries()) {
      const whole = Math.min(60_000, 1_000 * 2 ** turn);
      expect([turn, ms >= whole / 2 && ms <= whole]).toEqual([turn, true]);
    }
    expect((await local(running, '/healthz')).status).toBe(200);
    const { status, json } = await local(running, '/readyz');
    expect(status).toBe(503);
    expect(json.faults).toEqual([expect.stringMatching(/^mine is not held yet: /)]);
    expect((await local(running, SECRET)).status).toBe(404);
  });

  test('whose token is refused says what to do, and goes on once the file holds a right one', async () => {
    await w.token('a-token-that-nobody-knows');
    await using running = await w.start();
    const line = await running.logged('HTTP 401');
    expect(line).toContain("put a token of the upstream's api.tokens, with role: app, into the file");
    expect((await local(running, '/readyz')).json.faults).toEqual([expect.stringContaining('HTTP 401')]);
    await w.token(TOKENS.app);
    running.clock.pass(1_000);
    await running.agent.ready();
    expect(await w.published()).toBe(await w.current());
    expect(w.lines.join('')).not.toContain('a-token-that-nobody-knows');
  });

  test('is told which credential its token may not read, and holds up no other for it', async () => {
    const other = '  other: { publish: [{ file: ./other.env, format: dotenv, variable: KEY }] }';
    await using running = await w.start({ credentials: other });
    await running.logged('HTTP 403');
    await running.logged('app.env#KEY has version 1');
    await vi.waitUntil(() => running.agent.faults().length === 1, PATIENCE);
    expect(running.agent.faults()).toEqual([
      expect.stringMatching(/^other is not held yet: .* may not read other; add it to the credentials/),
    ]);
  });

  test('does not start on damaged holdings or under another key, says what to do, and that helps', async () => {
    {
      await using first = await w.start();
      await first.agent.ready();
    }
    const sealed = w.file('state/agent.sealed');
    const { box, ...rest } = JSON.parse(await readFile(sealed, 'utf8'));
    await writeFile(sealed, JSON.stringify({ ...rest, box: `AAAA${box.slice(4)}` }));
    await expect(w.start()).rejects.toThrow(/agent\.sealed was altered.*delete it: the agent fetches anew/);
    await writeFile(sealed, 'not json');
    await expect(w.start()).rejects.toMatchObject({ code: 'holdings_damaged' });
    await writeFile(sealed, JSON.stringify({ ...rest, box, keyId: '0123456789abcdef' }));
    await expect(w.start()).rejects.toMatchObject({ code: 'wrong_key' });
    await writeFile(sealed, JSON.stringify({ ...rest, box, form: 2 }));
    await expect(w.start()).rejects.toMatchObject({ code: 'holdings_newer' });
    await rm(sealed);
    await using again = await w.start();
    await again.agent.ready();
  });

  test('puts a file back that was changed or deleted by hand, at its next look, and says so', async () => {
    await using running = await w.start();
    await running.agent.ready();
    const text = await readFile(w.file('app.env'), 'utf8');
    await writeFile(w.file('app.env'), text.replace(/^KEY=.*$/m, 'KEY=by-hand'), { mode: 0o600 });
    await later(running, 'no longer had version 1');
    await vi.waitUntil(async () => (await w.published()) === (await w.current()), PATIENCE);
    await unlink(w.file('app.env'));
    await later(running, 'had lost version 1');
    await vi.waitUntil(async () => (await w.published()) === (await w.current()), PATIENCE);
  });

  test('writes what it can where one file cannot be written, and that one once it can', async () => {
    const entry = ' }, { file: ./not-there/b.env, format: dotenv, variable: KEY';
    await using running = await w.start({ entry });
    await running.logged('app.env#KEY has version 1');
    await running.logged('its folder is not there');
    await vi.waitUntil(() => running.agent.faults().length === 1, PATIENCE);
    expect(running.agent.faults()).toEqual([expect.stringContaining('not-there/b.env#KEY: cannot ')]);
    await mkdir(w.file('not-there'), { mode: 0o700 });
    running.clock.pass(2_000);
    await running.agent.ready();
  });

  test('leaves a file alone that another installation marked', async () => {
    {
      await using first = await w.start();
      await first.agent.ready();
    }
    const text = (await readFile(w.file('app.env'), 'utf8')).replace('by test/api', 'by other/prod');
    await writeFile(w.file('app.env'), text, { mode: 0o600 });
    await using running = await w.start();
    await running.logged('it holds mine of the installation other/prod, which is left alone');
    expect(await readFile(w.file('app.env'), 'utf8')).toBe(text);
  });

  test('does not take a newer version out of a file before its upstream says so', async () => {
    {
      await using first = await w.start();
      await first.agent.ready();
    }
    const text = (await readFile(w.file('app.env'), 'utf8')).replace('version 1 of', 'version 7 of');
    await writeFile(w.file('app.env'), text, { mode: 0o600 });
    {
      await using cut = await w.start({ url: await deadAddress() });
      await cut.logged('it holds version 7, newer than version 1');
      expect(await readFile(w.file('app.env'), 'utf8')).toBe(text);
    }
    await using running = await w.start();
    await running.logged('it holds version 7, newer than version 1');
    await vi.waitUntil(() => {
      running.clock.pass(1_000);
      return running.agent.faults().length === 0;
    }, PATIENCE);
    expect(await readFile(w.file('app.env'), 'utf8')).toContain('version 1 of mine');
  });

  test('stops at once, though a request waits', async () => {
    const running = await w.start();
    await running.agent.ready();
    await vi.waitUntil(() => w.upstream.engine.values.waiting('mine') === 1, PATIENCE);
    await running.agent.stop();
    await vi.waitUntil(() => w.upstream.engine.values.waiting('mine') === 0, PATIENCE);
  });

  test('tells its upstream what is delivered', async () => {
    await using running = await w.start({ more: 'agent: { name: checkout-7d9f }' });
    await running.agent.ready();
    const id = 'agent:checkout-7d9f';
    const seen = async () =>
      (await w.upstream.engine.context.state.credential('mine'))?.destinations.find((each) => each.id === id);
    await vi.waitUntil(async () => (await seen())?.state === 'published', PATIENCE);
    const number = await w.rotate();
    await running.logged(`has version ${number}`);
    const current = await w.upstream.engine.values.read('mine');
    await vi.waitUntil(async () => (await seen())?.versionId === current?.version.id, PATIENCE);
  });

  test('says goodbye when it is stopped, so that no rotation waits for it', async () => {
    const running = await w.start({ more: 'agent: { name: checkout-7d9f }' });
    const seen = async () =>
      (await w.upstream.engine.context.state.credential('mine'))?.destinations.find(
        ({ id }) => id === 'agent:checkout-7d9f',
      );
    await vi.waitUntil(async () => (await seen())?.state === 'published', PATIENCE);
    await running[Symbol.asyncDispose]();
    expect(await seen()).toMatchObject({ state: 'pending', versionId: null, checkedAt: null });
  });

  test('sets the mode of its file right', async () => {
    await using running = await w.start();
    await running.agent.ready();
    await chmod(w.file('app.env'), 0o644);
    await later(running, 'did not have in its configured form version 1');
    await vi.waitUntil(async () => ((await stat(w.file('app.env'))).mode & 0o777) === 0o600, PATIENCE);
  });
});

describe('the local API', () => {
  test("answers as the daemon's, word for word", async () => {
    await using running = await w.start();
    await running.agent.ready();
    const here = await local(running, SECRET);
    const there = await fetch(`${w.upstream.api.address}${SECRET}`, {
      headers: { authorization: `Bearer ${TOKENS.app}` },
    });
    expect(here.json).toEqual(await there.json());
    expect(here.etag).toBe(there.headers.get('etag'));
    const again = await local(running, SECRET, { headers: { 'if-none-match': here.etag } });
    expect(again).toMatchObject({ status: 304, json: {} });
  });

  test('wait ends with the version that arrives', async () => {
    await using running = await w.start();
    await running.agent.ready();
    const { etag } = await local(running, SECRET);
    const waiting = local(running, `${SECRET}?wait=30s`, { headers: { 'if-none-match': etag } });
    await w.rotate();
    expect((await waiting).json).toMatchObject({ version: 2, value: await w.current() });
    const late = await local(running, `${SECRET}?wait=20ms`, {
      headers: { 'if-none-match': (await local(running, SECRET)).etag },
    });
    expect(late.status).toBe(304);
    expect((await local(running, `${SECRET}?wait=2m`)).status).toBe(400);
  });

  test('gives nothing to a stranger, nothing that it was not configured for, and rotates nothing', async () => {
    await using running = await w.start();
    await running.agent.ready();
    expect((await local(running, SECRET, { token: 'wrong' })).status).toBe(401);
    expect((await local(running, '/v1/credentials/other/secret')).status).toBe(403);
    const rotate = await fetch(`${running.agent.api.address}/v1/credentials/mine/rotate`, {
      method: 'POST',
      headers: { authorization: `Bearer ${LOCAL_TOKEN}` },
    });
    expect(rotate.status).toBe(404);
  });
});
