import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFiles } from '../../files/index.ts';
import { EdgeError, type Files, Secret } from '../../model/index.ts';
import type { Store } from '../contract.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import type { FileTarget } from './schema.ts';
import { storeOn, targetOf } from './store.suite.ts';

describe('a raw file', () => {
  let folder: string;
  let file: string;
  let notes: string;
  let target: FileTarget;
  let store: Store<FileTarget>;
  const first = Secret.from('ff_live_planted1');
  const second = Secret.from('ff_live_planted2');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywarden-raw-'));
    file = join(folder, 'frameflow-key');
    notes = join(folder, '.frameflow-key.keywarden');
    target = targetOf({ file, format: 'raw', mode: '0640' });
    ({ store } = storeOn(createFiles()));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const publish = async (value: Secret, mark = markOf(1), at = store) =>
    at.publish(target, value, mark, await at.readBack(target));
  const held = async (at = store) => {
    const found = await at.readBack(target);
    return [found?.value?.reveal() ?? null, found?.mark?.number ?? null];
  };

  test('is the value and nothing else; whose it is stands beside it, for Keywarden alone', async () => {
    await publish(first);
    expect(await readFile(file, 'utf8')).toBe('ff_live_planted1');
    expect((await readdir(folder)).sort()).toEqual(['.frameflow-key.keywarden', 'frameflow-key']);
    const modes = await Promise.all([file, notes].map(async (path) => (await stat(path)).mode & 0o777));
    expect(modes.map((mode) => mode.toString(8))).toEqual(['640', '600']);
    const { marks } = JSON.parse(await readFile(notes, 'utf8'));
    expect(marks).toMatchObject([{ credential: 'frameflow-prod', version: 1, key_id: 'key_1' }]);
    expect(await readFile(notes, 'utf8')).not.toContain('planted');
  });

  test.each(['ff_live_theirs\n', 'ff_live_theirs\r\n', 'ff_live_theirs'])(
    'written by a person as %j is read without its line’s end, and is nobody’s',
    async (text) => {
      await writeFile(file, text);
      expect(await held()).toEqual(['ff_live_theirs', null]);
    },
  );

  test('keeps every byte but one line’s end: blanks, further lines and what is no text', async () => {
    await writeFile(file, ' key \n\n');
    expect(await held()).toEqual([' key \n', null]);
    const bytes = Buffer.from([0xff, 0x00, 0x20]);
    await rm(file);
    await publish(Secret.from(bytes));
    expect(await readFile(file)).toEqual(bytes);
    const found = await store.readBack(target);
    expect([found?.value?.bytes(), found?.mark?.number]).toEqual([bytes, 1]);
    await writeFile(file, Buffer.from([0xfe, 0x00, 0x20]));
    expect((await store.readBack(target))?.mark).toBeNull();
  });

  test('to which an editor has added a line’s end is still ours, and is written again without it', async () => {
    const mark = markOf(1);
    await publish(first, mark);
    await writeFile(file, 'ff_live_planted1\n');
    expect(await store.readBack(target)).toMatchObject({ mark: { number: 1 }, outdated: true });
    await publish(first, mark);
    expect(await readFile(file, 'utf8')).toBe('ff_live_planted1');
    expect(await store.readBack(target)).toMatchObject({ outdated: false });
  });

  test('cannot take a value that would be read back as another', async () => {
    for (const value of ['', 'key\n', '\n']) {
      const error = await edgeErrorOf(publish(Secret.from(value)));
      expect(error.failure).toMatchObject({ code: 'value_form', verdict: 'permanent' });
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test('whose notes are lost or damaged gets them again, and is itself left as it is', async () => {
    const mark = markOf(1);
    await publish(first, mark);
    const { ino } = await stat(file);
    for (const damage of [
      () => rm(notes),
      () => writeFile(notes, '{"keywarden":1,'),
      () => writeFile(notes, '[]'),
    ]) {
      await damage();
      expect(await held()).toEqual(['ff_live_planted1', null]);
      await publish(first, mark);
      expect(await held()).toEqual(['ff_live_planted1', 1]);
    }
    expect((await stat(file)).ino).toBe(ino);
  });

  test('bears the mark of what stands in it, whenever the process dies between its two writes', async () => {
    await publish(first, markOf(1));
    const real = createFiles();
    const dying: Files = {
      ...real,
      replace: (path, content, options) =>
        path === file
          ? Promise.reject(new EdgeError({ code: 'io_error', verdict: 'unknown', message: 'died' }))
          : real.replace(path, content, options),
    };
    await edgeErrorOf(publish(second, markOf(2), storeOn(dying).store));
    expect(await held(storeOn(real).store)).toEqual(['ff_live_planted1', 1]);
    await publish(second, markOf(2));
    expect(await held()).toEqual(['ff_live_planted2', 2]);
    expect(JSON.parse(await readFile(notes, 'utf8')).marks).toHaveLength(2);
  });

  test('is not published where its notes could not be', async () => {
    await symlink('elsewhere', notes);
    for (const act of [() => store.preflight(target), () => publish(first)]) {
      expect((await edgeErrorOf(act())).failure.code).toBe('symlink');
    }
    expect(await readdir(folder)).toEqual(['.frameflow-key.keywarden']);
  });

  test('is cleared of what a crash has left beside it, and beside its notes', async () => {
    const left = [
      '.keywarden-frameflow-key-0123456789abcdef.tmp',
      '.keywarden-.frameflow-key.keywarden-0123456789abcdef.tmp',
    ];
    for (const name of left) await writeFile(join(folder, name), 'half');
    await store.tidy?.([target]);
    expect(await readdir(folder)).toEqual([]);
  });
});
