import { chmod, link, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, freshFolder, giveToUser, ROOT } from './files.suite.ts';
import { createFiles } from './index.ts';

const files = createFiles();
const place = freshFolder();

describe('sweeping', () => {
  const left = '.keywarden-.env-0123456789abcdef.tmp';

  test('removes what a process that was killed while it wrote has left', async () => {
    await giveToUser(place.folder);
    await asUser(
      place.file,
      `
      const { openTemporary } = await import(${JSON.stringify(new URL('./temporary.ts', import.meta.url).href)});
      await (await openTemporary(file)).handle.writeFile('half a sec');
    `,
    );
    expect((await readdir(place.folder)).map((name) => name.replace(/[0-9a-f]{16}/, 'X'))).toEqual([
      '.keywarden-.env-X.tmp',
    ]);
    await asUser(place.file, 'return files.sweep(file)');
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('leaves alone what is not surely ours', async () => {
    const others = [
      '.env',
      '.env.tmp',
      '.keywarden-.env-0123456789abcdeg.tmp',
      '.keywarden-.env-0123456789abcdef.tmp.bak',
      '.keywarden-other-0123456789abcdef.tmp',
      '.keywarden-.env-local-0123456789abcdef.tmp',
    ];
    for (const name of [...others, left]) await writeFile(join(place.folder, name), 'x');
    await mkdir(join(place.folder, '.keywarden-.env-00000000000000aa.tmp'));
    await symlink('.env', join(place.folder, '.keywarden-.env-00000000000000bb.tmp'));
    await files.sweep(place.file);
    expect(await readdir(place.folder)).toEqual(
      [...others, '.keywarden-.env-00000000000000aa.tmp', '.keywarden-.env-00000000000000bb.tmp'].toSorted(),
    );
  });

  test('removes one that was given to the destination’s owner before the crash', async () => {
    await writeFile(join(place.folder, left), 'KEY=whole');
    await giveToUser(join(place.folder, left));
    await files.sweep(place.file);
    expect(await readdir(place.folder)).toEqual([]);
  });

  test('leaves one with a second name alone', async () => {
    await writeFile(join(place.folder, 'theirs'), 'x');
    await link(join(place.folder, 'theirs'), join(place.folder, left));
    await files.sweep(place.file);
    expect(await readdir(place.folder)).toEqual([left, 'theirs']);
  });

  test('one that may not be removed is told, and keeps none of the others', async () => {
    const stuck = '.keywarden-.env-0000000000000000.tmp';
    for (const name of [stuck, left]) await writeFile(join(place.folder, name), 'x');
    await giveToUser(join(place.folder, left));
    await chmod(place.folder, 0o1777);
    const told = ROOT ? expect.objectContaining({ code: 'no_right', verdict: 'permanent' }) : null;
    expect(await asUser(place.file, 'return files.sweep(file)')).toEqual(told);
    expect(await readdir(place.folder)).toEqual(ROOT ? [stuck] : []);
  });

  test('a folder that is not there needs no sweeping', async () => {
    await rename(place.folder, `${place.folder}.away`);
    try {
      await expect(files.sweep(place.file)).resolves.toBeUndefined();
    } finally {
      await rename(`${place.folder}.away`, place.folder);
    }
  });

  test('a folder that may not be read is told', async () => {
    await giveToUser(place.folder);
    await chmod(place.folder, 0o300);
    expect(await asUser(place.file, 'return files.sweep(file)')).toMatchObject({
      code: 'no_right',
      verdict: 'permanent',
    });
  });
});
