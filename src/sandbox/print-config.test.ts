import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { printConfig } from './index.ts';
import { world } from './testing/world.ts';

test('the printed configuration points at the sandbox and holds no secret outside its head', async () => {
  const { sandbox } = await world({ tier: { requestsPerMinute: 42 }, stockflowTier: 'enterprise' });
  const printed = printConfig(sandbox, { directory: '/srv/dev/a "b"' });
  const ca = '/srv/dev/a "b"/ca.pem';
  expect(parse(printed)).toMatchObject({
    version: 1,
    state: { directory: '/srv/dev/a "b"/state', encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    providers: {
      frameflow: {
        kind: 'frameflow',
        apiUrl: sandbox.frameflow.url,
        tier: { requestsPerMinute: 42 },
        tls: { caFile: ca },
      },
      stockflow: {
        kind: 'stockflow',
        apiUrl: sandbox.stockflow.url,
        tier: 'enterprise',
        tls: { caFile: ca },
      },
    },
    credentials: {
      'frameflow-prod': {
        keyId: sandbox.frameflow.firstKey.id,
        secret: { env: 'FRAMEFLOW_API_KEY' },
        publish: [{ file: '/srv/dev/a "b"/.env', format: 'dotenv', variable: 'FRAMEFLOW_API_KEY' }],
      },
      'stockflow-search': {
        provider: 'stockflow',
        secret: { env: 'STOCKFLOW_API_KEY' },
        rotation: { mode: 'guided' },
        keepAlive: '60d',
        publish: [{ file: '/srv/dev/a "b"/.env', format: 'dotenv', variable: 'STOCKFLOW_API_KEY' }],
      },
    },
    oauthClients: {
      'footage-app': {
        provider: 'frameflow',
        clientId: sandbox.frameflow.client.clientId,
        clientSecret: { env: 'CLIENT_SECRET' },
        redirectUri: 'http://127.0.0.1:7300/oauth/callback',
        scopes: ['asset:download', 'license:purchase'],
      },
    },
    monitors: { 'frameflow-auth-log': { credential: 'frameflow-prod', geolocations: ['DE'] } },
    alerts: {
      channels: {
        team: { webhookUrl: { env: 'SLACK_WEBHOOK_URL' }, tls: { caFile: ca } },
        oncall: { eventsUrl: sandbox.pagerduty.url, routingKey: { env: 'PAGERDUTY_ROUTING_KEY' } },
      },
    },
    api: { listen: '127.0.0.1:7300', tokens: { ops: { role: 'admin' } } },
  });
  const [head = '', body = ''] = printed.split('\n\nversion: 1\n');
  for (const [name, value] of Object.entries(sandbox.environment)) {
    expect(head).toContain(`\n# export ${name}='${value}'`);
    expect(body).not.toContain(value);
  }
});

test('the environment holds what the sandbox accepts', async () => {
  const { sandbox, search } = await world();
  const { environment } = sandbox;
  expect((await search(environment.FRAMEFLOW_API_KEY)).status).toBe(200);
  expect(environment).toMatchObject({
    STOCKFLOW_API_KEY: sandbox.stockflow.key,
    CLIENT_SECRET: sandbox.frameflow.client.secret,
    SLACK_WEBHOOK_URL: sandbox.slack.webhookUrl,
    PAGERDUTY_ROUTING_KEY: sandbox.pagerduty.routingKey,
  });
  expect(Buffer.from(environment.KEYWARDEN_MASTER_KEY ?? '', 'base64')).toHaveLength(32);
  expect(environment.KEYWARDEN_ADMIN_TOKEN).toMatch(/^[A-Za-z0-9]{40}$/);
});
