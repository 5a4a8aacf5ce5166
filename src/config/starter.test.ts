import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderFault } from './fault.ts';
import { readConfig } from './load.ts';
import { type StarterAnswers, writeConfig } from './starter.ts';
import { inFolder, MASTER_KEY, readTexts } from './testing/base.ts';

const ANSWERS: StarterAnswers = {
  installation: 'footage',
  environment: 'production',
  masterKeyFile: './master.key',
  tier: 'pro',
  credential: 'frameflow-prod',
  secretEnv: 'FRAMEFLOW_API_KEY',
};

const TOKEN_VAULT = {
  address: 'https://vault.internal:8200',
  path: 'footage/frameflow',
  field: 'api_key',
  auth: { method: 'token', tokenEnv: 'VAULT_TOKEN' },
} as const;
const VAULTS: ReadonlyArray<StarterAnswers['vault']> = [
  undefined,
  TOKEN_VAULT,
  { ...TOKEN_VAULT, auth: { method: 'approle', roleIdEnv: 'VAULT_ROLE_ID', secretIdEnv: 'VAULT_SECRET_ID' } },
];
const FILES: ReadonlyArray<StarterAnswers['file']> = [
  undefined,
  { path: './my app/.env', variable: 'API_KEY' },
];
const SLACKS: ReadonlyArray<StarterAnswers['slack']> = [undefined, { webhookUrlEnv: 'SLACK_WEBHOOK_URL' }];
const PAGERS: ReadonlyArray<StarterAnswers['pagerduty']> = [
  undefined,
  { routingKeyEnv: 'PAGERDUTY_ROUTING_KEY' },
  { routingKeyEnv: 'PAGERDUTY_ROUTING_KEY', eu: true },
];

const ENV = {
  FRAMEFLOW_API_KEY: 'a',
  VAULT_TOKEN: 'b',
  VAULT_ROLE_ID: 'c',
  VAULT_SECRET_ID: 'd',
  SLACK_WEBHOOK_URL: 'e',
  PAGERDUTY_ROUTING_KEY: 'f',
};

async function load(answers: StarterAnswers) {
  const texts = {
    'keywarden.yaml': writeConfig(answers),
    'master.key': `${MASTER_KEY}\n`,
    'admin.token': 'g\n',
  };
  return inFolder(async (cwd) => {
    for (const [name, text] of Object.entries(texts)) {
      await writeFile(join(cwd, name), text);
      await chmod(join(cwd, name), 0o600);
    }
    return { cwd, ...(await readConfig({ env: ENV, cwd })) };
  });
}

test('whatever is answered, the configuration loads without a fault', async () => {
  for (const vault of VAULTS) {
    for (const file of FILES) {
      for (const slack of SLACKS) {
        for (const pagerduty of PAGERS) {
          const chosen = { vault, file, slack, pagerduty };
          const given = Object.fromEntries(
            Object.entries(chosen).filter(([, answer]) => answer !== undefined),
          );
          const { config, faults, unsupported } = await load({ ...ANSWERS, ...given });
          expect([...faults, ...unsupported].map(renderFault)).toEqual([]);
          expect(config?.credentials['frameflow-prod']?.destinations.map(({ store }) => store)).toEqual([
            ...(vault === undefined ? [] : ['vault']),
            ...(file === undefined ? [] : ['file']),
          ]);
          expect(Object.keys(config?.channels ?? {})).toEqual([
            ...(slack === undefined ? [] : ['team']),
            ...(pagerduty === undefined ? [] : ['oncall']),
          ]);
        }
      }
    }
  }
});

test('the answers are found again in what is loaded', async () => {
  const { cwd, config, warnings } = await load({
    ...ANSWERS,
    stateDirectory: './state of things',
    tier: { requestsPerMinute: 900 },
    geolocations: ['DE', 'NO'],
    adminTokenFile: './admin.token',
    file: { path: '/run/app/.env', variable: 'API_KEY' },
    slack: { webhookUrlEnv: 'SLACK_WEBHOOK_URL' },
  });
  expect(warnings.map(({ problem }) => problem)).toEqual([
    'critical alerts reach team alone, and nobody outside notices when it or Keywarden is silent',
  ]);
  expect(config?.installation).toEqual({ name: 'footage', environment: 'production' });
  expect(config?.state.directory).toBe(`${cwd}/state of things`);
  expect(config?.providers.frameflow).toMatchObject({ tier: { requestsPerMinute: 900 } });
  expect(config?.credentials['frameflow-prod']?.destinations[0]?.id).toBe('file:/run/app/.env#API_KEY');
  expect(config?.monitors['frameflow-auth-log']?.rules.geolocations).toEqual(['DE', 'NO']);
  expect(config?.api.tokens.map(({ name, role }) => [name, role])).toEqual([['admin', 'admin']]);
});

test.each(['true', '0755', 'null', '1e3', '-', '2026-01-01', 'no'])(
  'a name that YAML could misread is kept as text: %s',
  async (name) => {
    const { config } = await readTexts(
      { 'keywarden.yaml': writeConfig({ ...ANSWERS, installation: name }) },
      ENV,
      true,
    );
    expect(config?.installation.name ?? 'refused').toBe(name === '-' ? 'refused' : name);
  },
);

test('answers cannot break out of their place', async () => {
  const text = writeConfig({ ...ANSWERS, installation: 'x }\nlog: { level: debug' });
  const { faults } = await readTexts({ 'keywarden.yaml': text }, ENV, true);
  expect(faults.map(({ keyPath }) => keyPath)).toEqual(['installation.name']);
});
