import { access, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cli, start } from './testing/cli.ts';

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

test('its exports and configuration are all that a daemon needs; Ctrl-C ends it with 0', async () => {
  const directory = join(await folder(), 'new');
  const sandbox = start(['sandbox', '--directory', directory]);
  onTestFinished(() => void sandbox.child.kill('SIGKILL'));
  await sandbox.line(/keywarden run --config/);
  const env = Object.fromEntries(
    [...sandbox.output().matchAll(/^export (\w+)='([^']+)'$/gm)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  );
  const config = join(directory, 'keywarden.yaml');
  expect((await stat(config)).mode & 0o777).toBe(0o600);
  expect(await cli(['check', '--config', config], { env })).toMatchObject({ code: 0, stderr: '' });
  sandbox.child.kill('SIGINT');
  expect(await sandbox.ended).toMatchObject({ code: 0, signal: null });
  await access(config);
});

test('--print-config prints the configuration and nothing else; a folder of its own is removed at the end', async () => {
  const sandbox = start(['sandbox', '--print-config']);
  onTestFinished(() => void sandbox.child.kill('SIGKILL'));
  const [, config = ''] = /--config (\S+)/.exec(await sandbox.line(/keywarden run --config/)) ?? [];
  const written = await readFile(config, 'utf8');
  sandbox.child.kill('SIGTERM');
  const { code, stdout } = await sandbox.ended;
  expect(code).toBe(0);
  expect(stdout).toBe(written);
  await expect(access(config)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('somebody’s configuration is not overwritten', async () => {
  const directory = await folder();
  await writeFile(join(directory, 'keywarden.yaml'), 'version: 1\n');
  const { code, stderr } = await cli(['sandbox', '--directory', directory]);
  expect(code).toBe(1);
  expect(stderr).toContain("is not the sandbox's and is not overwritten");
});
