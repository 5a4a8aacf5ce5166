import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { ConfigError } from './fault.ts';
import { jsonSchema } from './json-schema.ts';
import { loadConfig, readConfig } from './load.ts';
import { BASE, changed, ENV, inFolder, readTexts } from './testing/base.ts';

const folder = fileURLToPath(new URL('../../config/', import.meta.url));
const options = { files: ['keywarden.example.yaml'], env: {}, cwd: folder, offline: true };

test('the example has no fault, and no part that is not yet supported', async () => {
  const { config, faults, unsupported, warnings } = await readConfig(options);
  expect(faults).toEqual([]);
  expect(unsupported).toEqual([]);
  expect(warnings).toHaveLength(16);
  expect(config?.credentials['frameflow-prod']?.destinations.map(({ id }) => id)).toEqual([
    'vault:footage/frameflow#api_key',
    'aws:footage/frameflow#api_key',
    'cluster:footage/frameflow#api_key',
    'file:/run/app/.env#FRAMEFLOW_API_KEY',
  ]);
});

test('what the example says of the life of its credentials is found in what is loaded', async () => {
  const { config } = await readConfig(options);
  const prod = config?.credentials['frameflow-prod'];
  expect(prod).toMatchObject({
    rotation: { mode: 'automatic', keepAlive: null, warnBefore: [24 * HOUR, 6 * HOUR] },
    drift: { check: 15 * MINUTE, onDrift: 'alert' },
  });
  expect(prod?.destinations.map(({ onChange }) => onChange)).toEqual([
    null,
    null,
    null,
    { kind: 'exec', exec: ['systemctl', 'reload', 'footage'], timeout: 30 * SECOND },
  ]);
  expect(config?.credentials['stockflow-search']?.rotation).toMatchObject({
    mode: 'guided',
    remindBefore: [14 * DAY, 3 * DAY],
    inactivity: 90 * DAY,
    keepAlive: 60 * DAY,
  });
});

test('what is not yet supported stops the start, with its place', async () => {
  await inFolder(async (cwd) => {
    const text = changed('  directory: ./state', '  database: postgres://kw@db/kw');
    await writeFile(join(cwd, 'keywarden.yaml'), text);
    const error = await loadConfig({ env: ENV, cwd }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigError);
    if (!(error instanceof ConfigError)) return;
    expect(error.faults).toEqual([]);
    expect(error.message).toMatch(
      /keywarden\.yaml:4:\d+ {2}state\.database {2}not yet supported: a PostgreSQL database/,
    );
  });
});

test('a PostgreSQL database is not yet supported, however it is named', async () => {
  const unsupportedIn = async (from: string, to: string) =>
    (await readTexts({ 'keywarden.yaml': changed(from, to) })).unsupported.map(
      ({ keyPath, problem }) => `${keyPath} ${problem}`,
    );
  expect(await unsupportedIn('  directory: ./state', '  database: postgres://kw@db/kw')).toEqual([
    'state.database not yet supported: a PostgreSQL database',
  ]);
  expect(await unsupportedIn('  directory: ./state', '  database: { env: ADMIN_TOKEN }')).toEqual([
    'state.database not yet supported: a PostgreSQL database',
  ]);
  expect((await readTexts({ 'keywarden.yaml': BASE })).unsupported).toEqual([]);
});

test('the JSON Schema in the repository is the one of the code', async () => {
  const stored: unknown = JSON.parse(await readFile(`${folder}keywarden.schema.json`, 'utf8'));
  expect(stored).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
});

test('the JSON Schema knows secrets as references only', () => {
  expect(jsonSchema()).toMatchObject({
    title: 'Configuration of Keywarden',
    $defs: {
      secret: {
        anyOf: [
          { type: 'object', required: ['env'], additionalProperties: false },
          { type: 'object', required: ['file'], additionalProperties: false },
        ],
      },
    },
    properties: { state: { properties: { encryptionKeys: { items: { $ref: '#/$defs/secret' } } } } },
  });
});
