import { link, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFiles } from '../../files/index.ts';
import { EdgeError, type Files, Secret } from '../../model/index.ts';
import type { Store } from '../contract.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import type { FileTarget } from './schema.ts';
import { storeOn, dotenvTarget as targetOf } from './store.suite.ts';

describe('the file store', () => {
  let folder: string;
  let file: string;
  let store: Store<FileTarget>;
  let logged: () => string;
  const value = Secret.from('ff_live_planted1');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'keywarden-store-'));
    file = join(folder, '.env');
    ({ store, logged } = storeOn(createFiles()));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const modeOf = async () => ((await stat(file)).mode & 0o777).toString(8);

  test('makes a missing file, for its owner alone', async () => {
    expect(await store.readBack(targetOf(file, 'KEY'))).toBeNull();
    await store.publish(targetOf(file, 'KEY'), value, markOf(1), null);
    expect(await readFile(file, 'utf8')).toMatch(/^KEY=ff_live_planted1\n# keywarden:1 KEY .*\n$/);
    expect(await modeOf()).toBe('600');
  });

  test('sets the mode that the destination asks for, also where the version is there already', async () => {
    const mark = markOf(1);
    await store.publish(targetOf(file, 'KEY', { mode: '0640' }), value, mark, null);
    expect(await modeOf()).toBe('640');
    await store.publish(targetOf(file, 'KEY'), value, mark, await store.readBack(targetOf(file, 'KEY')));
    expect(await modeOf()).toBe('600');
  });

  test('many variables of one file written at once are all there, each with its mark', async () => {
    const targets = Array.from({ length: 12 }, (_, index) => targetOf(file, `KEY_${index}`));
    const marks = targets.map((_, index) => markOf(index + 1));
    await Promise.all(
      targets.map((target, index) => store.publish(target, value, marks[index] ?? markOf(0), null)),
    );
    const found = await Promise.all(targets.map((target) => store.readBack(target)));
    expect(found.map((one) => one?.mark)).toEqual(marks);
  });

  test('a change elsewhere in the file is no conflict, and is kept', async () => {
    await store.publish(targetOf(file, 'KEY'), value, markOf(1), null);
    const found = await store.readBack(targetOf(file, 'KEY'));
    await writeFile(file, `ADDED=1\n${await readFile(file, 'utf8')}`);
    await store.publish(targetOf(file, 'KEY'), Secret.from('second'), markOf(2), found);
    expect(await readFile(file, 'utf8')).toMatch(/^ADDED=1\nKEY=second\n# keywarden:1 KEY version 2 .*\n$/);
  });

  test('a write by another program between our reading and our rename is a conflict, and is kept', async () => {
    const real = createFiles();
    await writeFile(file, 'KEY=old\n');
    const files: Files = {
      ...real,
      replace: async (path, content, options) => {
        await writeFile(file, 'KEY=old\nTHEIRS=1\n');
        await real.replace(path, content, options);
      },
    };
    const racing = storeOn(files).store;
    const found = await racing.readBack(targetOf(file, 'KEY'));
    const error = await edgeErrorOf(racing.publish(targetOf(file, 'KEY'), value, markOf(1), found));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(await readFile(file, 'utf8')).toBe('KEY=old\nTHEIRS=1\n');
    expect(await readdir(folder)).toEqual(['.env']);
  });

  test('what a crash left beside the file is swept before the first work on it', async () => {
    const left = join(folder, '.keywarden-.env-0123456789abcdef.tmp');
    await writeFile(left, 'KEY=half');
    await store.readBack(targetOf(file, 'KEY'));
    expect(await readdir(folder)).toEqual([]);
  });

  test('a sweep that fails is told in the log and stops nothing', async () => {
    const failure = new EdgeError({ code: 'no_right', verdict: 'permanent', message: 'may not sweep' });
    const sweeping = storeOn({ ...createFiles(), sweep: () => Promise.reject(failure) });
    await sweeping.store.publish(targetOf(file, 'KEY'), value, markOf(1), null);
    expect((await sweeping.store.readBack(targetOf(file, 'KEY')))?.value?.reveal()).toBe('ff_live_planted1');
    expect(sweeping.logged()).toContain('may not sweep');
  });

  test('a folder that is not there is no empty destination: reading fails and may be tried again', async () => {
    const error = await edgeErrorOf(store.readBack(targetOf(join(folder, 'not-mounted', '.env'), 'KEY')));
    expect(error.failure).toMatchObject({ code: 'missing_folder', verdict: 'retryable' });
  });

  test('preflight finds out what would stop the publication, for good or for now', async () => {
    const preflight = async (path: string) =>
      (await edgeErrorOf(store.preflight(targetOf(path, 'KEY')))).failure.code;
    const real = join(folder, 'real');
    await writeFile(real, 'A=1\n');
    await symlink(real, join(folder, 'soft'));
    await link(real, join(folder, 'hard'));
    await mkdir(join(folder, 'directory'));
    await writeFile(join(folder, 'odd'), 'A=1\\\nKEY=old\n');
    await writeFile(join(folder, 'big'), Buffer.alloc(1024 * 1024 + 1, 'A=1\n'));
    expect(await preflight(join(folder, 'soft'))).toBe('symlink');
    expect(await preflight(join(folder, 'hard'))).toBe('hard_link');
    expect(await preflight(join(folder, 'directory'))).toBe('not_a_file');
    expect(await preflight(join(folder, 'odd'))).toBe('ambiguous_file');
    expect(await preflight(join(folder, 'big'))).toBe('too_large');
    expect(await preflight(join(folder, 'none', '.env'))).toBe('missing_folder');
  });

  test('a value that readers would not read alike is refused without touching the file', async () => {
    await writeFile(file, 'A=1\n');
    const target = targetOf(file, 'KEY');
    const secret = Secret.from('planted with "blanks"');
    const error = await edgeErrorOf(store.publish(target, secret, markOf(1), await store.readBack(target)));
    expect(error.failure).toMatchObject({ code: 'value_form', verdict: 'permanent' });
    expect(error.message).not.toContain('planted');
    expect(await readFile(file, 'utf8')).toBe('A=1\n');
  });

  test('a file system that hangs ends every operation in time, those that wait for their turn too', async () => {
    const hung = storeOn({ ...createFiles(), read: () => new Promise(() => {}) }, 20).store;
    const target = targetOf(file, 'KEY');
    const errors = await Promise.all([
      edgeErrorOf(hung.preflight(target)),
      edgeErrorOf(hung.readBack(target)),
      edgeErrorOf(hung.publish(target, value, markOf(1), null)),
    ]);
    expect(errors.map(({ failure }) => [failure.code, failure.verdict])).toEqual([
      ['timeout', 'retryable'],
      ['timeout', 'retryable'],
      ['timeout', 'unknown'],
    ]);
    expect(errors[0]?.message).toContain(`reading ${file} was not done within 0.02 s`);
  });

  test('what was held up too long is not written once the file system answers again', async () => {
    const answering = Promise.withResolvers<null>();
    const done: string[] = [];
    const files: Files = {
      ...createFiles(),
      read: () => {
        done.push('read');
        return answering.promise;
      },
      replace: async (_path, content) => {
        done.push(Buffer.from(content).toString());
      },
    };
    const held = storeOn(files, 200).store;
    const publish = (number: number) => held.publish(targetOf(file, 'KEY'), value, markOf(number), null);
    await Promise.all([edgeErrorOf(publish(1)), edgeErrorOf(publish(2))]);
    answering.resolve(null);
    await publish(3);
    expect(done).toEqual(['read', 'read', expect.stringContaining('# keywarden:1 KEY version 3 ')]);
  });

  test('one path that fails does not hold up the next work on it', async () => {
    const target = targetOf(file, 'KEY');
    const [bad, good] = await Promise.allSettled([
      store.publish(target, Secret.from('no good'), markOf(1), null),
      store.publish(target, value, markOf(2), null),
    ]);
    expect([bad?.status, good?.status]).toEqual(['rejected', 'fulfilled']);
    expect(logged()).toBe('');
  });
});
