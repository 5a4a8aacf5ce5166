import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { ConfigError, renderFault } from './fault.ts';
import { loadConfig, readConfig } from './load.ts';
import { BASE, changed, ENV, inFolder, readText, readTexts } from './testing/base.ts';
import type { Config } from './types.ts';

async function configOf(text: string, env: Readonly<Record<string, string>> = ENV): Promise<Config> {
  const { config, faults } = await readText(text, env);
  expect(faults.map(renderFault)).toEqual([]);
  if (config === null) throw new Error('no configuration and no fault');
  return config;
}

const rendered = async (texts: Record<string, string>) => (await readTexts(texts)).faults.map(renderFault);

test('every default is filled in', async () => {
  const config = await configOf(BASE);
  expect(config.schedule).toEqual({ timezone: 'UTC', reconcile: '*/10 * * * * *', pollLogs: '0 * * * * *' });
  expect(config.state.retain).toEqual({ rotations: 400 * DAY, alerts: 400 * DAY });
  const retain = BASE.replace('state:', 'state:\n  retain: { audit: 800d }');
  expect((await configOf(retain)).state.retain.audit).toBe(800 * DAY);
  expect(config.providers.second).toEqual({
    kind: 'frameflow',
    apiUrl: 'https://api.frameflow.io',
    authUrl: 'https://auth.frameflow.io',
    tier: 'standard',
    rateShare: 0.1,
    timeout: 10 * SECOND,
    allowPlaintextLoopback: false,
  });
  expect(config.credentials.other).toEqual({
    name: 'other',
    provider: 'second',
    keyId: null,
    secret: null,
    rotation: {
      mode: 'automatic',
      remindBefore: [14 * DAY, 3 * DAY],
      inactivity: null,
      keepAlive: null,
      warnBefore: [24 * HOUR, 6 * HOUR],
      every: 90 * DAY,
      overlap: 72 * HOUR,
      first: 'scheduled',
      issuedAt: null,
      jitter: 0,
      window: null,
      overlapEnd: 'any',
      settle: { minimum: 30 * SECOND, budget: 2 * MINUTE, successes: 2 },
    },
    drift: { check: HOUR, onDrift: 'alert' },
    destinations: [],
  });
  expect(config.monitors.log?.backfill).toBe(DAY);
  expect(config.monitors.log?.rules.detectors).toEqual({
    'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
    'failures-then-success': {},
    'unregistered-geolocation': {},
    'outside-allowlist': {},
    'impossible-travel': { speedKmh: 1000, minimumKm: 500 },
    'retired-key-use': {},
    'unknown-key': {},
    'dormant-key': { after: 30 * DAY },
    'rate-limit-saturation': { window: 5 * MINUTE, share: 0.2 },
    'plaintext-attempt': {},
    'volume-surge': {},
    'new-client': {},
    'log-silence': { after: 15 * MINUTE },
  });
  expect(config.log).toEqual({ level: 'info', format: 'json' });
});

test('the API listens on loopback alone where nothing is said of it', async () => {
  const { api } = await configOf(BASE.slice(0, BASE.indexOf('api:')));
  expect(api).toEqual({
    listen: { kind: 'tcp', host: '127.0.0.1', port: 7300 },
    tls: null,
    behindTlsProxy: false,
    publicUrl: null,
    probes: null,
    tokens: [],
  });
});

test("a provider's settle stands over its kind's, key by key", async () => {
  const config = await configOf(changed('    tier: pro', '    settle: { minimum: 1s, successes: 3 }'));
  expect(config.credentials.prod?.rotation.settle).toEqual({
    minimum: SECOND,
    budget: 2 * MINUTE,
    successes: 3,
  });
});

test('with a window the overlap ends on weekdays unless it says otherwise', async () => {
  const window = 'overlap: 72h\n      window: "Mon-Tue 09:00-16:00 Europe/Berlin"';
  const config = await configOf(changed('overlap: 72h', window));
  expect(config.credentials.prod?.rotation).toMatchObject({
    window: { days: [1, 2], from: 540, to: 960, timeZone: 'Europe/Berlin' },
    overlapEnd: 'weekdays',
  });
  const any = await configOf(changed('overlap: 72h', `${window}\n      overlapEnd: any`));
  expect(any.credentials.prod?.rotation.overlapEnd).toBe('any');
});

