import type { Config, DestinationConfig, OAuthClientConfig } from '../../src/config/types.ts';
import { emptyConfig, routesTo } from '../../src/engine/testing/context.ts';
import { DAY, MINUTE, SECOND, Secret, SecretSource } from '../../src/model/index.ts';
import type { GrantsPlan, Plan } from './plan.ts';

/** The provider's Date header tells its time to the second. */
const SETTLE_MARGIN = 2 * SECOND;

export const CREDENTIAL = 'frameflow-prod';
export const CLIENT = 'footage-app';
const MONITOR = 'frameflow-log';
export const CHANNELS = ['team', 'oncall'] as const;

const LOG: Config['monitors'][string] = {
  name: MONITOR,
  provider: 'frameflow',
  credential: CREDENTIAL,
  backfill: DAY,
  geoip: null,
  rules: {
    geolocations: null,
    ipAllowlist: ['203.0.113.0/24'],
    perCredential: {},
    otherKeys: {},
    learn: null,
    rotate: {},
    detectors: { 'outside-allowlist': {}, 'unknown-key': {}, 'retired-key-use': {} },
  },
};

/** The daemon's configuration in the world of this plan: everything that the engine reads of it. */
export function configOf(plan: Plan, firstKey: string): Config {
  const secret = new SecretSource({ env: 'FRAMEFLOW_API_KEY' });
  secret.bind(async () => Secret.from(firstKey));
  const connection = { timeout: 10 * SECOND, allowPlaintextLoopback: false };
  const url = 'https://simulated.invalid';
  return emptyConfig({
    installation: { name: 'sim', environment: 'test' },
    state: {
      directory: '/nowhere',
      database: '/nowhere/keywarden.db',
      encryptionKeys: [],
      retain: { rotations: 365 * DAY, alerts: 365 * DAY },
    },
    providers: {
      frameflow: { kind: 'frameflow', apiUrl: url, authUrl: url, tier: 'pro', rateShare: 1, ...connection },
    },
    stores: Object.fromEntries(
      plan.places
        .filter(({ name }) => name !== 'file')
        .map(({ name }) => [
          name,
          {
            kind: 'vault',
            address: url,
            nodes: [],
            mount: 'secret',
            marks: 'sibling',
            auth: { method: 'token', token: secret },
            ...connection,
          },
        ]),
    ),
    credentials: { [CREDENTIAL]: credentialOf(plan, secret) },
    oauthClients: plan.grants.users === 0 ? {} : { [CLIENT]: clientOf(plan.grants, secret) },
    monitors: { [MONITOR]: LOG },
    channels: {
      team: { kind: 'slack', webhookUrl: secret, ...connection },
      oncall: { kind: 'pagerduty', routingKey: secret, eventsUrl: url, ...connection },
    },
    routes: routesTo(...CHANNELS),
    group: { wait: 10 * SECOND, repeat: DAY },
  });
}

function policyOf(plan: Plan): Config['credentials'][string]['rotation'] {
  return {
    mode: 'automatic',
    remindBefore: [],
    inactivity: null,
    keepAlive: null,
    warnBefore: [24, 6].map((hours) => hours * 60 * MINUTE).filter((before) => before < plan.overlap),
    every: plan.every,
    overlap: plan.overlap,
    first: 'scheduled',
    issuedAt: null,
    jitter: 60 * MINUTE,
    window: null,
    overlapEnd: 'any',
    settle: { minimum: plan.settles + SETTLE_MARGIN, budget: 2 * MINUTE, successes: 3 },
  };
}

function credentialOf(plan: Plan, secret: SecretSource): Config['credentials'][string] {
  return {
    name: CREDENTIAL,
    provider: 'frameflow',
    keyId: 'key_1',
    secret,
    rotation: policyOf(plan),
    drift: { check: DAY, onDrift: plan.onDrift },
    destinations: plan.places.map(
      ({ name, lag, required }): DestinationConfig => ({
        id: name,
        store: name,
        target: { path: name, field: 'api_key' },
        required,
        consumerLag: lag,
        onChange: { kind: 'exec', exec: ['/bin/true'], timeout: 30 * SECOND },
      }),
    ),
  };
}

function clientOf({ grace, refreshLife }: GrantsPlan, secret: SecretSource): OAuthClientConfig {
  return {
    name: CLIENT,
    provider: 'frameflow',
    settings: {
      clientId: 'sim',
      authentication: 'client_secret_basic',
      secret,
      redirectUri: 'https://simulated.invalid/oauth/callback',
    },
    returnUrls: [],
    policy: {
      client: CLIENT,
      scopes: ['asset:read'],
      before: 5 * MINUTE,
      keepAlive: 60 * DAY,
      refreshGrace: grace,
      refreshLifetime: refreshLife,
    },
    requestsPerMinute: 120,
  };
}
