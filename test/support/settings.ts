import { join } from 'node:path';
import type { Sandbox } from '../../src/sandbox/index.ts';

/** What a scenario says of its world; everything has a default. */
export type WorldSettings = {
  /** Of the credential `frameflow-prod`. */
  readonly rotation?: Readonly<Record<string, unknown>>;
  readonly drift?: object;
  readonly stragglers?: object;
  readonly destinations?: readonly Place[];
  /** Added to a destination of that place. */
  readonly publish?: Partial<Readonly<Record<Place, object>>>;
  /** For the provider, the stores and the channels: real time, since their deadlines run on it. */
  readonly timeout?: string;
  readonly provider?: object;
  readonly monitor?: object | null;
  readonly routes?: readonly object[];
  /** Cron expressions, for daemons that live in the machine's time; the default never comes. */
  readonly schedule?: object;
  /** A second credential on the same provider key's account, published to a file of its own. */
  readonly second?: boolean;
  /** A StockFlow credential beside it, published to a file of its own, with what is said of it. */
  readonly stockflow?: object;
  /** Whether the configuration names the first secret. */
  readonly firstSecret?: boolean;
};

export type Place = 'vault' | 'aws' | 'file';

/** The credential that scenarios are about, and the second where there is one. */
export const CREDENTIAL = 'frameflow-prod';
export const SECOND = 'frameflow-batch';
export const STOCKFLOW = 'stockflow-prod';
export const MONITOR = 'frameflow-auth-log';
export const VARIABLE = 'FRAMEFLOW_API_KEY';

const NEVER = '0 0 29 2 *';

type Surroundings = {
  readonly folder: string;
  readonly sandbox: Sandbox;
  /** Addresses. */
  readonly vault: string;
  readonly aws: string;
};

/** The configuration of a world, as an object: JSON is YAML. */
export function settingsDocument(settings: WorldSettings, around: Surroundings): object {
  const { folder, sandbox } = around;
  const { timeout = '10s' } = settings;
  const tls = { caFile: join(folder, 'sandbox.pem') };
  const provider = { kind: 'frameflow', apiUrl: sandbox.frameflow.url, tier: 'pro', timeout, tls };
  return {
    version: 1,
    installation: { name: 'footage', environment: 'production' },
    state: { directory: join(folder, 'state'), encryptionKeys: [{ env: 'MASTER_KEY' }] },
    // The world wakes the daemon and polls; cron, which runs on the machine's clock, must not.
    schedule: { timezone: 'UTC', reconcile: NEVER, pollLogs: NEVER, ...settings.schedule },
    providers: {
      frameflow: { ...provider, ...settings.provider },
      ...(settings.stockflow === undefined
        ? {}
        : { stockflow: { kind: 'stockflow', apiUrl: sandbox.stockflow.url, timeout, tls } }),
    },
    stores: storesOf(settings, around),
    credentials: credentialsOf(settings, around),
    ...(settings.monitor === null ? {} : { monitors: { [MONITOR]: monitorOf(settings) } }),
    alerts: {
      channels: {
        team: { kind: 'slack', webhookUrl: { env: 'SLACK_WEBHOOK_URL' }, tls, timeout },
        oncall: {
          kind: 'pagerduty',
          routingKey: { env: 'PAGERDUTY_ROUTING_KEY' },
          eventsUrl: sandbox.pagerduty.url,
          tls,
          timeout,
        },
      },
      ...(settings.routes === undefined ? {} : { routes: settings.routes }),
    },
    api: {
      listen: `unix:${join(folder, 'api.sock')}`,
      tokens: {
        ops: { role: 'admin', secret: { env: 'ADMIN_TOKEN' } },
        dashboard: { role: 'reader', secret: { env: 'READER_TOKEN' } },
        footage: { role: 'app', secret: { env: 'APP_TOKEN' }, credentials: [CREDENTIAL] },
      },
    },
    log: { level: 'debug', format: 'json' },
  };
}

const EVERYWHERE: readonly Place[] = ['vault', 'aws', 'file'];

function storesOf(
  { destinations = EVERYWHERE, timeout = '10s' }: WorldSettings,
  around: Surroundings,
): object {
  const tls = { caFile: join(around.folder, 'stores.pem') };
  const auth = { method: 'approle', roleId: { env: 'VAULT_ROLE_ID' }, secretId: { env: 'VAULT_SECRET_ID' } };
  const region = 'eu-central-1';
  const stores = {
    vault: { kind: 'vault', address: around.vault, auth, tls, timeout },
    aws: { kind: 'aws-secrets-manager', region, endpoint: around.aws, tls, timeout },
  };
  return Object.fromEntries(
    Object.entries(stores).filter(([name]) => destinations.some((place) => place === name)),
  );
}

function credentialsOf(settings: WorldSettings, { folder }: Surroundings): object {
  const places: Record<Place, object> = {
    vault: { store: 'vault', path: 'footage/frameflow', field: 'api_key' },
    aws: { store: 'aws', secretId: 'footage/frameflow', field: 'api_key', create: true },
    file: { file: join(folder, 'app.env'), format: 'dotenv', variable: VARIABLE },
  };
  const { destinations = EVERYWHERE } = settings;
  const first = {
    provider: 'frameflow',
    ...(settings.firstSecret === false ? {} : { secret: { env: 'FRAMEFLOW_API_KEY' } }),
    rotation: { every: '90d', ...settings.rotation },
    drift: { check: '1d', ...settings.drift },
    ...(settings.stragglers === undefined ? {} : { stragglers: settings.stragglers }),
    publish: destinations.map((place) => ({ ...places[place], ...settings.publish?.[place] })),
  };
  const second = {
    provider: 'frameflow',
    secret: { env: 'SECOND_API_KEY' },
    drift: { check: '1d' },
    publish: [{ file: join(folder, 'batch.env'), format: 'dotenv', variable: VARIABLE }],
  };
  const stockflow = {
    provider: 'stockflow',
    secret: { env: 'STOCKFLOW_API_KEY' },
    drift: { check: '30d' },
    publish: [{ file: join(folder, 'stock.env'), format: 'dotenv', variable: VARIABLE }],
    ...settings.stockflow,
  };
  return {
    [CREDENTIAL]: first,
    ...(settings.second === true ? { [SECOND]: second } : {}),
    ...(settings.stockflow === undefined ? {} : { [STOCKFLOW]: stockflow }),
  };
}

function monitorOf({ monitor }: WorldSettings): object {
  return {
    provider: 'frameflow',
    credential: CREDENTIAL,
    geolocations: ['DE'],
    ipAllowlist: ['127.0.0.0/8', '203.0.113.0/24'],
    ...monitor,
  };
}
