import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeWithMounted } from '../../files/mount.suite.ts';
import { BIN } from '../testing/cli.ts';
import { type World, world } from '../testing/world.ts';

let w: World;
const ENTRY = '{ file: ./app.env, format: dotenv, variable: FRAMEFLOW_API_KEY }';

beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

/** A configuration of its own, in which the key is published to `entry`. */
async function configured(entry: string): Promise<string> {
  const path = join(w.directory, 'files.yaml');
  await writeFile(path, (await readFile(w.config, 'utf8')).replace(ENTRY, entry), { mode: 0o600 });
  return path;
}

test('of a file that is mounted by itself it is said that the folder is what to mount', async () => {
  const file = join(w.directory, 'app.env');
  await writeFile(file, 'MODE=production\n', { mode: 0o600 });
  const args = [BIN, 'check', '--config', w.config];
  const options = { cwd: w.directory, env: { PATH: process.env.PATH, ...w.env } };
  const { mounted, code, stdout } = await nodeWithMounted(file, args, options);
  const about = `frameflow-prod, file:${file}#FRAMEFLOW_API_KEY`;
  const refused = `FAIL  ${about}: cannot write ${file}: the file is mounted by itself (a bind mount), so that it cannot be replaced; mount the folder instead of the file`;
  expect(stdout).toContain(mounted ? refused : `ok    ${about}: can be written`);
  expect(code).toBe(mounted ? 5 : 0);
});

test('a mode that lets everybody read is a warning, and no fault', async () => {
  const config = await configured('{ file: ./key, format: raw, mode: "0644" }');
  const { code, stdout } = await w.cli(['check', '--config', config]);
  expect(stdout).toMatch(
    /^warn {2}configuration: .*publish\[0\]\.mode {2}lets every user of the machine at the key/m,
  );
  expect(stdout).toContain(`ok    frameflow-prod, file:${w.directory}/key: can be written`);
  expect(code).toBe(0);
});

test('a template that cannot be rendered is a fault with the line in it', async () => {
  await writeFile(join(w.directory, 'app.tmpl'), 'key = {{frameflow-prod}}\nother = {{nobody}}\n');
  const config = await configured('{ file: ./app.toml, format: template, template: ./app.tmpl }');
  const { code, stdout } = await w.cli(['check', '--config', config]);
  expect(stdout).toMatch(
    /^FAIL {2}configuration: .*app\.tmpl:2:9 .*{{nobody}} names no credential that publishes to/m,
  );
  expect(code).toBe(2);
});
