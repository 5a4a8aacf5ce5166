import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { State } from '../contract.ts';
import { type Folder, makeFolder } from '../suite/folder.suite.ts';
import { startChild } from '../suite/processes.suite.ts';
import { credentialNames, put, T } from '../suite/samples.suite.ts';

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

/** The greatest number that was acknowledged for each lane. */
function acknowledged(lines: readonly string[]): ReadonlyMap<string, number> {
  const greatest = new Map<string, number>();
  for (const line of lines) {
    const [lane = '', number] = line.split(' ');
    if (lane.startsWith('lane-')) greatest.set(lane, Number(number));
  }
  return greatest;
}

async function auditNumbers(state: State, lane: string): Promise<readonly number[]> {
  const numbers: number[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<State['audit']>> = await state.audit({
      credential: lane,
      limit: 1000,
      cursor,
    });
    numbers.push(...page.items.map((entry) => entry.at));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return numbers.toReversed();
}

describe('another process', () => {
  test('makes a private folder and private files under any umask, in silence', async () => {
    const open = makeFolder();
    const usual = startChild('hold', folder.file, { umask: '022' });
    const careless = startChild('hold', open.file, { umask: '000' });
    for (const [child, { path, modes }] of [
      [usual, folder],
      [careless, open],
    ] as const) {
      await child.said(1);
      expect(child.lines).toEqual(['open']);
      expect((statSync(path).mode & 0o777).toString(8)).toBe('700');
      expect(modes()).toEqual({ 'keywarden.db': '600', 'keywarden.db-wal': '600' });
      child.process.stdin?.end();
      expect((await child.ended()).errors).toBe('');
    }
    open.remove();
  });

  test('that holds the file keeps it from us, until it is killed; then its claims are void', async () => {
    const child = startChild('hold', folder.file);
    await child.said(1);
    await expect(folder.open()).rejects.toMatchObject({
      code: 'state_locked',
      message: expect.stringContaining('another process'),
    });
    child.process.kill('SIGKILL');
    await child.ended();
    const state = await folder.open();
    expect((await state.nextDue(['provider:frameflow'])).get('provider:frameflow')).toBe(T);
    const query = { now: T, until: T + 1, limit: 1 };
    expect(await state.claim('provider:frameflow', query)).toHaveLength(1);
    await state.close();
  });

  test('is refused while we hold the file, also after a second opening of our own failed', async () => {
    const state = await folder.open();
    await expect(folder.open()).rejects.toMatchObject({ code: 'state_locked' });
    const { lines } = await startChild('hold', folder.file).ended();
    expect(lines).toEqual(['state_locked']);
    await state.commit([put.credential()]);
    expect(await credentialNames(state)).toEqual(['frameflow-prod']);
    await state.close();
  });

  test('killed in the middle of commits leaves all that it acknowledged, and nothing by halves', async () => {
    const child = startChild('write', folder.file);
    await child.said(400);
    child.process.kill('SIGKILL');
    const { lines } = await child.ended();
    const told = acknowledged(lines);
    expect(told.size).toBe(4);
    const state = await folder.open();
    for (const [lane, greatest] of told) {
      const numbers = await auditNumbers(state, lane);
      expect(numbers.length).toBeGreaterThanOrEqual(greatest);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      expect((await state.credential(lane))?.record.attempts).toBe(numbers.length);
    }
    await state.close();
  });

  test('whose commits the disk refuses acknowledges none of them and goes on reading', async () => {
    const { lines } = await startChild('fill', folder.file, { limit: '1200' }).ended();
    expect(lines.at(-1)).toBe('readable 1');
    const failures = lines.filter((line) => line.startsWith('state_'));
    expect(failures).toEqual(Array(4).fill('state_unwritable'));
    const told = acknowledged(lines);
    expect(told.size).toBe(4);
    const state = await folder.open();
    for (const [lane, greatest] of told) expect(await auditNumbers(state, lane)).toHaveLength(greatest);
    await state.close();
  });
});

test('two databases made anew have fingerprint keys of their own', async () => {
  const other = makeFolder();
  const [one, two] = [await folder.open(), await other.open()];
  expect((await one.fingerprintKey()).equals(await two.fingerprintKey())).toBe(false);
  await Promise.all([one.close(), two.close()]);
  expect(readFileSync(folder.file).equals(readFileSync(other.file))).toBe(false);
  other.remove();
});
