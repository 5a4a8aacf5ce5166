import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CommandError } from '../exit.ts';
import { Slots } from './stagger.ts';

const SPACING = 30_000;
const NOW = 100 * SPACING + 12_345;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kw-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true });
});

const replica = (over: { names?: readonly string[]; spacing?: number; directory?: string } = {}) =>
  new Slots({ spacing: SPACING, names: ['one', 'two'], directory, ...over });

test('replicas take slots one after another, the first within one slot', () => {
  const times = [replica(), replica({ names: ['two', 'one'] }), replica()].map((each) => each.take(NOW));
  expect(times).toEqual([101 * SPACING, 102 * SPACING, 103 * SPACING]);
});

test('other credentials and other lengths have slots of their own', () => {
  expect(replica().take(NOW)).toBe(101 * SPACING);
  expect(replica({ names: ['one'] }).take(NOW)).toBe(101 * SPACING);
  expect(replica({ spacing: 1_000 }).take(NOW)).toBeLessThanOrEqual(NOW + 1_000);
});

test('slots that are over are cleared away', () => {
  const slots = replica();
  slots.take(NOW);
  slots.take(NOW);
  slots.take(NOW + 5 * SPACING);
  const [folder = ''] = readdirSync(directory);
  expect(readdirSync(join(directory, folder))).toEqual(['106']);
});

test('by default they meet in the runtime directory of the user, else among temporary files, for the user alone', () => {
  vi.stubEnv('XDG_RUNTIME_DIR', directory);
  new Slots({ spacing: SPACING, names: ['one'], directory: undefined });
  expect(readdirSync(directory)).toEqual(['keywarden-exec']);
  vi.stubEnv('XDG_RUNTIME_DIR', '');
  vi.stubEnv('TMPDIR', join(directory, 'keywarden-exec'));
  new Slots({ spacing: SPACING, names: ['one'], directory: undefined });
  const own = join(directory, 'keywarden-exec', `keywarden-exec-${process.getuid?.()}`);
  expect(statSync(own).mode & 0o777).toBe(0o700);
});

test('a directory that cannot be used is told at once', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  expect(() => replica({ directory: file })).toThrow(CommandError);
  expect(() => replica({ directory: file })).toThrow(/cannot be used \(ENOTDIR\); give --stagger-directory/);
});
