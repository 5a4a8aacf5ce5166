import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Surroundings } from './surroundings.ts';

export const CREDENTIAL = 'frameflow-prod';

/** The surroundings in their process, and a folder for whatever is measured in them. */
export type World = {
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes a configuration into a fresh folder below, with a state of its own, and gives its path. */
  configure(name: string, settings?: Settings): Promise<string>;
  end(): Promise<void>;
};

export type Settings = {
  /** To Vault and AWS besides the file. */
  readonly stores?: boolean;
  /** How long a fresh key is not believed. */
  readonly settle?: string;
};

/** @param overlapMs how long a replaced key stays valid */
export async function openWorld(overlapMs = 72 * 3_600_000): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  const script = fileURLToPath(new URL('./surroundings.ts', import.meta.url));
  const child = spawn(process.execPath, [script, String(overlapMs)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const surroundings = await firstLine(child.stdout);
  await writeFile(join(folder, 'sandbox.pem'), surroundings.ca);
  await writeFile(join(folder, 'stores.pem'), surroundings.storesCa);
  return {
    folder,
    env: { ...process.env, ...surroundings.environment },
    async configure(name, settings = {}) {
      const own = await mkdtemp(join(folder, `${name}-`));
      await chmod(own, 0o700);
      const file = join(own, 'keywarden.yaml');
      await writeFile(file, JSON.stringify(documentOf(settings, { folder, own, surroundings }), null, 2));
      return file;
    },
    async end() {
      child.stdin.end();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function firstLine(output: NodeJS.ReadableStream): Promise<Surroundings> {
  for await (const line of createInterface(output)) return JSON.parse(line) as Surroundings;
  throw new Error('the surroundings ended before they were up');
}

type Parts = { readonly folder: string; readonly own: string; readonly surroundings: Surroundings };

/** JSON is YAML. */
function documentOf({ stores = false, settle }: Settings, { folder, own, surroundings }: Parts): object {
  const tls = { caFile: join(folder, 'sandbox.pem') };
  const storeTls = { caFile: join(folder, 'stores.pem') };
  const auth = { method: 'approle', roleId: { env: 'VAULT_ROLE_ID' }, secretId: { env: 'VAULT_SECRET_ID' } };
  const { frameflow, vault, aws } = surroundings;
  const inStores = [
    { store: 'vault', path: 'footage/frameflow', field: 'api_key' },
    { store: 'aws', secretId: 'footage/frameflow', field: 'api_key', create: true },
  ];
  const inFile = { file: join(own, 'app.env'), format: 'dotenv', variable: 'FRAMEFLOW_API_KEY' };
  return {
    version: 1,
    installation: { name: 'bench', environment: 'production' },
    state: { directory: join(own, 'state'), encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    providers: {
      frameflow: {
        kind: 'frameflow',
        apiUrl: frameflow,
        tier: 'pro',
        rateShare: 1,
        tls,
        ...(settle === undefined ? {} : { settle: { minimum: settle, budget: '30s', successes: 1 } }),
      },
    },
    ...(stores
      ? {
          stores: {
            vault: { kind: 'vault', address: vault, auth, tls: storeTls },
            aws: { kind: 'aws-secrets-manager', region: 'eu-central-1', endpoint: aws, tls: storeTls },
          },
        }
      : {}),
    credentials: {
      [CREDENTIAL]: {
        provider: 'frameflow',
        secret: { env: 'FRAMEFLOW_API_KEY' },
        publish: stores ? [inFile, ...inStores] : [inFile],
      },
    },
    monitors: {
      'frameflow-auth-log': { provider: 'frameflow', credential: CREDENTIAL, geolocations: ['DE'] },
    },
    alerts: { channels: { team: { kind: 'slack', webhookUrl: { env: 'SLACK_WEBHOOK_URL' }, tls } } },
    api: {
      listen: `unix:${join(own, 'api.sock')}`,
      tokens: { ops: { role: 'admin', secret: { env: 'KEYWARDEN_ADMIN_TOKEN' } } },
    },
    log: { level: 'info', format: 'json' },
  };
}
