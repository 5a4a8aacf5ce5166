import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { textOf } from './tidy/repository.ts';
import { isTestCode, ROOT } from './tidy/source.ts';

const run = promisify(execFile);

test('the package runs from its compiled files alone, and holds no test code', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-package-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
  const dist = join(folder, 'dist');
  await run(tsc, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', dist]);
  await mkdir(join(folder, 'src'));
  await cp(join(ROOT, 'src/keywarden.js'), join(folder, 'src/keywarden.js'));
  await cp(join(ROOT, 'package.json'), join(folder, 'package.json'));
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));

  const { bin, version, files } = JSON.parse(textOf('package.json'));
  expect(files).toEqual(expect.arrayContaining([bin.keywarden, 'dist']));
  const { stdout } = await run(process.execPath, [join(folder, bin.keywarden), '--version']);
  expect(stdout).toBe(`${version}\n`);
  const schema = await run(process.execPath, [join(folder, bin.keywarden), 'schema']);
  expect(JSON.parse(schema.stdout)).toEqual(JSON.parse(textOf('config/keywarden.schema.json')));

  const compiled = await readdir(dist, { recursive: true });
  expect(compiled).toContain('main.js');
  const sources = compiled.map((file) => `src/${file}`.replace(/(\.d)?\.[jt]s$/, '.ts'));
  expect(sources.filter(isTestCode)).toEqual([]);
}, 60_000);
