import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Reading, readConfig } from '../load.ts';

/** A faultless configuration; its lines are counted on by tests: do not move them. */
export const BASE = `version: 1
installation: { name: footage, environment: test }
state:
  directory: ./state
  encryptionKeys:
    - { env: MASTER_KEY }
providers:
  frameflow:
    kind: frameflow
    tier: pro
  second:
    kind: frameflow
stores:
  vault:
    kind: vault
    address: https://vault.internal:8200
    auth: { method: token, token: { env: VAULT_TOKEN } }
  aws: { kind: aws-secrets-manager, region: eu-central-1 }
credentials:
  prod:
    provider: frameflow
    secret: { env: FIRST_KEY }
    rotation:
      every: 90d
      overlap: 72h
    publish:
      - { store: vault, path: app/frameflow, field: api_key }
      - { store: aws, secretId: app/frameflow, field: api_key }
      - { file: ./app.env, format: dotenv, variable: API_KEY }
  other:
    provider: second
monitors:
  log:
    provider: frameflow
    credential: prod
    geolocations: [DE]
    ipAllowlist: ["203.0.113.0/24"]
    detectors:
      log-silence: { after: 15m }
alerts:
  channels:
    team: { kind: slack, webhookUrl: { env: SLACK_URL } }
    oncall: { kind: pagerduty, routingKey: { env: ROUTING_KEY } }
  routes:
    - { match: { severity: [critical] }, channels: [oncall] }
    - { channels: [team] }
api:
  listen: 127.0.0.1:7300
  tokens:
    ops: { role: admin, secret: { env: ADMIN_TOKEN } }
    app: { role: app, secret: { env: APP_TOKEN }, credentials: [prod] }
log: { level: info }
`;

export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

export const ENV = {
  MASTER_KEY,
  VAULT_TOKEN: 'vault-token-value',
  FIRST_KEY: 'first-key-value',
  SLACK_URL: 'slack-url-value',
  ROUTING_KEY: 'routing-key-value',
  ADMIN_TOKEN: 'admin-token-value',
  APP_TOKEN: 'app-token-value',
};

/** {@link BASE} with `from` (which must stand in it once) replaced. */
export function changed(from: string, to: string, base = BASE): string {
  const parts = base.split(from);
  if (parts.length !== 2) throw new Error(`"${from}" stands ${parts.length - 1} times in the configuration`);
  return parts.join(to);
}

/** A folder of its own, removed at the end. */
export async function inFolder<T>(task: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-config-'));
  try {
    return await task(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What is read from files of these names and texts. */
export function readTexts(
  texts: Readonly<Record<string, string | Uint8Array>>,
  env: Readonly<Record<string, string>> = ENV,
  offline = false,
): Promise<Reading> {
  return inFolder(async (cwd) => {
    for (const [name, text] of Object.entries(texts)) await writeFile(join(cwd, name), text);
    return readConfig({ files: Object.keys(texts), env, cwd, offline });
  });
}

export function readText(text: string, env: Readonly<Record<string, string>> = ENV): Promise<Reading> {
  return readTexts({ 'keywarden.yaml': text }, env);
}
