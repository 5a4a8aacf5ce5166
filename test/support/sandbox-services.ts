import { CA_FILE, type Sandbox } from '../../src/sandbox/index.ts';

/** The provider and the channels of a test's configuration: the sandbox's stand-ins, with nothing to wait for. */
export function sandboxServices({ frameflow, pagerduty }: Sandbox): { providers: string; channels: string } {
  return {
    providers: `providers:
  frameflow:
    kind: frameflow
    apiUrl: ${frameflow.url}
    authUrl: ${frameflow.url}
    tier: pro
    rateShare: 1
    settle: { minimum: 0s, budget: 10s, successes: 1 }
    tls: { caFile: ${CA_FILE} }`,
    channels: `alerts:
  channels:
    team: { kind: slack, webhookUrl: { env: SLACK_WEBHOOK_URL }, tls: { caFile: ${CA_FILE} } }
    oncall:
      kind: pagerduty
      routingKey: { env: PAGERDUTY_ROUTING_KEY }
      eventsUrl: ${pagerduty.url}
      tls: { caFile: ${CA_FILE} }`,
  };
}
