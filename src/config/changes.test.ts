import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { changedParts, filesReadOnce, fixedFaults, loadConfig, renderFault } from './index.ts';

const TEXT = `version: 1
installation: { name: footage, environment: production }
state: { directory: ./state, encryptionKeys: [{ env: MASTER }] }
network: { allow: [169.254.169.254] }
providers:
  frameflow: { kind: frameflow, tls: { caFile: ./ca.pem } }
credentials:
  one: { provider: frameflow, secret: { env: ONE } }
  two: { provider: frameflow, secret: { env: TWO } }
alerts:
  channels:
    team: { kind: slack, webhookUrl: { env: SLACK } }
    oncall: { kind: pagerduty, routingKey: { env: PAGERDUTY } }
  routes: [{ channels: [team, oncall] }]
api:
  listen: 127.0.0.1:7300
  tokens: { ops: { role: admin, secret: { env: OPS } } }
log: { level: info }
`;

const ENV = {
  MASTER: Buffer.alloc(32, 1).toString('base64'),
  NEXT: Buffer.alloc(32, 2).toString('base64'),
  ONE: `ff_live_${'a'.repeat(32)}`,
  TWO: `ff_live_${'b'.repeat(32)}`,
  SLACK: 'https://hooks.slack.com/services/T0/B0/x',
  PAGERDUTY: 'r'.repeat(32),
  OPS: 'planted-ops-token-0123456789',
};

async function load(text: string) {
  const folder = await mkdtemp(join(tmpdir(), 'kw-changes-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'keywarden.yaml');
  await writeFile(path, text, { mode: 0o600 });
  await writeFile(join(folder, 'ca.pem'), '');
  const loaded = await loadConfig({ files: [path], env: ENV, cwd: folder });
  return { ...loaded, folder };
}

async function changes(from: string | RegExp, to: string): Promise<readonly string[]> {
  const [before, after] = [await load(TEXT), await load(TEXT.replace(from, to))];
  return changedParts(before.written.values, after.written.values);
}

test.each([
  [
    'an entry of a section',
    'one: { provider: frameflow',
    'one: { rotation: { every: 9d }, provider: frameflow',
    'credentials.one',
  ],
  ['an entry more', 'credentials:', 'credentials:\n  three: { provider: frameflow }', 'credentials.three'],
  ['a channel', 'env: SLACK', 'env: OPS', 'alerts.channels.team'],
  ['the routes', '[team, oncall]', '[oncall, team]', 'alerts.routes'],
  ['a token', 'role: admin', 'role: reader', 'api.tokens.ops'],
  ['a setting', 'level: info', 'level: debug', 'log.level'],
  ['a section that is gone', /^network.*$/m, '', 'network.allow'],
])('%s is named', async (_what, from, to, name) => {
  expect(await changes(from, to)).toEqual([name]);
});

test('what means the same is no change', async () => {
  expect(await changes('log: { level: info }', '# quiet\nlog:\n  level: "info"')).toEqual([]);
});

test.each([
  ['installation', 'name: footage', 'name: other'],
  ['installation', 'environment: production', 'environment: staging'],
  ['state', './state', './elsewhere'],
  ['state.encryptionKeys', '[{ env: MASTER }]', '[{ env: NEXT }, { env: MASTER }]'],
  ['api.listen', '7300', '7301'],
  ['api.probes', 'tokens:', 'probes: { listen: 127.0.0.1:7302 }\n  tokens:'],
])('%s cannot change while it runs; the fault says where it stands', async (name, from, to) => {
  const [before, after] = [await load(TEXT), await load(TEXT.replace(from, to))];
  // The folders of the two differ, and with them the place of the state.
  const same = { ...before.config, state: { ...before.config.state, database: after.config.state.database } };
  const faults = fixedFaults(name === 'state' ? before.config : same, after.config, after.written);
  expect(faults.map(({ keyPath }) => keyPath)).toEqual([name]);
  expect(renderFault(faults[0] ?? expect.fail())).toMatch(
    /keywarden\.yaml:\d+:\d+ {2}\S+ {2}cannot change while Keywarden runs: .*; put it back and reload/,
  );
});

test('files that are read with the configuration are named; those of secrets are not', async () => {
  const { config, folder } = await load(TEXT);
  expect(filesReadOnce(config)).toEqual([join(folder, 'ca.pem')]);
});
