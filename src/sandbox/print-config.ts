import { join } from 'node:path';
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
  const tier = sandbox.frameflow.tier();
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
    apiUrl: ${sandbox.frameflow.url}
    authUrl: ${sandbox.frameflow.url}
    tier: ${typeof tier === 'string' ? tier : `{ requestsPerMinute: ${tier.requestsPerMinute} }`}
    tls: { caFile: ${at(CA_FILE)} }

credentials:
  frameflow-prod:
    provider: frameflow
    keyId: ${sandbox.frameflow.firstKey.id}
    secret: { env: FRAMEFLOW_API_KEY }
    rotation: { every: 90d, overlap: 72h }
    publish:
      - { file: ${at('.env')}, format: dotenv, variable: FRAMEFLOW_API_KEY }

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
      eventsUrl: ${sandbox.pagerduty.url}
      tls: { caFile: ${at(CA_FILE)} }

api:
  listen: 127.0.0.1:7300
  tokens:
    ops: { role: admin, secret: { env: KEYWARDEN_ADMIN_TOKEN } }

log: { level: info, format: pretty }
`;
}
