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

const open = (...keys: readonly Secret[]) => openAuditHead({ database: join(folder, 'keywarden.db'), keys });

test('what was saved last is read again, by whoever has the key, and nobody else sees it', async () => {
  expect(await open(KEY).load()).toBeNull();
  await open(KEY).save({ ...MARK, number: 1 });
  await open(KEY).save(MARK);
  expect(await open(OTHER, KEY).load()).toEqual(MARK);
  expect(await readdir(folder)).toEqual(['audit.head']);
  expect((await stat(join(folder, 'audit.head'))).mode & 0o777).toBe(0o600);
  expect(await readFile(join(folder, 'audit.head'), 'utf8')).not.toContain(MARK.hash);
  await expect(open(OTHER).load()).rejects.toMatchObject({ code: 'wrong_key' });
});

test('what somebody else wrote there is none of ours', async () => {
  await open(KEY).save(MARK);
  const path = join(folder, 'audit.head');
  const sealed = JSON.parse(await readFile(path, 'utf8')) as { keyId: string; box: string };
  for (const text of [
    '',
    '{',
    '{}',
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
