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
  /** The certificate authority of the stores, PEM. */
  readonly storesCa: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Writes a configuration into a fresh folder below, with a state of its own, and gives its path. */
  configure(name: string, settings?: Settings): Promise<string>;
  end(): Promise<void>;
};

export type StoreName = 'vault' | 'aws' | 'cluster';

export type Settings = {
  /** Besides the file. */
  readonly stores?: readonly StoreName[];
  /** Where to, instead of one place in the file and one in each store. */
  readonly publish?: readonly object[];
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
  await writeFile(join(folder, 'kube.conf'), kubeconfigOf(surroundings), { mode: 0o600 });
  return {
    folder,
    storesCa: surroundings.storesCa,
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
function documentOf(
  { stores = [], publish, settle }: Settings,
  { folder, own, surroundings }: Parts,
): object {
  const tls = { caFile: join(folder, 'sandbox.pem') };
  const { frameflow } = surroundings;
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
    ...(stores.length === 0 ? {} : { stores: storesOf(stores, folder, surroundings) }),
    credentials: {
      [CREDENTIAL]: {
        provider: 'frameflow',
        secret: { env: 'FRAMEFLOW_API_KEY' },
        publish: publish ?? [inFile, ...stores.map((store) => PLACES[store])],
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

const PLACES: Readonly<Record<StoreName, object>> = {
  vault: { store: 'vault', path: 'footage/frameflow', field: 'api_key' },
  aws: { store: 'aws', secretId: 'footage/frameflow', field: 'api_key', create: true },
  cluster: { store: 'cluster', namespace: 'footage', secret: 'frameflow', key: 'api_key' },
};

function storesOf(names: readonly StoreName[], folder: string, { vault, aws }: Surroundings): object {
  const tls = { caFile: join(folder, 'stores.pem') };
  const auth = { method: 'approle', roleId: { env: 'VAULT_ROLE_ID' }, secretId: { env: 'VAULT_SECRET_ID' } };
  const all: Readonly<Record<StoreName, object>> = {
    vault: { kind: 'vault', address: vault, auth, tls },
    aws: { kind: 'aws-secrets-manager', region: 'eu-central-1', endpoint: aws, tls },
    cluster: { kind: 'kubernetes', kubeconfig: join(folder, 'kube.conf') },
  };
  return Object.fromEntries(names.map((name) => [name, all[name]]));
}

function kubeconfigOf({ kubernetes: { url, token }, storesCa }: Surroundings): string {
  const ca = Buffer.from(storesCa).toString('base64');
  return JSON.stringify({
    'current-context': 'bench',
    clusters: [{ name: 'bench', cluster: { server: url, 'certificate-authority-data': ca } }],
    contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench' } }],
    users: [{ name: 'bench', user: { token } }],
  });
}
