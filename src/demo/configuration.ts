import { DAY, formatTime, HOUR, SECOND } from '../model/index.ts';
import type { Sandbox } from '../sandbox/index.ts';

/** A credential of the demonstration, as people read it. */
export type Cast = {
  readonly name: string;
  readonly variable: string;
  /** In days, as `age`; see {@link stretchAt}. */
  readonly every: number;
  /** How old the first key is when the demonstration begins, in days. */
  readonly age: number;
  /** Dotenv files, relative to the demonstration's folder; the first is the application's. */
  readonly files: readonly string[];
};

/** The application's own file: it holds both keys. */
export const APPLICATION_FILE = 'app/.env';

export const CAST: readonly Cast[] = [
  {
    name: 'frameflow-prod',
    variable: 'FRAMEFLOW_API_KEY',
    every: 90,
    age: 85,
    files: [APPLICATION_FILE, 'worker/.env'],
  },
  {
    name: 'frameflow-batch',
    variable: 'FRAMEFLOW_BATCH_KEY',
    every: 14,
    age: 12,
    files: [APPLICATION_FILE, 'reports/.env'],
  },
];

/** FrameFlow's overlap, in days. */
export const OVERLAP = 3;
/** An overlap must last so long by the wall for a key to get everywhere within it, s. */
const OVERLAP_AT_LEAST = 2;

/** By how much all spans of days are longer on a very fast clock, so that people and machines can keep up. */
export function stretchAt(speed: number): number {
  return Math.max(1, Math.ceil((speed * OVERLAP_AT_LEAST * SECOND) / (OVERLAP * DAY)));
}

/** The OAuth client of the application that acts in its users' names. */
export const CLIENT = 'footage-app';
const SCOPES: readonly string[] = ['asset:download'];
/** The application hosts it; nobody listens there, for its users' browser is the application's own. */
export const CALLBACK = 'https://footage-app.example/callback';

/** In the order in which they consent; the last one takes her consent back. */
export const USERS = ['ada', 'bea'] as const;

/** What an access token's life must last by the wall, s: an hour would be over before a call is made. */
const ACCESS_AT_LEAST = 3;

/** How long access tokens live, and how long the provider takes them after that; ms of the demonstration's clock. */
export function accessLife(speed: number): { readonly life: number; readonly leeway: number } {
  const least = Math.ceil(ACCESS_AT_LEAST * SECOND * speed);
  return { life: Math.max(HOUR, least), leeway: Math.ceil(least / 6) };
}

const WIDEST = Math.max(...CAST.map(({ name }) => name.length));

/** What happened to a credential, with the names in a column. */
export function about(name: string, text: string): string {
  return `${name.padEnd(WIDEST)}  ${text}`;
}

/** Where calls may come from. */
const REGISTERED_COUNTRY = 'DE';

/** How often in a minute of either clock a key may be used: neither the sandbox nor Keywarden's share shall be the limit. */
export const REQUESTS_PER_MINUTE = 1_000_000;

export type Files = {
  readonly ca: string;
  readonly masterKey: string;
  readonly adminToken: string;
  readonly appToken: string;
  readonly clientSecret: string;
  readonly slackWebhook: string;
  readonly pagerdutyKey: string;
};

/** The names of the secrets' files, relative to the demonstration's folder. */
export const FILES: Files = {
  ca: 'ca.pem',
  masterKey: 'secrets/master.key',
  adminToken: 'secrets/admin.token',
  appToken: 'secrets/app.token',
  clientSecret: 'secrets/client.secret',
  slackWebhook: 'secrets/slack-webhook.url',
  pagerdutyKey: 'secrets/pagerduty-routing.key',
};

/**
 * The demonstration's keywarden.yaml, complete in itself: every secret is a file beside it, so that any command can be
 * given it from another terminal.
 *
 * @param listen `HOST:PORT` of the API; port 0 until it is known
 */
export function configuration(
  sandbox: Sandbox,
  { start, speed }: { readonly start: number; readonly speed: number },
  listen: string,
): string {
  const tls = `tls: { caFile: ${FILES.ca} }`;
  const stretch = stretchAt(speed);
  return `# Keywarden as the demonstration runs it. All of this is removed when the demonstration ends.
version: 1
installation: { name: demo, environment: development }

state:
  directory: state
  encryptionKeys:
    - { file: ${FILES.masterKey} }

schedule:
  pollLogs: "* * * * * *"     # every second of wall time

providers:
  frameflow:
    kind: frameflow
    apiUrl: ${sandbox.frameflow.url}
    authUrl: ${sandbox.frameflow.url}
    tier: { requestsPerMinute: ${REQUESTS_PER_MINUTE} }
    rateShare: 1
    settle: { minimum: 30s, budget: ${stretch}d, successes: 2 }
    ${tls}

credentials:
${CAST.map((member) => credential(member, start, stretch)).join('')}
oauthClients:
  ${CLIENT}:
    provider: frameflow
    clientId: ${sandbox.frameflow.client.clientId}
    clientSecret: { file: ${FILES.clientSecret} }
    redirectUri: ${CALLBACK}
    scopes: [${SCOPES.map((scope) => JSON.stringify(scope)).join(', ')}]
    refresh: { before: ${Math.floor(accessLife(speed).life / 3)}ms }

monitors:
  frameflow-auth-log:
    provider: frameflow
    credential: ${CAST[0]?.name}
    geolocations: [${REGISTERED_COUNTRY}]

alerts:
  channels:
    slack:
      kind: slack
      webhookUrl: { file: ${FILES.slackWebhook} }
      ${tls}
    pagerduty:
      kind: pagerduty
      routingKey: { file: ${FILES.pagerdutyKey} }
      eventsUrl: ${sandbox.pagerduty.url}
      ${tls}
  routes:
    - { match: { severity: [critical] }, channels: [slack, pagerduty] }
    - { match: { kind: [consent-required] }, channels: [pagerduty] }
    - { channels: [slack] }

api:
  listen: ${listen}
  tokens:
    demo: { role: admin, secret: { file: ${FILES.adminToken} } }
    users: { role: app, secret: { file: ${FILES.appToken} }, oauthClients: [${CLIENT}] }
`;
}

function credential({ name, variable, every, age, files }: Cast, start: number, stretch: number): string {
  const issuedAt = JSON.stringify(formatTime(start - age * stretch * DAY));
  const publish = files.map((file) => `      - { file: ${file}, format: dotenv, variable: ${variable} }\n`);
  return `  ${name}:
    provider: frameflow
    rotation: { every: ${every * stretch}d, overlap: ${OVERLAP * stretch}d, issuedAt: ${issuedAt} }
    drift: { check: ${stretch}d }
    publish:
${publish.join('')}`;
}

/** The application's file before Keywarden comes: its keys were put there by hand. */
export function handWritten(keys: ReadonlyMap<string, string>): string {
  return `# The application's settings. Keywarden keeps every line that is not its own.
PORT=8080
${CAST.map(({ variable, name }) => `${variable}=${keys.get(name)}\n`).join('')}LOG_LEVEL=info
`;
}
