import { chown, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, failureOf, freshFolder, giveToUser, MODE, NEW, ROOT } from './files.suite.ts';
import { createFiles } from './index.ts';

const files = createFiles();
const place = freshFolder();
const octal = async () => ((await stat(place.file)).mode & 0o7777).toString(8);

describe('replacing', () => {
  test('makes a file with exactly the mode that was asked for, whatever the umask', async () => {
    const umask = process.umask(0o077);
    try {
      await files.replace(place.file, NEW, { mode: 0o664 });
    } finally {
      process.umask(umask);
    }
    expect([await readFile(place.file, 'utf8'), await octal()]).toEqual(['NEW=1\n', '664']);
    expect(await readdir(place.folder)).toEqual(['.env']);
  });

  test('puts a new file in the old one’s place: who has the old one open reads it whole', async () => {
    await writeFile(place.file, 'OLD=1\n', { mode: 0o644 });
    const former = await stat(place.file);
    await files.replace(place.file, NEW, MODE);
    expect((await stat(place.file)).ino).not.toBe(former.ino);
    expect([await readFile(place.file, 'utf8'), await octal()]).toEqual(['NEW=1\n', '600']);
  });

  test('a reader never sees half a file', async () => {
    const contents = ['a', 'b'].map((letter) => Buffer.alloc(200_000, letter));
    await files.replace(place.file, contents[0] ?? NEW, MODE);
    let writing = true;
    const writer = (async () => {
      for (let turn = 0; turn < 40; turn += 1)
        await files.replace(place.file, contents[turn % 2] ?? NEW, MODE);
      writing = false;
    })();
    const seen = new Set<boolean>();
    while (writing) {
      const read = await readFile(place.file);
      seen.add(contents.some((content) => content.equals(read)));
    }
    await writer;
    expect([...seen]).toEqual([true]);
  });

  test('replacements at the same moment leave one of them whole and no temporary file', async () => {
    const contents = Array.from({ length: 8 }, (_, index) => `N=${index}\n`);
    await Promise.all(contents.map((content) => files.replace(place.file, Buffer.from(content), MODE)));
    expect(contents).toContain(await readFile(place.file, 'utf8'));
    expect(await readdir(place.folder)).toEqual(['.env']);
  });

  test('content over 1 MiB is refused', async () => {
    const failure = await failureOf(files.replace(place.file, new Uint8Array(1024 * 1024 + 1), MODE));
    expect(failure).toMatchObject({ code: 'too_large', verdict: 'permanent' });
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('what the caller did not expect is a conflict and stays', async () => {
    const options = (expected: string | null) => ({
      ...MODE,
      expected: expected === null ? null : Buffer.from(expected),
    });
    await writeFile(place.file, 'THEIRS=1\n');
    for (const expected of [null, '', 'OLD=1\n']) {
      expect(await failureOf(files.replace(place.file, NEW, options(expected)))).toMatchObject({
        code: 'conflict',
        verdict: 'retryable',
      });
    }
    expect([await readFile(place.file, 'utf8'), await readdir(place.folder)]).toEqual([
      'THEIRS=1\n',
      ['.env'],
    ]);
    await files.replace(place.file, NEW, options('THEIRS=1\n'));
    await rm(place.file);
    expect((await failureOf(files.replace(place.file, NEW, options('NEW=1\n')))).code).toBe('conflict');
    await files.replace(place.file, NEW, options(null));
    expect(await readFile(place.file, 'utf8')).toBe('NEW=1\n');
  });

  test('a full disk leaves the old file whole, and may be tried again', async () => {
    await writeFile(place.file, 'OLD=1\n', { mode: 0o600 });
    await giveToUser(place.folder, place.file);
    const body = `return files.replace(file, Buffer.alloc(500_000, 'x'), { mode: 0o600 })`;
    const failure = await asUser(place.file, body, `trap '' XFSZ; ulimit -f 64; exec "$0" "$@"`);
    expect(failure).toMatchObject({ code: 'disk_full', verdict: 'retryable' });
    expect([await readFile(place.file, 'utf8'), await readdir(place.folder)]).toEqual(['OLD=1\n', ['.env']]);
    expect(await asUser(place.file, body)).toBeNull();
    expect((await stat(place.file)).size).toBe(500_000);
  });

  test('keeps the owner and group of the file it replaces, and gives it to whom it is told', async () => {
    await writeFile(place.file, 'OLD=1\n');
    if (ROOT) {
      await chown(place.folder, 1_234, 1_234);
      await chown(place.file, 1_234, 4_321);
    }
    const former = await stat(place.file);
    await files.replace(place.file, NEW, { mode: 0o640 });
    const kept = await stat(place.file);
    expect([kept.uid, kept.gid]).toEqual([former.uid, former.gid]);
    const wanted = ROOT ? { uid: 2_345, gid: 5_432 } : { uid: former.uid, gid: former.gid };
    await files.replace(place.file, NEW, { mode: 0o4640, ...wanted });
    const given = await stat(place.file);
    expect([{ uid: given.uid, gid: given.gid }, await octal()]).toEqual([wanted, '4640']);
  });

  test('an owner who cannot be given is refused, by the probe already', async () => {
    await giveToUser(place.folder);
    for (const act of [
      'return files.probe(file, { uid: 0 })',
      'return files.probe(file, { gid: 0 })',
      'return files.replace(file, Buffer.alloc(1), { mode: 0o600, uid: 0 })',
    ]) {
      expect(await asUser(place.file, act), act).toMatchObject({ code: 'no_right', verdict: 'permanent' });
    }
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('a planted temporary name cannot lead the writing elsewhere', async () => {
    await writeFile(join(place.folder, 'victim'), 'precious');
    await symlink('victim', join(place.folder, '.keywarden-.env-0000000000000000.tmp'));
    await files.replace(place.file, NEW, MODE);
    expect(await readFile(join(place.folder, 'victim'), 'utf8')).toBe('precious');
  });
});

describe('probing', () => {
  test('leaves nothing behind, and the file as it was', async () => {
    await writeFile(place.file, 'A=1\n');
    const former = await stat(place.file);
    await files.probe(place.file);
    await files.probe(join(place.folder, 'new'));
    expect(await readdir(place.folder)).toEqual(['.env']);
    expect((await stat(place.file)).ino).toBe(former.ino);
  });

  test('finds a full disk', async () => {
    await giveToUser(place.folder);
    const failure = await asUser(
      place.file,
      'return files.probe(file)',
      `trap '' XFSZ; ulimit -f 0; exec "$0" "$@"`,
    );
    expect(failure).toMatchObject({ code: 'disk_full', verdict: 'retryable' });
    expect(await readdir(place.folder)).toEqual([]);
  });
});
