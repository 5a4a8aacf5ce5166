import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, failureOf, freshFolder, giveToUser, MODE, NEW, NOBODY, ROOT } from './files.suite.ts';
import { createFiles } from './index.ts';
import { mountPoints } from './inspect.ts';
import { nodeWithMounted } from './mount.suite.ts';

const files = createFiles();
const place = freshFolder();

describe('neither probe nor replace accepts', () => {
  async function refuses(path: string, code: string, verdict = 'permanent') {
    for (const action of [() => files.probe(path), () => files.replace(path, NEW, MODE)]) {
      const failure = await failureOf(action());
      expect([failure.code, failure.verdict]).toEqual([code, verdict]);
      expect(failure.message).toContain(path);
    }
  }

  test('a symbolic link, also one that leads nowhere', async () => {
    await writeFile(join(place.folder, 'real'), 'A=1\n');
    await symlink('real', place.file);
    await symlink('nowhere', join(place.folder, 'dangling'));
    await refuses(place.file, 'symlink');
    await refuses(join(place.folder, 'dangling'), 'symlink');
    expect(await readFile(join(place.folder, 'real'), 'utf8')).toBe('A=1\n');
  });

  test('a file with a second name', async () => {
    await writeFile(place.file, 'A=1\n');
    await link(place.file, join(place.folder, 'second'));
    await refuses(place.file, 'hard_link');
  });

  test('a folder or a special file', async () => {
    await mkdir(place.file);
    await refuses(place.file, 'not_a_file');
    await once(spawn('mkfifo', [join(place.folder, 'pipe')]), 'exit');
    await refuses(join(place.folder, 'pipe'), 'not_a_file');
  });

  test('a missing folder, or a file in its place', async () => {
    await refuses(join(place.folder, 'none', '.env'), 'missing_folder', 'retryable');
    await writeFile(place.file, '');
    await refuses(join(place.file, '.env'), 'missing_folder', 'retryable');
  });

  test('a folder that everybody may write, unless it is sticky', async () => {
    await chmod(place.folder, 0o777);
    await refuses(place.file, 'open_folder');
    await chmod(place.folder, 0o1777);
    await files.probe(place.file);
    await chmod(place.folder, 0o770);
    await files.replace(place.file, NEW, MODE);
    expect(await readFile(place.file, 'utf8')).toBe('NEW=1\n');
  });

  test('a file of another user', async () => {
    const foreign = ROOT ? place.file : '/etc/passwd';
    if (ROOT) {
      await writeFile(place.file, 'A=1\n');
      await chown(place.file, NOBODY, NOBODY);
    }
    await refuses(foreign, 'foreign_owner');
  });

  test('a name that is too long', async () => {
    await refuses(join(place.folder, 'x'.repeat(250)), 'name_too_long');
  });

  test('a folder that may not be written', async () => {
    await giveToUser(place.folder);
    await chmod(place.folder, 0o500);
    for (const act of ['files.probe(file)', 'files.replace(file, Buffer.alloc(1), { mode: 0o600 })']) {
      expect(await asUser(place.file, `return ${act}`)).toMatchObject({
        code: 'no_right',
        verdict: 'permanent',
      });
    }
  });
});

test('a file that is mounted by itself is refused before anything is written: its folder is what to mount', async () => {
  await writeFile(place.file, 'A=1\n');
  const module = JSON.stringify(new URL('./index.ts', import.meta.url).href);
  const code = `
    const files = (await import(${module})).createFiles();
    const acts = [() => files.probe(process.argv[1]), () => files.replace(process.argv[1], Buffer.from('B'), { mode: 0o600 })];
    const failures = [];
    for (const act of acts) failures.push(await act().then(() => null, ({ failure }) => failure));
    process.stdout.write(JSON.stringify(failures));
  `;
  const { mounted, stdout } = await nodeWithMounted(place.file, [
    '--input-type=module',
    '-e',
    code,
    place.file,
  ]);
  const refused = {
    code: 'mounted_file',
    verdict: 'permanent',
    message: expect.stringContaining('mount the folder instead of the file'),
  };
  expect(JSON.parse(stdout)).toEqual(mounted ? [refused, refused] : [null, null]);
  expect(await readFile(place.file, 'utf8')).toBe(mounted ? 'A=1\n' : 'B');
  expect(await readdir(place.folder)).toEqual(['.env']);
});

test('mount points are known by the names that the kernel writes in octal', () => {
  const table =
    '36 35 98:0 /mnt1 /run/app/.env rw,noatime master:1 - ext3 /dev/root rw\n' +
    '37 35 98:0 /x /with\\040blank\\134 rw - tmpfs tmpfs rw\n';
  expect([...mountPoints(table)]).toEqual(['/run/app/.env', '/with blank\\']);
  expect([...mountPoints('')]).toEqual([]);
});