test.each([
  ['2026-10-01', Date.UTC(2026, 9, 1)],
  ['"2026-10-01T09:30:00+02:00"', Date.UTC(2026, 9, 1, 7, 30)],
  ['2026-10-01T09:30:00.5Z', Date.UTC(2026, 9, 1, 9, 30, 0, 500)],
])('issuedAt %s is read as a time', async (text, time) => {
  const config = await configOf(changed('overlap: 72h', `issuedAt: ${text}`));
  expect(config.credentials.prod?.rotation.issuedAt).toBe(time);
});

test('a detector that is false is off, and one that is true has its defaults', async () => {
  const detectors = `    detectors:
      auth-failure-spike: true
      unregistered-geolocation: false
      outside-allowlist: false
      unknown-key: false
      retired-key-use: false
      impossible-travel: false
      dormant-key: { after: 60d }
      rate-limit-saturation: { share: 0.5 }
      failures-then-success: false
      plaintext-attempt: false
      volume-surge: false
      new-client: {}`;
  const config = await configOf(changed('    detectors:', detectors));
  expect(config.monitors.log?.rules.detectors).toEqual({
    'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
    'dormant-key': { after: 60 * DAY },
    'rate-limit-saturation': { window: 5 * MINUTE, share: 0.5 },
    'new-client': {},
    'log-silence': { after: 15 * MINUTE },
  });
});

test('without routes every channel is told, PagerDuty of critical alerts only', async () => {
  const routes = `  routes:
    - { match: { severity: [critical] }, channels: [oncall] }
    - { channels: [team] }
`;
  const everything = { kind: [], credential: [], escalate: null };
  const pager = { ...everything, severity: ['critical'], channels: ['oncall'], continue: true };
  const rest = { ...everything, severity: [], channels: ['team'], continue: false };
  expect((await configOf(changed(routes, ''))).routes).toEqual([pager, rest]);
  expect((await configOf(changed(routes, '  routes: []\n'))).routes).toEqual([pager, rest]);
});

test('destinations have stable ids', async () => {
  const text = changed(
    '      - { file: ./app.env',
    '      - { store: aws, secretId: whole }\n      - { file: ./app.env',
  );
  await inFolder(async (cwd) => {
    await writeFile(join(cwd, 'keywarden.yaml'), text);
    const { config } = await loadConfig({ env: ENV, cwd });
    expect(config.credentials.prod?.destinations.map(({ id }) => id)).toEqual([
      'vault:app/frameflow#api_key',
      'aws:app/frameflow#api_key',
      'aws:whole',
      `file:${join(cwd, 'app.env')}#API_KEY`,
    ]);
  });
});

test('relative paths are relative to the file they stand in', async () => {
  await inFolder(async (cwd) => {
    await mkdir(join(cwd, 'one'));
    await mkdir(join(cwd, 'two'));
    const [head, tail] = [
      BASE.slice(0, BASE.indexOf('credentials:')),
      BASE.slice(BASE.indexOf('credentials:')),
    ];
    const socket = changed('  listen: 127.0.0.1:7300', '  listen: unix:./kw.sock\n  mode: "0660"', tail);
    const tls = changed(
      '  listen: unix:./kw.sock',
      '  tls: { certFile: c.pem, keyFile: ../k.pem }\n  listen: unix:./kw.sock',
      socket,
    );
    await writeFile(
      join(cwd, 'one/head.yaml'),
      changed('    tier: pro', '    tls: { caFile: ./ca.pem }', head),
    );
    await writeFile(join(cwd, 'two/tail.yaml'), tls);
    const { config, sources } = await loadConfig({
      files: ['one/head.yaml', 'two/tail.yaml'],
      env: ENV,
      cwd,
    });
    expect(config.state.directory).toBe(join(cwd, 'one/state'));
    expect(config.state.database).toBe(join(cwd, 'one/state/keywarden.db'));
    expect(config.providers.frameflow?.tls).toEqual({ caFile: join(cwd, 'one/ca.pem') });
    expect(config.credentials.prod?.destinations.at(-1)?.target).toMatchObject({
      file: join(cwd, 'two/app.env'),
    });
    expect(config.api.tls).toEqual({ certFile: join(cwd, 'two/c.pem'), keyFile: join(cwd, 'k.pem') });
    expect(config.api.listen).toEqual({
      kind: 'unix',
      path: join(cwd, 'two/kw.sock'),
      mode: 0o660,
      gid: null,
    });
    expect(sources).toEqual([join(cwd, 'one/head.yaml'), join(cwd, 'two/tail.yaml')]);
  });
});

