import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EdgeError, Secret } from '../model/index.ts';
import { createLog, type LogOptions } from './log.ts';

const PLANTED = 'ff_live_plantedQ7vKx2mB9rT4wYc';
const NOW = Date.UTC(2026, 9, 1, 9);

function capture(options: Partial<LogOptions> = {}, isTTY = false) {
  const lines: string[] = [];
  const write = (line: string) => lines.push(line);
  const log = createLog({ level: 'debug', format: 'json', now: () => NOW, ...options }, { write, isTTY });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? 'null') as Record<string, unknown> };
}

/** The whole standard output of a process that runs `body` with a log to it. */
async function outputOf(body: string): Promise<string> {
  const module = JSON.stringify(new URL('./log.ts', import.meta.url).href);
  const code = `const { createLog } = await import(${module}); ${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  return Buffer.concat(chunks).toString();
}

test('a JSON line holds level, time, fields and message, and no host or process', () => {
  const { log, lines } = capture();
  log.info({ credential: 'frameflow-prod', count: 2 }, 'rotated');
  expect(lines).toEqual([
    '{"level":"info","time":"2026-10-01T09:00:00.000Z","credential":"frameflow-prod","count":2,"msg":"rotated"}\n',
  ]);
});

test('without a clock of its own a line bears the current time', () => {
  const lines: string[] = [];
  const before = Date.now();
  createLog({ level: 'info', format: 'json' }, { write: (line) => lines.push(line) }).info({}, 'now');
  const { time } = JSON.parse(lines[0] ?? '{}') as { time: string };
  expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
  expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
});

test('what is below the level is not written', () => {
  const { log, lines } = capture({ level: 'warn' });
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['c', 'd']);
});

test('nothing is written at the level silent', () => {
  const { log, lines } = capture({ level: 'silent' });
  log.error({}, 'x');
  expect(lines).toEqual([]);
});

test('a child adds its fields, and a repeated one stands once, with the last value', () => {
  const { log, lines } = capture();
  log
    .child({ store: 'vault', step: 1 })
    .child({ key: Secret.from(PLANTED) })
    .info({ step: 2 }, 'published');
  expect(lines[0]).toBe(
    '{"level":"info","time":"2026-10-01T09:00:00.000Z","store":"vault","step":2,"key":"[redacted]","msg":"published"}\n',
  );
});

test('a field named like one of the log itself stands beside it', () => {
  const { log, last } = capture();
  log.info({ time: 5, level: 'high', msg: 'theirs' }, 'ours');
  expect(last()).toEqual({
    level: 'info',
    time: '2026-10-01T09:00:00.000Z',
    time_: 5,
    level_: 'high',
    msg_: 'theirs',
    msg: 'ours',
  });
});

for (const format of ['json', 'pretty'] as const) {
  test(`a planted secret never shows in the ${format} format, wherever it hides`, () => {
    const { log, lines } = capture({ format });
    const key = Secret.from(PLANTED);
    const vendor = Object.assign(new Error('Request failed with status 403', { cause: new Error(PLANTED) }), {
      code: 'E_STATUS',
      config: { headers: { 'X-Vault-Token': PLANTED } },
      request: { body: PLANTED },
    });
    class Client {
      token = PLANTED;
    }
    log.info({ key }, 'top');
    log.info({ a: { b: [{ c: key }] } }, 'nested');
    log.error({ error: vendor, err: vendor, deep: [{ err: vendor }] }, 'vendor');
    log.error(vendor, 'bare');
    log.warn(
      { client: new Client(), map: new Map([['key', PLANTED]]), bytes: Buffer.from(PLANTED) },
      'objects',
    );
    log.child({ key, vendor }).debug({ headers: new Headers({ authorization: PLANTED }) }, 'child');
    expect(lines.length).toBe(6);
    expect(lines.join('')).not.toContain(PLANTED);
    expect(lines.join('')).not.toContain(Buffer.from(PLANTED).toString('base64'));
    expect(lines[0]).toContain('[redacted]');
    expect(lines[2]).toContain('E_STATUS');
  });
}

test('an error is its name, code and message', () => {
  const { log, last } = capture();
  log.error(
    {
      err: new EdgeError({ code: 'rate_limited', verdict: 'retryable', message: 'FrameFlow answered 429' }),
      other: Object.assign(new TypeError('x is undefined'), { code: 7, stack: 'at secret' }),
      odd: Object.assign(new Error('m'), { code: { nested: PLANTED } }),
    },
    'failed',
  );
  expect(last()).toMatchObject({
    err: { name: 'EdgeError', code: 'rate_limited', message: 'FrameFlow answered 429' },
    other: { name: 'TypeError', code: 7, message: 'x is undefined' },
    odd: { name: 'Error', message: 'm' },
  });
  expect(Object.keys(last().err as object)).toEqual(['name', 'code', 'message']);
});

test('values that JSON has no form for are told by what they are', () => {
  const { log, last } = capture();
  const round: { self?: unknown } = {};
  round.self = round;
  log.info(
    {
      round,
      big: 10n,
      date: new Date(NOW),
      bad: new Date(Number.NaN),
      set: new Set([1]),
      none: null,
      call: () => 1,
      many: Array.from({ length: 103 }, () => 0),
      long: 'x'.repeat(9_000),
    },
    'odd',
  );
  const { many, long, ...rest } = last();
  expect(rest).toEqual({
    level: 'info',
    time: '2026-10-01T09:00:00.000Z',
    round: { self: '[circular]' },
    big: '10',
    date: '2026-10-01T09:00:00.000Z',
    bad: null,
    set: '[Set]',
    none: null,
    msg: 'odd',
  });
  expect((many as unknown[]).slice(99)).toEqual([0, '[3 more]']);
  expect((long as string).slice(8_190)).toBe('xx… [9000 characters]');
});

test('objects nested without end are cut', () => {
  const { log, lines } = capture();
  let deep: object = { leaf: PLANTED };
  for (let level = 0; level < 1_000; level += 1) deep = { deep };
  log.info(deep, 'deep');
  expect(lines[0]).toContain('"[too deep]"');
  expect(lines[0]).not.toContain(PLANTED);
});

test('a field that cannot be read does not stop the caller', () => {
  const { log, last } = capture();
  const hostile = Object.defineProperty({}, 'x', {
    enumerable: true,
    get: () => {
      throw new Error(PLANTED);
    },
  });
  log.info(hostile, 'still told');
  expect(last()).toMatchObject({ fields: '[unreadable]', msg: 'still told' });
});

test('a message is taken as it is, per cent signs included', () => {
  const { log, last } = capture();
  log.info({}, '50 %s done, %d left, %o');
  expect(last().msg).toBe('50 %s done, %d left, %o');
});

test('the pretty format is one readable line', () => {
  const { log, lines } = capture({ format: 'pretty' });
  log.warn(
    { destination: 'vault:footage/frameflow#api_key', attempts: 3, why: 'it is down', tags: ['a'] },
    'down',
  );
  expect(lines).toEqual([
    '2026-10-01T09:00:00.000Z WARN  down  destination=vault:footage/frameflow#api_key attempts=3 why="it is down" tags=["a"]\n',
  ]);
});

test('the pretty format lets no control character of the data through', () => {
  const { log, lines } = capture({ format: 'pretty' });
  const nasty = '\u001b[2J\r\nFAKE\u009b31m\u202egnp\u2028\u0007\u007f';
  log.info({ [nasty]: nasty, nested: { [nasty]: [nasty] } }, nasty);
  expect(lines[0]?.endsWith('\n')).toBe(true);
  expect(lines[0]?.slice(0, -1)).toMatch(/^[^\p{Cc}\u2028\u202e]*$/u);
  expect(lines[0]).toContain('\\u001b[2J');
});

test('the pretty format is coloured on a terminal only', () => {
  const { NO_COLOR: kept } = process.env;
  delete process.env.NO_COLOR;
  try {
    const terminal = capture({ format: 'pretty' }, true);
    const file = capture({ format: 'pretty' }, false);
    terminal.log.error({ a: 1 }, 'x');
    file.log.error({ a: 1 }, 'x');
    expect(terminal.lines[0]).toContain('\u001b[31mERROR\u001b[0m');
    expect(file.lines[0]).toBe('2026-10-01T09:00:00.000Z ERROR x  a=1\n');
  } finally {
    if (kept !== undefined) process.env.NO_COLOR = kept;
  }
});

test('every line reaches standard output, also right before an abrupt end', async () => {
  const output = await outputOf(`
    const log = createLog({ level: 'info', format: 'json' });
    for (let n = 0; n < 5000; n += 1) log.info({ n }, 'line');
    process.kill(process.pid, 'SIGKILL');
  `);
  const numbers = output
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { n: number }).n);
  expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, n) => n));
});

test('a full disk behind standard output loses lines and never stops the process', async () => {
  const module = JSON.stringify(new URL('./log.ts', import.meta.url).href);
  const code = `
    const { createLog } = await import(${module});
    const log = createLog({ level: 'info', format: 'pretty' });
    for (let n = 0; n < 20; n += 1) log.info({ n }, 'x'.repeat(100));
    setImmediate(() => { log.info({}, 'later'); process.exitCode = 7; });
  `;
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', full, 'inherit'],
  });
  closeSync(full);
  expect(await once(child, 'exit')).toEqual([7, null]);
});

test('a reader that has gone away does not stop the process', async () => {
  const module = JSON.stringify(new URL('./log.ts', import.meta.url).href);
  const code = `
    const { createLog } = await import(${module});
    const log = createLog({ level: 'info', format: 'json' });
    process.stdin.once('end', () => { for (let n = 0; n < 20; n += 1) log.info({ n }, 'x'); process.exitCode = 7; });
    process.stdin.resume();
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdout.destroy();
  await once(child.stdout, 'close');
  child.stdin.end();
  expect(await once(child, 'exit')).toEqual([7, null]);
});
