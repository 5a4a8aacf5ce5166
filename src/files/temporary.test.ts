import { chmod, chown, mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, freshFolder, giveToUser, NOBODY, ROOT } from './files.suite.ts';
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

  test('leaves the file of another user alone', async () => {
    await writeFile(join(place.folder, left), 'x');
    if (ROOT) await chown(join(place.folder, left), NOBODY, NOBODY);
    await files.sweep(place.file);
    expect(await readdir(place.folder)).toEqual(ROOT ? [left] : []);
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
