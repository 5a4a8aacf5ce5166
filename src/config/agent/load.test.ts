import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BASE } from '../testing/base.ts';
import { loadAgentConfig } from './load.ts';

const TEXT = `version: 1
installation: { name: footage, environment: test }
state:
  encryptionKeys: [{ env: MASTER_KEY }]
upstream:
  url: https://keywarden.internal:7300/
  token: { env: TOKEN }
  tls: { caFile: ./ca.pem }
credentials:
  prod:
    publish:
      - { file: ./app.env, format: dotenv, variable: API_KEY, onChange: { exec: [reload] } }
  spare: {}
api:
  listen: unix:./agent.sock
  tokens:
    app: { role: app, secret: { env: LOCAL }, credentials: [prod] }
`;

const env = {
  MASTER_KEY: Buffer.alloc(32, 1).toString('base64'),
  TOKEN: 'planted-token-V4nGq8',
  LOCAL: 'planted-local-B7xKw2',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keywarden-agent-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string, more: Readonly<Record<string, string>> = {}) {
  const path = join(folder, 'agent.yaml');
  await writeFile(path, text);
  return loadAgentConfig({ files: [path], env: { ...env, ...more }, cwd: folder });
}

test('paths are absolute, defaults are filled in, references are bound', async () => {
  const { config, warnings, sources } = await load(TEXT);
  expect([warnings, sources]).toEqual([[], [join(folder, 'agent.yaml')]]);
  expect(config).toMatchObject({
    name: null,
    state: { directory: '/var/lib/keywarden-agent' },
    upstream: {
      url: 'https://keywarden.internal:7300',
      caFile: join(folder, 'ca.pem'),
      proxy: null,
      timeout: 10_000,
    },
    credentials: {
      prod: {
        destinations: [
          {
            id: `file:${join(folder, 'app.env')}#API_KEY`,
            target: { file: join(folder, 'app.env'), mode: 0o600 },
            onChange: { kind: 'exec', exec: ['reload'] },
          },
        ],
      },
      spare: { destinations: [] },
    },
    api: { listen: { kind: 'unix', path: join(folder, 'agent.sock'), mode: 0o600 } },
    log: { level: 'info', format: 'json' },
  });
  expect((await config.upstream.token.read()).reveal()).toBe(env.TOKEN);
  expect(Object.isFrozen(config.credentials)).toBe(true);
});

test("systemd's state directory is the default where it gives one", async () => {
  const { config } = await load(TEXT, { STATE_DIRECTORY: '/var/lib/shop' });
  expect(config.state.directory).toBe('/var/lib/shop');
});

describe('what is wrong is named with its place:', () => {
  test.each([
    [
      '{ file: ./app.env, format: dotenv, variable: API_KEY, onChange: { exec: [reload] } }',
      '{ store: vault, path: a, field: b }',
      ':12:11  credentials.prod.publish[0]  names a store: an agent writes files only; the daemon publishes to stores',
    ],
    ['https://keywarden', 'http://keywarden', ':6:8  upstream.url  expected https://'],
    ['credentials: [prod]', 'credentials: [prd]', 'no credential is named "prd"'],
    [
      '  spare: {}',
      '  spare: { publish: [{ file: ./app.env, format: dotenv, variable: API_KEY }] }',
      'same place',
    ],
    ['  spare: {}', '  spare: { secret: { env: TOKEN } }', 'credentials.spare.secret  unknown key'],
    ['env: TOKEN', 'env: NO_SUCH', 'upstream.token  the environment variable NO_SUCH is not set'],
    ['env: MASTER_KEY', 'env: LOCAL', 'does not hold a master key'],
    ['unix:./agent.sock', '0.0.0.0:7300', 'listens elsewhere than on loopback without TLS'],
    ['  token: { env: TOKEN }\n', '', 'upstream.token  missing'],
    ['format: dotenv', 'format: dotenw', 'did you mean "dotenv"?'],
  ])('%s → %s', async (from, to, said) => {
    expect(TEXT).toContain(from);
    const error = await load(TEXT.replace(from, to)).then(
      () => new Error('it was loaded'),
      (thrown: Error) => thrown,
    );
    expect(error.message).toContain(said);
    for (const secret of Object.values(env)) expect(error.message).not.toContain(secret);
  });
});

test("a daemon's configuration is none of an agent", async () => {
  await expect(load(BASE)).rejects.toThrow(/upstream {2}missing[\s\S]*providers {2}unknown key/);
});
