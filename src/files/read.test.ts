import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { asUser, failureOf, freshFolder, giveToUser, NOBODY, ROOT } from './files.suite.ts';
import { createFiles } from './index.ts';

const files = createFiles();
const place = freshFolder();

describe('reading', () => {
  test('gives content, mode and owner', async () => {
    await writeFile(place.file, 'A=1\n');
    await chmod(place.file, 0o640);
    const { uid, gid } = await stat(place.file);
    const own = { content: Buffer.from('A=1\n'), mode: 0o640, uid, gid, foreign: false };
    expect(await files.read(place.file)).toEqual(own);
  });

  test('tells a file that belongs to somebody else', async () => {
    expect((await files.read('/etc/passwd'))?.foreign).toBe(!ROOT);
    if (ROOT) {
      await writeFile(place.file, 'A=1\n');
      await chown(place.file, NOBODY, NOBODY);
    }
    expect((await files.read(ROOT ? place.file : '/etc/passwd'))?.foreign).toBe(true);
    if (ROOT) await chown(place.folder, NOBODY, NOBODY);
    expect((await files.read(ROOT ? place.file : '/etc/passwd'))?.foreign).toBe(!ROOT);
  });

  test('follows a symbolic link where it is asked to', async () => {
    await writeFile(join(place.folder, 'real'), 'A=1\n');
    await symlink('real', place.file);
    expect((await files.read(place.file, { follow: true }))?.content.toString()).toBe('A=1\n');
  });

  test('gives null where the folder holds no such file', async () => {
    expect(await files.read(place.file)).toBeNull();
  });

  test('a missing folder is an error, not an absent file', async () => {
    const failure = await failureOf(files.read(join(place.folder, 'none', '.env')));
    expect(failure).toMatchObject({ code: 'missing_folder', verdict: 'retryable' });
    await writeFile(place.file, '');
    expect((await failureOf(files.read(join(place.file, '.env')))).code).toBe('missing_folder');
  });

  test('a symbolic link is refused, even to a good file', async () => {
    await writeFile(join(place.folder, 'real'), 'A=1\n');
    await symlink('real', place.file);
    expect(await failureOf(files.read(place.file))).toMatchObject({ code: 'symlink', verdict: 'permanent' });
  });

  test('a folder, a named pipe, a socket and a device are refused at once', async () => {
    await mkdir(join(place.folder, 'directory'));
    await once(spawn('mkfifo', [join(place.folder, 'pipe')]), 'exit');
    const server = createServer().listen(join(place.folder, 'socket'));
    await once(server, 'listening');
    try {
      for (const path of [
        ...['directory', 'pipe', 'socket'].map((name) => join(place.folder, name)),
        '/dev/null',
      ]) {
        expect((await failureOf(files.read(path))).code, path).toBe('not_a_file');
      }
    } finally {
      server.close();
    }
  });

  test('takes 1 MiB and refuses more', async () => {
    await writeFile(place.file, Buffer.alloc(1024 * 1024, 'x'));
    expect((await files.read(place.file))?.content.length).toBe(1024 * 1024);
    await writeFile(place.file, Buffer.alloc(1024 * 1024 + 1, 'x'));
    expect(await failureOf(files.read(place.file))).toMatchObject({
      code: 'too_large',
      verdict: 'permanent',
    });
  });

  test('a file is read to its end, whatever size it claims', async () => {
    expect((await files.read('/proc/self/stat'))?.content.length).toBeGreaterThan(0);
  });

  test('a file that may not be read is an error that says so', async () => {
    await writeFile(place.file, 'A=1\n');
    await chmod(place.file, 0o000);
    await giveToUser(place.folder, place.file);
    const failure = await asUser(place.file, 'return files.read(file)');
    expect(failure).toMatchObject({ code: 'no_right', verdict: 'permanent' });
  });
});
