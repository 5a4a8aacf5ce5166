import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { readConfig } from './load.ts';
import { changed, ENV, inFolder } from './testing/base.ts';

const ENTRY = '{ file: ./app.env, format: dotenv, variable: API_KEY }';
const OTHER = '  other:\n    provider: second\n';

/** The faultless configuration with other files published to, beside a template. Paths are shown as from its folder. */
async function reading(
  entry: string,
  options: {
    readonly others?: string;
    readonly template?: string | Uint8Array;
    readonly offline?: boolean;
  } = {},
) {
  const { others = '', template, offline = false } = options;
  return inFolder(async (cwd) => {
    const text = changed(OTHER, `${OTHER}${others && `    publish: [${others}]\n`}`, changed(ENTRY, entry));
    await writeFile(join(cwd, 'keywarden.yaml'), text);
    if (template !== undefined) await writeFile(join(cwd, 'app.tmpl'), template);
    const { config, faults, unsupported, warnings } = await readConfig({
      files: ['keywarden.yaml'],
      env: ENV,
      cwd,
      offline,
    });
    const shown = (list: typeof faults) => list.map((fault) => renderFault(fault).replaceAll(`${cwd}/`, ''));
    const destinations = Object.values(config?.credentials ?? {}).flatMap((credential) =>
      credential.destinations.filter(({ store }) => store === 'file'),
    );
    return { destinations, faults: shown([...faults, ...unsupported]), warnings: shown(warnings), cwd };
  });
}

const faultsOf = async (...args: Parameters<typeof reading>) => (await reading(...args)).faults;
const AT = 'keywarden.yaml:29:9  credentials.prod.publish[2]';

describe('a file of each format', () => {
  test.each([
    ['{ file: ./k, format: raw }', 'file:k'],
    ['{ file: ./c.json, format: json, field: api_key }', 'file:c.json#api_key'],
    ['{ file: ./c.json, format: json, field: frameflow.apiKey }', 'file:c.json#frameflow.apiKey'],
    ['{ file: ./.env, format: dotenv, variable: KEY, mode: "0640", uid: 1000, gid: 1000 }', 'file:.env#KEY'],
  ])('%s is taken, and has a name of its own', async (entry, id) => {
    const { destinations, faults, warnings, cwd } = await reading(entry);
    expect([faults, warnings]).toEqual([[], []]);
    expect(destinations.map((each) => each.id.replace(`${cwd}/`, ''))).toEqual([id]);
  });

  test.each([
    ['{ file: ./k, format: json }', `${AT}.field  missing; expected field: NAME beside format: json`],
    [
      '{ file: ./k, format: template }',
      `${AT}.template  missing; expected template: PATH beside format: template`,
    ],
    [
      '{ file: ./k, format: raw, variable: KEY }',
      'keywarden.yaml:29:45  credentials.prod.publish[2].variable  expected no variable: it stands beside format: dotenv only, found "KEY"',
    ],
    [
      '{ file: ./k, format: json, field: a..b }',
      'keywarden.yaml:29:43  credentials.prod.publish[2].field  expected the name of a member such as api_key, or the way to it such as frameflow.apiKey, found "a..b"',
    ],
    [
      '{ file: ./k, format: raw, mode: "0040" }',
      'keywarden.yaml:29:41  credentials.prod.publish[2].mode  expected a mode with which the owner can read, such as "0600", found "0040"',
    ],
    [
      '{ file: ./k, format: raw, uid: app }',
      'keywarden.yaml:29:40  credentials.prod.publish[2].uid  expected a number, found a string of 3 characters',
    ],
    [
      '{ file: ./k, format: raw, gid: -1 }',
      'keywarden.yaml:29:40  credentials.prod.publish[2].gid  expected a number of at least 0, found -1',
    ],
  ])('%s is refused', async (entry, fault) => {
    expect(await faultsOf(entry)).toEqual([fault]);
  });
});

test('a mode that lets everybody read is a warning', async () => {
  const { faults, warnings } = await reading('{ file: ./k, format: raw, mode: "0644" }');
  expect(faults).toEqual([]);
  expect(warnings).toEqual([
    'keywarden.yaml:29:41  credentials.prod.publish[2].mode  lets every user of the machine at the key (mode 644); for one program set uid, or gid and mode: "0640"',
  ]);
});

