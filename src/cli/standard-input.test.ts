import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CA_FILE } from '../sandbox/index.ts';
import type { Running } from './testing/cli.ts';
import { onTerminal, type Terminal } from './testing/terminal.ts';
import { type World, world } from './testing/world.ts';

/*
 * What a person is asked on a terminal. One daemon: its StockFlow keys are made by hand, and `frameflow-spare` is no
 * longer configured.
 */

const QUESTION = 'New key of by-hand (it is not shown): ';
const PURGE =
  'Purge frameflow-spare: every key that Keywarden holds of it, its rotations and its destinations? [y/N] ';

const ENTER = '\r';
const BACKSPACE = '\x7f';
const CTRL_C = '\x03';
const CTRL_D = '\x04';

let w: World;
let daemon: Running;

beforeAll(async () => {
  w = await world();
  const text = await readFile(w.config, 'utf8');
  daemon = await w.daemon();
  await daemon.line(/frameflow-spare: adopt/);
  daemon.child.kill('SIGTERM');
  await daemon.ended;
  const url = w.sandbox.stockflow.url;
  const guided = text
    .replace(/^ {2}frameflow-spare: .*\n/m, '')
    .replace(
      'providers:',
      `$&\n  stockflow: { kind: stockflow, apiUrl: ${url}, tls: { caFile: ${CA_FILE} } }`,
    )
    .replace(
      '\ncredentials:',
      `$&
  by-hand:
    provider: stockflow
    secret: { env: STOCKFLOW_API_KEY }
    rotation: { mode: guided }
    publish: [{ file: ./by-hand.env, format: dotenv, variable: KEY }]`,
    );
  await writeFile(w.config, guided);
  daemon = await w.daemon();
  await daemon.line(/by-hand\.env#KEY has version 1/);
});
afterAll(() => w[Symbol.asyncDispose]());

async function asked(args: readonly string[], question: string): Promise<Terminal> {
  const terminal = onTerminal(args, { cwd: w.directory, env: w.env });
  await terminal.shows(question);
  return terminal;
}

const published = () => readFile(join(w.directory, 'by-hand.env'), 'utf8');

describe('the key that `import` asks for', () => {
  test('is typed, corrected and taken, and no sign of it is shown', async () => {
    const { value } = w.sandbox.admin.createStockflowKey();
    const terminal = await asked(['import', 'by-hand'], QUESTION);
    for (const sign of `${value.slice(0, 12)}?`) terminal.type(sign);
    terminal.type(BACKSPACE);
    terminal.type(`${value.slice(12)}${ENTER}`);
    const { code, screen } = await terminal.ended;
    const [before, after = ''] = screen.split(QUESTION);
    expect([code, before]).toEqual([0, '']);
    // The line that was typed is empty.
    expect(after).toMatch(
      /^\r\nby-hand: the key .* is accepted; it is version 2 and goes to every destination\r\n/,
    );
    for (let at = 0; at + 6 <= value.length; at += 1) {
      if (!'sk_live_'.includes(value.slice(at, at + 6)))
        expect(screen).not.toContain(value.slice(at, at + 6));
    }
    await daemon.line(/by-hand\.env#KEY has version 2/);
    expect(await published()).toContain(value);
  });

  test('is missing where only Enter is pressed', async () => {
    const terminal = await asked(['import', 'by-hand'], QUESTION);
    terminal.type(ENTER);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(2);
    expect(screen).toContain('no key was given');
  });

  test.each([
    ['Ctrl-C', CTRL_C],
    ['Ctrl-D', CTRL_D],
  ])('is not sent where a person leaves with %s', async (_, key) => {
    const before = await published();
    const terminal = await asked(['import', 'by-hand'], QUESTION);
    if (key === CTRL_C) terminal.type('sk_live_half');
    terminal.type(key);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(1);
    expect(screen).toContain('\r\nerror: ended without an answer; nothing was done');
    expect(screen).not.toContain('half');
    expect(await published()).toBe(before);
  });
});

describe('before it purges, `forget`', () => {
  test.each([
    ['Enter alone', ENTER],
    ['anything but a yes', `yep${ENTER}`],
  ])('takes %s for a no', async (_, answer) => {
    const terminal = await asked(['forget', 'frameflow-spare'], PURGE);
    terminal.type(answer);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(1);
    expect(screen).toContain('error: frameflow-spare was not purged');
  });

  test('is left by Ctrl-C', async () => {
    const terminal = await asked(['forget', 'frameflow-spare'], PURGE);
    terminal.type(`y${CTRL_C}`);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(1);
    expect(screen).toContain('error: ended without an answer; nothing was done');
  });

  test('shows what is typed, and purges after a yes', async () => {
    expect((await w.cli(['status'])).stdout).toMatch(/^frameflow-spare .*, parked/m);
    const terminal = await asked(['forget', 'frameflow-spare'], PURGE);
    terminal.type(`Yes${ENTER}`);
    const { code, screen } = await terminal.ended;
    expect(code).toBe(0);
    expect(screen).toMatch(/Yes[\r\n]+frameflow-spare: purged; its keys still work/);
    expect((await w.cli(['status'])).stdout).not.toMatch(/^frameflow-spare /m);
  });
});
