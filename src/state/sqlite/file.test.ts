import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { State } from '../contract.ts';
import { type Folder, KEY, makeFolder } from '../suite/folder.suite.ts';
import { credentialNames, put, T, version } from '../suite/samples.suite.ts';
import { openSqlite } from './index.ts';

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

/** A state that was closed in good order, with something in it. */
async function closedState(): Promise<void> {
  const state = await folder.open();
  await state.commit([put.credential(), { type: 'version.put', version: version(), value: KEY }]);
  await state.close();
}

describe('the file', () => {
  test('alone is left of a state that was closed', async () => {
    await closedState();
    expect(folder.modes()).toEqual({ 'keywarden.db': '600' });
    const state = await folder.open();
    expect(await credentialNames(state)).toEqual(['frameflow-prod']);
    await state.close();
  });

  test('may be empty: that is a start which came no further', async () => {
    mkdirSync(folder.path, { mode: 0o700 });
    writeFileSync(folder.file, '', { mode: 0o600 });
    const state = await folder.open();
    expect(await credentialNames(state)).toEqual([]);
    await state.close();
  });

  test.each([0o644, 0o660, 0o604])(
    'is refused where others can reach it (mode %o), and left as it is',
    async (mode) => {
      await closedState();
      chmodSync(folder.file, mode);
      await expect(folder.open()).rejects.toMatchObject({
        code: 'state_exposed',
        message: expect.stringContaining(`chmod 600 ${folder.file}`),
      });
      expect(statSync(folder.file).mode & 0o777).toBe(mode);
    },
  );

  test('is refused where the write-ahead log beside it is open to others', async () => {
    await closedState();
    writeFileSync(`${folder.file}-wal`, '');
    chmodSync(`${folder.file}-wal`, 0o644);
    await expect(folder.open()).rejects.toMatchObject({ code: 'state_exposed' });
  });

  test.each([0o777, 0o770, 0o1777])(
    'is refused in a folder that others can write to (mode %o)',
    async (mode) => {
      mkdirSync(folder.path);
      chmodSync(folder.path, mode);
      await expect(folder.open()).rejects.toMatchObject({
        code: 'state_exposed',
        message: expect.stringContaining(`chmod 700 ${folder.path}`),
      });
      expect(existsSync(folder.file)).toBe(false);
    },
  );

  test('may lie in a folder that others can list', async () => {
    mkdirSync(folder.path);
    chmodSync(folder.path, 0o755);
    await (await folder.open()).close();
    expect(folder.modes()).toEqual({ 'keywarden.db': '600' });
  });

  test('must be a file, in a folder that can be made', async () => {
    const at = (file: string) => openSqlite({ file, keys: [KEY], now: () => T, owner: 'here' });
    mkdirSync(folder.path, { mode: 0o700 });
    symlinkSync('/dev/null', folder.file);
    await expect(folder.open()).rejects.toMatchObject({ code: 'state_unwritable' });
    await expect(at(folder.path)).rejects.toMatchObject({ code: 'state_unwritable' });
    await expect(at('/dev/null/state/keywarden.db')).rejects.toMatchObject({
      code: 'state_unwritable',
      message: expect.stringContaining('state.directory'),
    });
  });
});

describe('a damaged file', () => {
  const damages: Record<string, () => void> = {
    'that is no database': () => writeFileSync(folder.file, 'never a database. '.repeat(1000)),
    'cut short': () => truncateSync(folder.file, 8192),
    'with a page of zeros': () => overwrite(0),
    'with a page of noise': () => overwrite(0xa5),
  };
  test.each(Object.keys(damages))('%s is told, with what to do', async (name) => {
    await closedState();
    damages[name]?.();
    await expect(folder.open()).rejects.toMatchObject({
      code: 'state_corrupt',
      message: expect.stringContaining('backup'),
    });
  });

  /** Overwrites the page with the table of versions. */
  function overwrite(byte: number): void {
    const database = new DatabaseSync(folder.file);
    const root = database
      .prepare("select rootpage from sqlite_master where name = 'versions'")
      .get()?.rootpage;
    database.close();
    const bytes = folder.bytes().get('keywarden.db') ?? Buffer.alloc(0);
    bytes.fill(byte, (Number(root) - 1) * 4096, Number(root) * 4096);
    writeFileSync(folder.file, bytes);
  }

  test('another program’s database is refused and left as it is', async () => {
    mkdirSync(folder.path, { mode: 0o700 });
    new DatabaseSync(folder.file).exec('create table theirs (a)');
    chmodSync(folder.file, 0o600);
    const before = folder.bytes();
    await expect(folder.open()).rejects.toMatchObject({
      code: 'state_corrupt',
      message: expect.stringContaining('another program'),
    });
    expect(folder.bytes()).toEqual(before);
  });

  test('one of a newer version is refused and left as it is', async () => {
    await closedState();
    const database = new DatabaseSync(folder.file);
    database.exec("update meta set value = '999' where key = 'schema'");
    database.close();
    const before = folder.bytes();
    await expect(folder.open()).rejects.toMatchObject({
      code: 'state_newer',
      message: expect.stringContaining('schema 999'),
    });
    expect(folder.bytes()).toEqual(before);
  });
});

describe('a file that is open', () => {
  const away = () => join(folder.path, 'away.db');
  const changes: Record<string, () => void> = {
    deleted: () => unlinkSync(folder.file),
    'moved away': () => renameSync(folder.file, away()),
    'replaced by a copy': () => {
      copyFileSync(folder.file, away());
      renameSync(away(), folder.file);
    },
    'robbed of its write-ahead log': () => unlinkSync(`${folder.file}-wal`),
  };
  let state: State;
  beforeEach(async () => {
    state = await folder.open();
  });
  afterEach(() => state.close());

  test.each(Object.keys(changes))('%s, proves nothing and takes no commit', async (name) => {
    await state.prove();
    changes[name]?.();
    await expect(state.prove()).rejects.toMatchObject({ code: 'state_replaced' });
    await expect(state.commit([put.credential()])).rejects.toMatchObject({
      code: 'state_replaced',
      message: expect.stringContaining(folder.file),
    });
    expect(await credentialNames(state)).toEqual([]);
  });

  test('is proven by a write that reaches the disk each time, also where the clock stands still', async () => {
    const written = () => folder.bytes().get('keywarden.db-wal')?.length ?? 0;
    const sizes = [written()];
    for (let proof = 0; proof < 3; proof += 1) {
      await state.prove();
      sizes.push(written());
    }
    expect(new Set(sizes).size).toBe(4);
  });

  test('moved away and put back, works on', async () => {
    renameSync(folder.file, away());
    await expect(state.prove()).rejects.toMatchObject({ code: 'state_replaced' });
    renameSync(away(), folder.file);
    await state.prove();
    await state.commit([put.credential()]);
    expect(await credentialNames(state)).toEqual(['frameflow-prod']);
  });
});