describe('two entries of one file', () => {
  const collision = 'publishes to the same place as prod at keywarden.yaml:29';
  test.each([
    ['{ file: ./k, format: raw }', '{ file: ./k, format: raw }', collision],
    ['{ file: ./c, format: json, field: a }', '{ file: ./c, format: json, field: a.b }', collision],
    ['{ file: ./c, format: json, field: a.b.c }', '{ file: ./c, format: json, field: a.b }', collision],
    ['{ file: ./c, format: json, field: a }', '{ file: ./c, format: dotenv, variable: B }', 'another format'],
  ])('%s and %s contradict each other', async (entry, others, said) => {
    expect(await faultsOf(entry, { others })).toEqual([expect.stringContaining(said)]);
  });

  test('are fine where each has a member of its own', async () => {
    const others = '{ file: ./c, format: json, field: ab }';
    expect(await faultsOf('{ file: ./c, format: json, field: a }', { others })).toEqual([]);
  });
});

describe('a template', () => {
  const entry = '{ file: ./app.toml, format: template, template: ./app.tmpl }';

  test('is the place of each credential that publishes by it', async () => {
    const template = 'a={{prod}}\nb={{ other }}\n';
    const { destinations, faults, cwd } = await reading(entry, { others: entry, template });
    expect(faults).toEqual([]);
    const shared = { file: `${cwd}/app.toml`, template: `${cwd}/app.tmpl`, credentials: ['prod', 'other'] };
    expect(destinations).toMatchObject([
      { id: `file:${cwd}/app.toml#prod`, target: { ...shared, credential: 'prod' } },
      { id: `file:${cwd}/app.toml#other`, target: { ...shared, credential: 'other' } },
    ]);
  });

  test('has all its faults told at once, each with its line in it and once', async () => {
    const template = '# {{prod}}{{other}}\n{{ prd }}\n{{ ff_live_8x9a2bQ4 }}\n';
    expect(await faultsOf(entry, { others: entry, template })).toEqual([
      'app.tmpl:1:11  credentials.prod.publish[2].template  nothing stands between this value and the one before: they could not be told apart; put other text between the two',
      'app.tmpl:2:1  credentials.prod.publish[2].template  {{prd}} names no credential that publishes to app.toml; did you mean "prod"?',
      'app.tmpl:3:1  credentials.prod.publish[2].template  {{…}} names no credential that publishes to app.toml; known here: prod, other',
    ]);
  });

  test('must have a place for each who publishes by it', async () => {
    expect(await faultsOf(entry, { others: entry, template: '{{prod}}' })).toEqual([
      expect.stringMatching(
        /credentials\.other\.publish\[0\]\.template {2}app\.tmpl has no place for this credential; write {{other}}/,
      ),
    ]);
  });

  test('whose place is that of a credential published elsewhere is a fault', async () => {
    expect(await faultsOf(entry, { template: '{{prod}} {{other}}' })).toEqual([
      expect.stringContaining(
        'app.tmpl:1:10  credentials.prod.publish[2].template  {{other}} names no credential',
      ),
    ]);
  });

  test('that cannot be read is a fault, and offline a warning', async () => {
    expect(await faultsOf(entry)).toEqual([expect.stringContaining('app.tmpl cannot be read (ENOENT)')]);
    const offline = await reading(entry, { offline: true });
    expect([offline.faults, offline.warnings]).toEqual([
      [],
      [expect.stringContaining('app.tmpl cannot be read')],
    ]);
  });

  test('that is no text, or the file itself, is a fault', async () => {
    expect(await faultsOf(entry, { template: Buffer.from([0xff]) })).toEqual([
      expect.stringContaining('app.tmpl is no UTF-8 text'),
    ]);
    const self = '{ file: ./app.tmpl, format: template, template: ./app.tmpl }';
    expect(await faultsOf(self, { template: '{{prod}}' })).toEqual([
      expect.stringContaining('is the file that is rendered'),
    ]);
  });

  test('is one for all who publish to the file', async () => {
    const others = '{ file: ./app.toml, format: template, template: ./keywarden.yaml }';
    expect(await faultsOf(entry, { others, template: '{{prod}}{{prod}}' })).toContainEqual(
      expect.stringContaining('gives the file another format, template, mode, uid or gid than prod'),
    );
  });
});
