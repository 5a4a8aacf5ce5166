import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { renderFault } from './fault.ts';
import { readConfig } from './load.ts';
import { readMonitors } from './monitors.ts';
import { BASE, changed } from './testing/base.ts';

async function read(text: string) {
  const cwd = await mkdtemp(join(tmpdir(), 'kw-'));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, 'keywarden.yaml'), text);
  const { monitors, faults } = await readMonitors({ files: ['keywarden.yaml'], env: {}, cwd });
  const { config } = await readConfig({ files: ['keywarden.yaml'], env: {}, cwd, offline: true });
  return { monitors, faults: faults.map(renderFault), config, cwd };
}

test('the rules are those of the whole configuration', async () => {
  const { monitors, faults, config } = await read(BASE);
  expect(faults).toEqual([]);
  expect(monitors).toMatchObject([{ name: 'log', provider: 'frameflow', geoip: null, keys: [] }]);
  expect(monitors[0]?.rules).toEqual(config?.monitors.log?.rules);
});

test('nothing beside the monitors is needed, nor does it have to be right', async () => {
  const { monitors, faults, config } = await read(`version: 7
alerts: nonsense
credentials:
  prod: { provider: frameflow, keyId: key_1, secret: 17 }
  other: { provider: second, keyId: key_2 }
monitors:
  log: { provider: frameflow, credential: prod }
`);
  expect(config).toBeNull();
  expect(faults).toEqual([]);
  expect(monitors).toMatchObject([{ name: 'log', keys: [{ credential: 'prod', keyId: 'key_1' }] }]);
});

test('faults of the monitors are told with their places', async () => {
  const { monitors, faults } = await read(changed('geolocations: [DE]', 'geolocation: [DE]'));
  expect(monitors).toEqual([]);
  expect(faults).toEqual([
    'keywarden.yaml:36:5  monitors.log.geolocation  unknown key; did you mean "geolocations"?',
  ]);
});

test('the country database lies beside the file that names it', async () => {
  const { monitors, cwd } = await read(
    changed('geolocations: [DE]', 'geolocations: [DE]\n    geoip: { database: ./country.mmdb }'),
  );
  expect(monitors[0]?.geoip).toBe(join(cwd, 'country.mmdb'));
});
