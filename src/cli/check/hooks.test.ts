import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type World, world } from '../testing/world.ts';

let w: World;
/** Runs `check` with this hook on the one publication; its line. */
async function lineOf(hook: string): Promise<string> {
  await writeFile(w.config, configured.replace('variable: FRAMEFLOW_API_KEY', `$&, onChange: ${hook}`), {
    mode: 0o600,
  });
  const { stdout } = await w.cli(['check']);
  return stdout.split('\n').find((line) => line.includes('  hook of ')) ?? stdout;
}

let configured = '';
const about = () => `hook of frameflow-prod, file:${w.directory}/app.env#FRAMEFLOW_API_KEY`;

beforeAll(async () => {
  w = await world((text) => {
    configured = text;
    return text;
  });
});
afterAll(() => w[Symbol.asyncDispose]());

test('a command is shown and not run', async () => {
  const script = join(w.directory, 'reload');
  await writeFile(script, `#!/bin/sh\ntouch ${join(w.directory, 'ran')}\n`);
  await chmod(script, 0o700);
  expect(await lineOf(`{ exec: [${script}, now] }`)).toBe(
    `ok    ${about()}: would run ["${script}","now"]; not run`,
  );
  await expect(chmod(join(w.directory, 'ran'), 0o600)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a command that cannot be run is a fault; one that this PATH lacks a warning', async () => {
  const folder = join(w.directory, 'folder');
  await mkdir(folder);
  expect(await lineOf(`{ exec: [${folder}] }`)).toBe(
    `FAIL  ${about()}: ${folder} is not there, or this user may not run it`,
  );
  expect(await lineOf('{ exec: [sh, -c, "exit 1"] }')).toMatch(/^ok {4}/);
  expect(await lineOf('{ exec: [no-such-program] }')).toMatch(
    /^warn {2}.*there is no no-such-program in this PATH: name its whole path$/,
  );
});

test('a pid file is read, and nobody gets the signal', async () => {
  const file = join(w.directory, 'app.pid');
  const hook = `{ signal: SIGTERM, pidFile: ${file} }`;
  expect(await lineOf(hook)).toMatch(/^warn {2}.*app\.pid cannot be read; /);
  await writeFile(file, 'no number\n');
  expect(await lineOf(hook)).toBe(`FAIL  ${about()}: ${file} holds no process id`);
  await writeFile(file, `${process.pid}\n`);
  expect(await lineOf(hook)).toBe(
    `ok    ${about()}: would send SIGTERM to the process ${process.pid} of ${file}; not sent`,
  );
});

test('of an address only its host is shown', async () => {
  const line = await lineOf('{ http: { url: "https://app.example.com/hooks/hidden-path-Q8" } }');
  expect(line).toBe(`ok    ${about()}: would send POST to https://app.example.com; not sent`);
});
