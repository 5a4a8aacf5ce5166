import { join } from 'node:path';
import type { RegisteredClient } from './oauth-settings.ts';
import type { Sandbox } from './sandbox.ts';

/** The file beside the configuration that must hold `sandbox.ca`. */
export const CA_FILE = 'ca.pem';

/**
 * A keywarden.yaml that points Keywarden at this sandbox, headed by the environment it needs, as comments that a
 * shell can take once the `# ` is cut off. Everything lies in `directory` (absolute), which must hold the
 * sandbox's CA as `ca.pem`; nothing is written here.
 *
 * @example
 * await writeFile(join(directory, CA_FILE), sandbox.ca);
 * process.stdout.write(printConfig(sandbox, { directory }));
 */
export function printConfig(sandbox: Sandbox, options: { readonly directory: string }): string {
  const at = (name: string) => JSON.stringify(join(options.directory, name));
  const { frameflow, stockflow, pagerduty } = sandbox;
  const exports = Object.entries(sandbox.environment).map(([name, value]) => `# export ${name}='${value}'`);
  return `# Keywarden against the sandbox. These values are development data; they end with the sandbox.
${exports.join('\n')}

version: 1
installation: { name: sandbox, environment: development }

state:
  directory: ${at('state')}
  encryptionKeys:
    - { env: KEYWARDEN_MASTER_KEY }

providers:
  frameflow:
    kind: frameflow
    apiUrl: ${frameflow.url}
    authUrl: ${frameflow.url}
    tier: ${written(frameflow.tier())}
    tls: { caFile: ${at(CA_FILE)} }
  stockflow:
    kind: stockflow
    apiUrl: ${stockflow.url}
    tier: ${written(stockflow.tier())}
    tls: { caFile: ${at(CA_FILE)} }

${credentials(frameflow.firstKey.id, at('.env'))}
${oauthClients(frameflow.client)}
monitors:
  frameflow-auth-log:
    provider: frameflow
    credential: frameflow-prod
    geolocations: [DE]
    ipAllowlist: ["127.0.0.0/8", "::1/128", "203.0.113.0/24"]

alerts:
  channels:
    team:
      kind: slack
      webhookUrl: { env: SLACK_WEBHOOK_URL }
      tls: { caFile: ${at(CA_FILE)} }
    oncall:
      kind: pagerduty
      routingKey: { env: PAGERDUTY_ROUTING_KEY }
      eventsUrl: ${pagerduty.url}
      tls: { caFile: ${at(CA_FILE)} }

api:
  listen: 127.0.0.1:7300
  tokens:
    ops: { role: admin, secret: { env: KEYWARDEN_ADMIN_TOKEN } }

log: { level: info, format: pretty }
`;
}

function written(tier: string | { readonly requestsPerMinute: number }): string {
  return typeof tier === 'string' ? tier : `{ requestsPerMinute: ${tier.requestsPerMinute} }`;
}

/** `file`: the path of the dotenv file that both are written to, quoted. */
function credentials(frameflowKeyId: string, file: string): string {
  return `credentials:
  frameflow-prod:
    provider: frameflow
    keyId: ${frameflowKeyId}
    secret: { env: FRAMEFLOW_API_KEY }
    rotation: { every: 90d, overlap: 72h }
    publish:
      - { file: ${file}, format: dotenv, variable: FRAMEFLOW_API_KEY }
  stockflow-search:
    provider: stockflow
    secret: { env: STOCKFLOW_API_KEY }
    rotation: { every: 90d, mode: guided, remindBefore: [14d, 3d] }
    keepAlive: 60d
    publish:
      - { file: ${file}, format: dotenv, variable: STOCKFLOW_API_KEY }
`;
}

/** It asks for what the application needs and no more. */
function oauthClients({ clientId, redirectUris }: RegisteredClient): string {
  return `oauthClients:
  footage-app:
    provider: frameflow
    clientId: ${JSON.stringify(clientId)}
    clientSecret: { env: CLIENT_SECRET }
    redirectUri: ${JSON.stringify(redirectUris[0])}
    scopes: ["asset:download", "license:purchase"]
`;
}
