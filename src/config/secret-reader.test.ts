import { chmod, mkdir, rename, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readConfig } from './load.ts';
import { onReadOnlyMount } from './mounts.ts';
import { secretReader } from './secret-reader.ts';
import { BASE, changed, ENV, inFolder, readTexts } from './testing/base.ts';

const WRITABLE = '22 1 0:1 / / rw,relatime - ext4 /dev/a rw\n';

async function textOf(
  reader: ReturnType<typeof secretReader>,
  file: string,
  allowModes?: number,
): Promise<string> {
  const { value } = await reader(allowModes === undefined ? { file } : { file, allowModes });
  return value.reveal();
}

test('a variable is read as it is at the time', async () => {
  const env: Record<string, string> = { KEY: 'one\n' };
  const read = secretReader(env);
  expect((await read({ env: 'KEY' })).value.reveal()).toBe('one\n');
  env.KEY = 'two';
  expect((await read({ env: 'KEY' })).value.reveal()).toBe('two');
  env.KEY = '';
  await expect(read({ env: 'KEY' })).rejects.toMatchObject({
    code: 'secret_unavailable',
    message: 'the environment variable KEY is empty',
  });
  delete env.KEY;
  await expect(read({ env: 'KEY' })).rejects.toThrow('the environment variable KEY is not set');
});

test.each([
  ['value', 'value'],
  ['value\n', 'value'],
  ['value\r\n', 'value'],
  ['value\n\n', 'value\n'],
  [' two words ', ' two words '],
])('of %j in a file the secret is %j', async (content, secret) => {
  await inFolder(async (folder) => {
    const file = join(folder, 'secret');
    await writeFile(file, content, { mode: 0o600 });
    expect(await textOf(secretReader({}), file)).toBe(secret);
  });
});

test('a file that is empty, missing, no file or far too large is refused', async () => {
  await inFolder(async (folder) => {
    const read = secretReader({});
    const file = join(folder, 'secret');
    const message = (wanted: string) =>
      read({ file: wanted }).then(
        () => 'read',
        (error: Error) => error.message,
      );
    expect(await message(file)).toBe(`the file ${file} cannot be read: there is no such file`);
    await writeFile(file, '\n', { mode: 0o600 });
    expect(await message(file)).toBe(`the file ${file} is empty`);
    await truncate(file, 64 * 1024 + 1);
    expect(await message(file)).toBe(`the file ${file} is larger than 64 KiB: this is no secret`);
    await mkdir(join(folder, 'dir'));
    expect(await message(join(folder, 'dir'))).toBe(`the file ${join(folder, 'dir')} is no regular file`);
  });
});

test('a file that others can read is refused unless allowModes permits it', async () => {
  await inFolder(async (folder) => {
    const read = secretReader({}, async () => WRITABLE);
    const file = join(folder, 'secret');
    await writeFile(file, 'value', { mode: 0o600 });
    for (const mode of [0o640, 0o604, 0o620, 0o644]) {
      await chmod(file, mode);
      const octal = `0${mode.toString(8)}`;
      await expect(read({ file })).rejects.toThrow(
        `the file ${file} can be read by others (mode ${octal}); run chmod 600, or say allowModes: "${octal}" beside it`,
      );
      expect(await textOf(read, file, mode)).toBe('value');
    }
    await expect(read({ file, allowModes: 0o640 })).rejects.toThrow('can be read by others (mode 0644)');
    await chmod(file, 0o700);
    expect(await textOf(read, file)).toBe('value');
  });
});

test('on a read-only mount it is a warning', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'secret');
    await writeFile(file, 'value', { mode: 0o600 });
    await chmod(file, 0o444);
    const table = `${WRITABLE}23 22 0:2 / ${folder} ro,nosuid - tmpfs tmpfs rw\n`;
    const { value, warning } = await secretReader({}, async () => table)({ file });
    expect(value.reveal()).toBe('value');
    expect(warning).toBe(`the file ${file} can be read by others (mode 0444)`);
  });
});

test('the mount that holds a path is the deepest and latest one', () => {
  const table = [
    '1 0 0:1 / / ro - ext4 /dev/a ro',
    '2 1 0:2 / /run rw - tmpfs tmpfs rw',
    '3 2 0:3 / /run/my\\040secrets ro - tmpfs tmpfs ro',
    '4 2 0:4 / /run/twice ro - tmpfs tmpfs ro',
    '5 2 0:5 / /run/twice rw - tmpfs tmpfs rw',
    'garbage',
  ].join('\n');
  const paths = ['/etc/x', '/run/x', '/run/my secrets/x', '/run/my secrets too', '/run/twice/x'];
  expect(paths.map((path) => onReadOnlyMount(path, table))).toEqual([true, false, true, false, false]);
  expect(onReadOnlyMount('/x', '')).toBe(false);
});

test('a file is read again when it changes, also behind a link', async () => {
  await inFolder(async (folder) => {
    const [first, second, link] = [join(folder, 'first'), join(folder, 'second'), join(folder, 'link')];
    await writeFile(first, 'one', { mode: 0o600 });
    await writeFile(second, 'two', { mode: 0o600 });
    await symlink(first, link);
    const read = secretReader({});
    const before = (await read({ file: link })).value;
    expect((await read({ file: link })).value).toBe(before);
    await symlink(second, join(folder, 'next'));
    await rename(join(folder, 'next'), link);
    expect(await textOf(read, link)).toBe('two');
    await writeFile(second, 'six');
    await utimes(second, 1, 1);
    expect(await textOf(read, link)).toBe('six');
  });
});

test('references of a configuration are read from the folder of its file, and stay bound to it', async () => {
  await inFolder(async (cwd) => {
    const text = changed('secret: { env: FIRST_KEY }', 'secret: { file: ./first.key }');
    await writeFile(join(cwd, 'keywarden.yaml'), text);
    const missing = await readConfig({ env: ENV, cwd });
    expect(missing.faults.map(({ line, keyPath, problem }) => [line, keyPath, problem])).toEqual([
      [
        22,
        'credentials.prod.secret',
        `the file ${join(cwd, 'first.key')} cannot be read: there is no such file`,
      ],
    ]);
    await writeFile(join(cwd, 'first.key'), 'one\n', { mode: 0o600 });
    const { config } = await readConfig({ env: ENV, cwd });
    const source = config?.credentials.prod?.secret;
    expect((await source?.read())?.reveal()).toBe('one');
    await writeFile(join(cwd, 'first.key'), 'three\n');
    expect((await source?.read())?.reveal()).toBe('three');
  });
});

test('offline a reference that leads nowhere is a warning, and the configuration is there', async () => {
  const { config, faults, warnings } = await readTexts({ 'keywarden.yaml': BASE }, {}, true);
  expect(faults).toEqual([]);
  expect(config?.installation.name).toBe('footage');
  expect(warnings.map(({ keyPath }) => keyPath)).toEqual([
    'state.encryptionKeys[0]',
    'stores.vault.auth.token',
    'credentials.prod.secret',
    'alerts.channels.team.webhookUrl',
    'alerts.channels.oncall.routingKey',
    'api.tokens.ops.secret',
    'api.tokens.app.secret',
  ]);
});
