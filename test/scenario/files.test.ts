import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CREDENTIAL, SECOND } from '../support/settings.ts';
import { makeWorld, type World, type WorldOptions } from '../support/world.ts';

const QUIET: WorldOptions = { monitor: null, application: false, destinations: ['file'] };

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

async function keyOf(world: World, credential = CREDENTIAL): Promise<string> {
  const { versions } = await world.credential(credential);
  const current = versions.find(({ state }) => state === 'current');
  return (await world.state.versionValue(current?.id ?? '')).reveal();
}

describe('the rights of a published file that somebody changed by hand', () => {
  test('are told and left under `alert`; once they are right again the alert ends', async () => {
    const world = await makeWorld(QUIET);
    const file = join(world.folder, 'app.env');
    await chmod(file, 0o644);
    await world.advance('25h');
    expect(await world.alerts('file-permissions')).toMatchObject([
      {
        state: 'triggered',
        severity: 'warning',
        title: `frameflow-prod: file:${file}#FRAMEFLOW_API_KEY has mode 644, not mode 600`,
        evidence: { found: 'mode 644', wanted: 'mode 600', wider: true, written: false },
      },
    ]);
    await world.advance('3d');
    expect([await modeOf(file), world.slack.counts()]).toEqual(['644', { 'file-permissions': 1 }]);
    await chmod(file, 0o600);
    await world.advance('1d');
    expect(world.slack.counts()).toEqual({ 'file-permissions': 1, 'file-permissions resolved': 1 });
  });

  test('are set right under `overwrite`, and told with their end', async () => {
    const world = await makeWorld({ ...QUIET, drift: { check: '15m', onDrift: 'overwrite' } });
    const file = join(world.folder, 'app.env');
    await chmod(file, 0o640);
    await world.advance('16m');
    expect(await modeOf(file)).toBe('600');
    await world.file.expectVersion(1);
    expect(await world.alerts('file-permissions')).toMatchObject([
      { state: 'resolved', evidence: { found: 'mode 640', written: true } },
    ]);
  });

  test('are none of ours before the first version is published', async () => {
    const world = await makeWorld({ ...QUIET, started: false });
    const file = join(world.folder, 'app.env');
    await writeFile(file, 'MODE=production\n', { mode: 0o644 });
    await world.start();
    expect([await modeOf(file), await world.alerts()]).toEqual(['600', []]);
    await world.advance('25h');
    expect(await world.alerts('file-permissions')).toEqual([]);
  });
});

describe('a rotation reaches', () => {
  test('a raw file, which is the key and nothing else', async () => {
    const world = await makeWorld({ ...QUIET, publish: { file: { format: 'raw', variable: undefined } } });
    const file = join(world.folder, 'app.env');
    const first = await readFile(file, 'utf8');
    await world.rotate();
    await world.advance('2m');
    const second = await readFile(file, 'utf8');
    expect(second).toBe(await keyOf(world));
    expect(second).not.toBe(first);
    await world.advance('25h');
    expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['rotation-completed']);
  });

  test('a member of a JSON file, whose other members stay', async () => {
    const json = { format: 'json', field: 'assets.apiKey', variable: undefined };
    const world = await makeWorld({ ...QUIET, started: false, publish: { file: json } });
    const file = join(world.folder, 'app.env');
    await writeFile(file, '{\n\t"debug": false,\n\t"assets": {"url": "https://x", "apiKey": ""}\n}\n', {
      mode: 0o600,
    });
    await world.start();
    await world.rotate();
    await world.advance('2m');
    const { debug, assets } = JSON.parse(await readFile(file, 'utf8'));
    expect([debug, assets.url, assets.apiKey]).toEqual([false, 'https://x', await keyOf(world)]);
  });
});

describe('a file rendered from a template', () => {
  async function rendering(): Promise<{ world: World; file: string; template: string }> {
    const world = await makeWorld({ ...QUIET, started: false, second: true });
    const [file, template] = [join(world.folder, 'app.toml'), join(world.folder, 'app.toml.tmpl')];
    const document = JSON.parse(await readFile(world.configFile, 'utf8'));
    for (const name of [CREDENTIAL, SECOND])
      document.credentials[name].publish = [{ file, format: 'template', template }];
    await writeFile(world.configFile, JSON.stringify(document));
    await writeFile(template, `one = "{{${CREDENTIAL}}}"\ntwo = "{{${SECOND}}}"\n`);
    await world.start();
    return { world, file, template };
  }

  test('holds the keys of several credentials, each rotated by itself', async () => {
    const { world, file } = await rendering();
    const other = await keyOf(world, SECOND);
    expect(await readFile(file, 'utf8')).toBe(`one = "${await keyOf(world)}"\ntwo = "${other}"\n`);
    await world.rotate();
    await world.advance('2m');
    expect(await readFile(file, 'utf8')).toBe(`one = "${await keyOf(world)}"\ntwo = "${other}"\n`);
    expect((await world.credential()).destinations).toMatchObject([
      { id: `file:${file}#${CREDENTIAL}`, state: 'published' },
    ]);
    await world.advance('2d');
    expect((await world.alerts()).map(({ kind }) => kind)).toEqual(['rotation-completed']);
  });

  test('is rendered anew at the next look once its template has changed', async () => {
    const { world, file, template } = await rendering();
    await writeFile(template, `# new\ntwo: {{${SECOND}}}\none: {{${CREDENTIAL}}}\n`);
    await world.advance('25h');
    expect(await readFile(file, 'utf8')).toBe(
      `# new\ntwo: ${await keyOf(world, SECOND)}\none: ${await keyOf(world)}\n`,
    );
    expect(await world.alerts()).toEqual([]);
  });
});

test('what a crash left beside a file is gone after the next start, long before the file is looked at again', async () => {
  const world = await makeWorld(QUIET);
  await world.stop();
  const left = [
    '.keywarden-app.env-0123456789abcdef.tmp',
    '.keywarden-.app.env.keywarden-0123456789abcdef.tmp',
  ];
  for (const name of left) await writeFile(join(world.folder, name), 'FRAMEFLOW_API_KEY=half');
  await world.start();
  // Beside all else, in the disk's own time.
  const beside = async () => (await readdir(world.folder)).filter((name) => name.endsWith('.tmp'));
  await expect.poll(beside, { timeout: 10_000 }).toEqual([]);
  expect((await world.credential()).destinations).toMatchObject([{ state: 'published' }]);
});
