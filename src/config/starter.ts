/** What `keywarden init` asks. Secrets are named, never given: `…Env` is the name of an environment variable. */
export type StarterAnswers = {
  readonly installation: string;
  readonly environment: string;
  /** Default: `$STATE_DIRECTORY`, else /var/lib/keywarden. */
  readonly stateDirectory?: string;
  readonly masterKeyFile: string;
  /** FrameFlow's tier decides the request rate. */
  readonly tier: 'standard' | 'pro' | { readonly requestsPerMinute: number };
  /** The credential's name, and where its first key comes from. */
  readonly credential: string;
  readonly secretEnv: string;
  readonly vault?: {
    readonly address: string;
    readonly path: string;
    readonly field: string;
    readonly auth:
      | { readonly method: 'token'; readonly tokenEnv: string }
      | { readonly method: 'approle'; readonly roleIdEnv: string; readonly secretIdEnv: string };
  };
  readonly file?: { readonly path: string; readonly variable: string };
  readonly slack?: { readonly webhookUrlEnv: string };
  readonly pagerduty?: { readonly routingKeyEnv: string; readonly eu?: boolean };
  /** Countries (ISO 3166-1 alpha-2) the calls come from. */
  readonly geolocations?: readonly string[];
  /** The file of the token for the command line and the API; without one only the probes answer. */
  readonly adminTokenFile?: string;
};

/**
 * A commented configuration to begin with. Loading it yields no fault once the variables and files it names exist.
 * The answers are written as they are: what is wrong with them is told by `loadConfig`, with line and column.
 */
export function writeConfig(answers: StarterAnswers): string {
  const sections = [head(answers), provider(answers), stores(answers), credential(answers), monitor(answers)];
  return `${[...sections, alerts(answers), api(answers)].filter((part) => part !== '').join('\n\n')}\n`;
}

function head(answers: StarterAnswers): string {
  const directory =
    answers.stateDirectory === undefined
      ? '  # directory: /var/lib/keywarden     # default: $STATE_DIRECTORY, else this; made with mode 700'
      : `  directory: ${text(answers.stateDirectory)}`;
  return `# Configuration of Keywarden. A secret is never written here: its place holds { env: NAME } or { file: PATH }.
# Durations: 90d, 72h, 15m, 30s. Relative paths are relative to this file. \`keywarden check\` tries all of it.

version: 1

# Written beside every published version, so that two installations never take over each other's keys.
installation: { name: ${text(answers.installation)}, environment: ${text(answers.environment)} }

state:
${directory}
  encryptionKeys:                       # the first seals, all open; keep a copy elsewhere: without it the state is lost
    - { file: ${text(answers.masterKeyFile)} }`;
}

function provider({ tier }: StarterAnswers): string {
  const rate = typeof tier === 'string' ? tier : `{ requestsPerMinute: ${tier.requestsPerMinute} }`;
  return `providers:
  frameflow:
    kind: frameflow
    tier: ${rate}                       # standard: 120 requests a minute, pro: 600, or { requestsPerMinute: N }`;
}

function stores({ vault }: StarterAnswers): string {
  if (vault === undefined) return '';
  const { auth } = vault;
  const login =
    auth.method === 'token'
      ? `{ method: token, token: ${env(auth.tokenEnv)} }`
      : `{ method: approle, roleId: ${env(auth.roleIdEnv)}, secretId: ${env(auth.secretIdEnv)} }`;
  return `stores:
  vault:
    kind: vault                         # KV version 2
    address: ${text(vault.address)}
    mount: secret
    auth: ${login}`;
}

function credential({ credential: name, secretEnv, vault, file }: StarterAnswers): string {
  const destinations = [
    ...(vault === undefined
      ? []
      : [`      - { store: vault, path: ${text(vault.path)}, field: ${text(vault.field)} }`]),
    ...(file === undefined
      ? []
      : [
          `      - { file: ${text(file.path)}, format: dotenv, variable: ${text(file.variable)} }`,
          '        # add onChange: { exec: ["systemctl", "reload", "app"] } for an application that reads it only at its start',
        ]),
  ];
  const publish =
    destinations.length === 0
      ? '    publish: []                         # applications ask the API for the current key'
      : `    publish:                            # every new version is written to all of these\n${destinations.join('\n')}`;
  return `credentials:
  ${text(name)}:
    provider: frameflow
    secret: ${env(secretEnv)}    # the first key; used only while no newer one is held
    rotation:
      every: 90d                        # an upper bound on a key's age
      # window: "Mon-Tue 09:00-16:00 Europe/Berlin"
${publish}`;
}

function monitor({ credential: name, geolocations }: StarterAnswers): string {
  const places =
    geolocations === undefined || geolocations.length === 0
      ? '    # geolocations: [DE, US]            # countries your calls come from; without them calls from elsewhere raise no alert'
      : `    geolocations: [${geolocations.map(text).join(', ')}]`;
  return `monitors:
  frameflow-auth-log:
    provider: frameflow
    credential: ${text(name)}    # the key that reads the log
${places}
    # ipAllowlist: ["203.0.113.0/24"]`;
}

function alerts({ slack, pagerduty }: StarterAnswers): string {
  if (slack === undefined && pagerduty === undefined) return '';
  const channels = [
    ...(slack === undefined ? [] : [`    team: { kind: slack, webhookUrl: ${env(slack.webhookUrlEnv)} }`]),
    ...(pagerduty === undefined
      ? []
      : [
          `    oncall: { kind: pagerduty, routingKey: ${env(pagerduty.routingKeyEnv)}${
            pagerduty.eu === true ? ', eventsUrl: https://events.eu.pagerduty.com' : ''
          } }`,
        ]),
  ];
  return `alerts:                                 # without routes: every channel, PagerDuty critical alerts only
  channels:
${channels.join('\n')}`;
}

function api({ adminTokenFile }: StarterAnswers): string {
  const tokens =
    adminTokenFile === undefined
      ? '  # tokens: { admin: { role: admin, secret: { file: /run/secrets/keywarden-admin } } }'
      : `  tokens:\n    admin: { role: admin, secret: { file: ${text(adminTokenFile)} } }`;
  return `api:
  listen: 127.0.0.1:7300
${tokens}`;
}

function env(name: string): string {
  return `{ env: ${text(name)} }`;
}

/** Plain where YAML reads it as the same text anywhere, else in double quotes (YAML 1.2, 7.3.1: a superset of JSON's). */
function text(value: string): string {
  const plain = /^[A-Za-z/.][\w./-]*$/.test(value) || /^https?:\/\/[\w.:/-]*[\w/-]$/.test(value);
  return plain && !/^(true|false|null|\.inf|\.nan)$/i.test(value) ? value : JSON.stringify(value);
}
