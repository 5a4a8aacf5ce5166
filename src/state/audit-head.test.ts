import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { openAuditHead } from './audit-head.ts';

const [KEY, OTHER] = [Secret.from(Buffer.alloc(32, 7)), Secret.from(Buffer.alloc(32, 8))];
const MARK = { number: 812, hash: 'f0'.repeat(32), at: 1_760_000_000_000 };

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kw-head-'));
  onTestFinished(() => rm(folder, { recursive: true }));
});

const [ONE, TWO] = [Secret.from(Buffer.alloc(32, 1)), Secret.from(Buffer.alloc(32, 2))];

/** @param of the key of the database at that path */
const openOf = (of: Secret, database: string, ...keys: readonly Secret[]) =>
  openAuditHead({ database: join(folder, database), fingerprintKey: of, keys });
const open = (...keys: readonly Secret[]) => openOf(ONE, 'keywarden.db', ...keys);

test('what was saved last is read again, by whoever has the key, and nobody else sees it', async () => {
  expect(await open(KEY).load()).toBeNull();
  await open(KEY).save({ ...MARK, number: 1 });
  await open(KEY).save(MARK);
  expect(await open(OTHER, KEY).load()).toEqual(MARK);
  expect(await readdir(folder)).toEqual(['keywarden.db.head']);
  expect((await stat(join(folder, 'keywarden.db.head'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, 'keywarden.db.head'), 'utf8')).not.toContain(MARK.hash);
  await expect(open(OTHER).load()).rejects.toMatchObject({ code: 'wrong_key' });
});

test('what somebody else wrote there is none of ours', async () => {
  await open(KEY).save(MARK);
  const path = join(folder, 'keywarden.db.head');
  const sealed = JSON.parse(await readFile(path, 'utf8')) as { keyId: string; box: string };
  for (const text of [
    '',
    '{',
    '{}',
    'null',
    JSON.stringify({ ...sealed, box: sealed.box.replace(/^..../, 'AAAA') }),
  ]) {
    await writeFile(path, text);
    await expect(open(KEY).load()).rejects.toMatchObject({
      code: expect.stringMatching(/^state_corrupt|wrong_key$/),
    });
  }
});

test('what is forgotten is gone, and need not be there', async () => {
  await open(KEY).save(MARK);
  await open(KEY).forget();
  await open(KEY).forget();
  expect(await open(KEY).load()).toBeNull();
});

test('what belongs to another database is none of ours, beside it or before it at the same path', async () => {
  await openOf(ONE, 'staging.db', KEY).save(MARK);
  expect(await openOf(TWO, 'production.db', KEY).load()).toBeNull();
  await openOf(TWO, 'production.db', KEY).save({ ...MARK, number: 1 });
  expect(await openOf(ONE, 'staging.db', KEY).load()).toEqual(MARK);
  for (const key of [KEY, OTHER]) {
    expect(await openOf(TWO, 'staging.db', key).load()).toBeNull();
    await openOf(TWO, 'staging.db', key).reseal();
  }
  await openOf(TWO, 'staging.db', OTHER).save({ ...MARK, number: 3 });
  expect(await openOf(TWO, 'staging.db', OTHER).load()).toMatchObject({ number: 3 });
});

test('what was sealed for another database does not open for this one', async () => {
  await openOf(TWO, 'keywarden.db', KEY).save(MARK);
  const path = join(folder, 'keywarden.db.head');
  const theirs = JSON.parse(await readFile(path, 'utf8')) as object;
  await open(KEY).save(MARK);
  const { of } = JSON.parse(await readFile(path, 'utf8')) as { of: string };
  await writeFile(path, JSON.stringify({ ...theirs, of }));
  await expect(open(KEY).load()).rejects.toMatchObject({ code: 'state_corrupt' });
});

test('another master key opens it once it was sealed anew, and nothing is written where it was', async () => {
  await open(KEY).reseal();
  expect(await readdir(folder)).toEqual([]);
  await open(KEY).save(MARK);
  await expect(open(OTHER).reseal()).rejects.toMatchObject({ code: 'wrong_key' });
  await open(OTHER, KEY).reseal();
  const before = await readFile(join(folder, 'keywarden.db.head'), 'utf8');
  await open(OTHER, KEY).reseal();
  expect(await readFile(join(folder, 'keywarden.db.head'), 'utf8')).toBe(before);
  expect(await open(OTHER).load()).toEqual(MARK);
});
