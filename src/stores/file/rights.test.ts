import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NOBODY, ROOT } from '../../files/files.suite.ts';
import { createFiles } from '../../files/index.ts';
import { Secret } from '../../model/index.ts';
import { markOf } from '../parts.suite.ts';
import { alteredRights } from './rights.ts';
import { storeOn, targetOf } from './store.suite.ts';

const present = (mode: number, more: object = {}) => ({
  content: Buffer.alloc(0),
  mode,
  uid: 1_000,
  gid: 1_000,
  foreign: false,
  ...more,
});
const wanted = (more: object = {}) => targetOf({ file: '/run/app/key', format: 'raw', ...more });

describe('the rights of a file', () => {
  test.each([
    ['mode 600', present(0o600), wanted()],
    ['the mode that is configured', present(0o644), wanted({ mode: '0644' })],
    ['any owner it may have where none is configured', present(0o600, { uid: 7, gid: 7 }), wanted()],
    ['the owner that is configured', present(0o600, { foreign: true }), wanted({ uid: 1_000, gid: 1_000 })],
  ])('are right with %s', (_what, file, target) => {
    expect(alteredRights(file, target)).toBeNull();
  });

  test.each([
    [present(0o644), wanted(), 'mode 644', 'mode 600', true, 'chmod 600 /run/app/key'],
    [present(0o400), wanted(), 'mode 400', 'mode 600', false, 'chmod 600 /run/app/key'],
    [present(0o700), wanted(), 'mode 700', 'mode 600', false, 'chmod 600 /run/app/key'],
    [present(0o4600), wanted(), 'mode 4600', 'mode 600', false, 'chmod 600 /run/app/key'],
    [present(0o600), wanted({ mode: '0640' }), 'mode 600', 'mode 640', false, 'chmod 640 /run/app/key'],
    [present(0o620), wanted({ mode: '0640' }), 'mode 620', 'mode 640', true, 'chmod 640 /run/app/key'],
    [present(0o600), wanted({ uid: 7 }), 'owner 1000', 'owner 7', true, 'chown 7 /run/app/key'],
    [present(0o600), wanted({ gid: 7 }), 'group 1000', 'group 7', false, 'chown :7 /run/app/key'],
    [
      present(0o644),
      wanted({ mode: '0640', uid: 7, gid: 8 }),
      'mode 644, owner 1000, group 1000',
      'mode 640, owner 7, group 8',
      true,
      'chown 7:8 /run/app/key && chmod 640 /run/app/key',
    ],
  ])('%o are told', (file, target, found, shall, wider, repair) => {
    expect(alteredRights(file, target)).toEqual({ found, wanted: shall, wider, repair });
  });

  test('of a stranger’s file name the user that Keywarden runs as', () => {
    const self = process.geteuid?.();
    expect(alteredRights(present(0o600, { foreign: true }), wanted())).toMatchObject({
      wanted: `owner ${self}`,
      wider: true,
      repair: `chown ${self} /run/app/key`,
    });
  });

  test('are repaired by a command that a shell takes as it is meant', () => {
    const target = targetOf({ file: "/run/my app/o'key", format: 'raw' });
    expect(alteredRights(present(0o644), target)?.repair).toBe("chmod 600 '/run/my app/o'\\''key'");
  });
});

describe('a published file whose rights were changed by hand', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywarden-rights-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test.each([
    { format: 'dotenv', variable: 'KEY' },
    { format: 'json', field: 'key' },
    { format: 'raw' },
    { format: 'template', template: 'tmpl' },
  ])('is found out and set right, whatever its format: $format', async (entry) => {
    const file = join(folder, 'file');
    await writeFile(join(folder, 'tmpl'), 'key: {{frameflow-prod}}\n');
    const { store } = storeOn(createFiles());
    const template = 'template' in entry ? { template: join(folder, 'tmpl') } : {};
    const target = targetOf({ ...entry, ...template, file }, { credential: 'frameflow-prod' });
    const mark = markOf(1);
    await store.publish(target, Secret.from('k1'), mark, null);
    expect(await store.readBack(target)).toMatchObject({ rights: null, outdated: false });
    await chmod(file, 0o604);
    if (ROOT) await chown(file, NOBODY, NOBODY);
    const found = ROOT ? `mode 604, owner ${NOBODY}` : 'mode 604';
    expect(await store.readBack(target)).toMatchObject({ mark, rights: { found, wider: true } });
    if (ROOT) await chown(file, 0, 0);
    await store.publish(target, Secret.from('k1'), mark, await store.readBack(target));
    expect(await store.readBack(target)).toMatchObject({ mark, rights: null });
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
  });
});