test('the state lies where it is said, else where systemd says, else under /var/lib', async () => {
  const without = changed('  directory: ./state\n', '');
  expect((await configOf(without)).state.directory).toBe('/var/lib/keywarden');
  expect((await configOf(without, { ...ENV, STATE_DIRECTORY: '/var/lib/a:/var/lib/b' })).state).toMatchObject(
    {
      directory: '/var/lib/a',
      database: '/var/lib/a/keywarden.db',
    },
  );
  expect(
    (await configOf(changed('  directory: ./state', '  database: sqlite:/srv/kw.db'))).state.database,
  ).toBe('/srv/kw.db');
});

test('the configuration is frozen to its depth and knows no name that it was not given', async () => {
  const config = await configOf(BASE);
  const frozen = [config, config.state, config.credentials.prod?.rotation.settle, config.routes[0]?.channels];
  expect(frozen.map(Object.isFrozen)).toEqual([true, true, true, true]);
  expect(Reflect.get(config.credentials, 'constructor')).toBeUndefined();
});

test('the configuration is looked for in the working folder, and a named one must be there', async () => {
  await inFolder(async (cwd) => {
    const none = await readConfig({ env: {}, cwd });
    expect(none.faults.map(renderFault)).toEqual([
      'keywarden.yaml:1:1  no configuration found: no --config, no $KEYWARDEN_CONFIG, no /etc/keywarden/keywarden.yaml, no ./keywarden.yaml; `keywarden init` makes one',
    ]);
    await writeFile(join(cwd, 'keywarden.yaml'), BASE);
    expect((await loadConfig({ env: ENV, cwd })).sources).toEqual([join(cwd, 'keywarden.yaml')]);
    const named = await readConfig({ env: { ...ENV, KEYWARDEN_CONFIG: 'gone.yaml' }, cwd });
    expect(named.faults.map(renderFault)).toEqual([
      'gone.yaml:1:1  cannot be read: there is no such file; give the path of a configuration, or make one with `keywarden init`',
    ]);
    const folder = await readConfig({ files: ['.'], env: ENV, cwd });
    expect(folder.faults.map(renderFault)).toEqual(['.:1:1  cannot be read: it is a directory']);
  });
});

test('files are merged, and a key that two of them give names both places', async () => {
  const extra = 'version: 1\nstores:\n  spare: { kind: aws-secrets-manager, region: us-east-1 }\n';
  expect((await readTexts({ 'a.yaml': BASE, 'b.yaml': extra })).config?.stores.spare).toMatchObject({
    region: 'us-east-1',
  });
  expect(await rendered({ 'a.yaml': BASE, 'b.yaml': 'version: 1\nlog:\n  level: debug\n' })).toEqual([
    'b.yaml:3:3  log.level  given twice; it stands at a.yaml:52:8 already; remove one of the two',
  ]);
  expect(await rendered({ 'a.yaml': BASE, 'b.yaml': 'alerts:\n  routes: []\nversion: 2\n' })).toEqual([
    'b.yaml:2:3  alerts.routes  given twice; it stands at a.yaml:44:3 already; remove one of the two',
    'b.yaml:3:1  version  given twice; it stands at a.yaml:1:1 already; remove one of the two',
  ]);
});

test('a reference may lead from one file to another', async () => {
  const [head, tail] = [BASE.slice(0, BASE.indexOf('api:')), BASE.slice(BASE.indexOf('api:'))];
  expect(await rendered({ 'a.yaml': head, 'b.yaml': changed('[prod]', '[prud]', tail) })).toEqual([
    'b.yaml:5:65  api.tokens.app.credentials[0]  no credential is named "prud"; did you mean "prod"?',
  ]);
});

test('a file that is empty, of another encoding or too large is refused', async () => {
  const problems = async (text: string | Uint8Array) =>
    (await readTexts({ 'keywarden.yaml': text })).faults.map(({ problem }) => problem);
  expect(await problems('# nothing but a comment\n')).toEqual(['is empty']);
  expect(await problems(new Uint8Array([0xff, 0xfe, 0x41]))).toEqual([
    'cannot be read: it is not UTF-8 text',
  ]);
  expect(await problems('#'.repeat(1024 * 1024 + 1))).toEqual([
    'larger than 1 MiB: this is no configuration',
  ]);
  expect(await problems('[]')).toEqual(['expected a mapping, found an empty list']);
});

test('aliases work, and those that multiply are cut off', async () => {
  const shared = changed('[DE]', '&home [DE]').replace(
    '    ipAllowlist: [',
    '    otherKeys: { key_1: { owner: x, geolocations: *home } }\n    ipAllowlist: [',
  );
  expect((await configOf(shared)).monitors.log?.rules.otherKeys.key_1?.geolocations).toEqual(['DE']);
  const bomb = ['a0: &a0 [x]'];
  for (let level = 1; level < 30; level += 1)
    bomb.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}]`);
  const limit = 'too large: more than 20000 values, or nested deeper than 40, with every alias written out';
  for (const text of [bomb.join('\n'), 'a: &a [*a]', `a: ${'['.repeat(60)}${']'.repeat(60)}`]) {
    expect((await readText(text)).faults.map(({ problem }) => problem)).toEqual([limit]);
  }
  const deep = await readText('['.repeat(20_000));
  expect(deep.faults[0]?.problem).toBe('not readable as YAML: too deeply nested');
  expect(deep.faults.length).toBeLessThanOrEqual(20);
});

test('faults of the schema, of names and of sense are told together, in the order of the file', async () => {
  const text = changed('    tier: pro', '    tier: proo')
    .replace('overlap: 72h', 'overlap: 95d')
    .replace('store: vault', 'store: valt')
    .replace('127.0.0.1:7300', '0.0.0.0:7300')
    .replace('log: { level', 'log: { levl');
  await inFolder(async (cwd) => {
    await writeFile(
      join(cwd, 'keywarden.yaml'),
      text.replace('provider: frameflow\n    secret', 'provider: second\n    secret'),
    );
    const error = await loadConfig({ env: { ...ENV, SLACK_URL: '' }, cwd }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(ConfigError);
    if (!(error instanceof ConfigError)) return;
    expect(error.code).toBe('config_invalid');
    expect(error.faults.map(({ line, keyPath }) => `${line} ${keyPath}`)).toEqual([
      '10 providers.frameflow.tier',
      '25 credentials.prod.rotation.overlap',
      '27 credentials.prod.publish[0].store',
      '35 monitors.log.credential',
      '42 alerts.channels.team.webhookUrl',
      '48 api.listen',
      '52 log.levl',
    ]);
    expect(error.message.split('\n')).toHaveLength(8);
    expect(error.message).toContain('keywarden.yaml:52:8  log.levl  unknown key; did you mean "level"?');
  });
});

test('warnings tell of what is allowed and probably not meant', async () => {
  const text = changed('    geolocations: [DE]\n', '')
    .replace(', credentials: [prod]', '')
    .replace('    - { channels: [team] }', '    - { channels: [team] }\n    - { channels: [oncall] }');
  const { config, warnings } = await readText(text);
  expect(config?.installation.name).toBe('footage');
  expect(warnings.map(({ keyPath, problem }) => `${keyPath}: ${problem}`)).toEqual([
    'monitors.log.geolocations: no geolocations: the detector unregistered-geolocation is off',
    'alerts.routes[2]: is never reached: alerts.routes[1] takes every alert',
    'api.tokens.app.credentials: names no credentials: an app with this token can read nothing',
  ]);
  const silent = await readText(BASE.slice(0, BASE.indexOf('alerts:')));
  expect(silent.warnings.map(({ problem }) => problem)).toEqual([
    'no channel is configured: alerts are kept, but nobody is told of them',
  ]);
});
