import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DAY, MINUTE } from '../../src/model/index.ts';
import { type Answer, ask } from '../support/api.ts';
import { CREDENTIAL } from '../support/settings.ts';
import { makeWorld, START, type World } from '../support/world.ts';

/** A year's trouble in an hour: every path on which something is said of a request, an answer or a secret. */
async function trouble(world: World): Promise<void> {
  const { sandbox, vaultServer, awsServer } = world;
  const key = sandbox.frameflow.firstKey.value;
  const echo = { kind: 'status', status: 500, body: `Bearer ${key} ${world.env.VAULT_SECRET_ID}` } as const;
  sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth', times: 3, fault: echo });
  sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth', fault: { kind: 'garbage' } });
  sandbox.admin.setFault({ service: 'slack', times: 2, fault: { ...echo, body: sandbox.slack.webhookUrl } });
  sandbox.admin.setFault({ service: 'slack', fault: { kind: 'redirect', to: sandbox.slack.webhookUrl } });
  sandbox.admin.setFault({
    service: 'pagerduty',
    times: 2,
    fault: { ...echo, body: sandbox.pagerduty.routingKey },
  });
  sandbox.admin.setFault({ service: 'pagerduty', fault: { kind: 'drop-after' } });
  sandbox.admin.playEvents([
    { key_id: sandbox.frameflow.firstKey.id, ip: '192.0.2.1' },
    { raw: key },
    { key_id: key, user_agent: key },
  ]);
  await world.poll();
  await world.advance('5m');
  vaultServer.fault = ({ headers, body }) => ({
    status: 500,
    body: { errors: [JSON.stringify([headers, body])] },
  });
  awsServer.fault = ({ headers, body }) => ({
    status: 400,
    body: { __type: 'X', message: JSON.stringify([headers, body]) },
  });
  await world.advance('20m');
  sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/rotate', fault: { kind: 'truncated' } });
  vaultServer.fault = null;
  awsServer.fault = null;
  await world.advance('20m');
}

test('no secret is in anything that leaves, whatever goes wrong', async () => {
  const world = await makeWorld({
    rotation: { issuedAt: new Date(START - 90 * DAY + 10 * MINUTE).toISOString() },
    every: MINUTE,
  });
  await trouble(world);
  const current = (await world.credential()).versions[0];
  expect(current).toMatchObject({ number: 2, state: 'current' });
  const answers = await everyAnswer(world);
  const secrets = plantedIn(world);
  expect(secrets.size).toBeGreaterThanOrEqual(12);

  hunt(secrets, 'the log', world.logged.join(''));
  expect(world.logged.length).toBeGreaterThan(20);
  for (const [what, text] of answers) hunt(secrets, what, text);
  for (const { payload } of world.sandbox.slack.messages())
    hunt(secrets, 'a Slack message', JSON.stringify(payload));
  for (const { body } of world.sandbox.pagerduty.events()) {
    const { routing_key: _, ...rest } = body;
    hunt(secrets, 'a PagerDuty event', JSON.stringify(rest));
  }
  expect(world.sandbox.slack.messages().length).toBeGreaterThan(2);
  expect(world.sandbox.pagerduty.events().length).toBeGreaterThan(0);
  hunt(secrets, 'the process title', `${process.title} ${process.argv.join(' ')}`);
  for (const entry of await readdir(join(world.folder, 'state'), { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) hunt(secrets, entry.name, await readFile(join(entry.parentPath, entry.name)));
  }
}, 40_000);

test('the two routes that give out a secret give it to whom it belongs, and to nobody else', async () => {
  const world = await makeWorld();
  const path = `/v1/credentials/${CREDENTIAL}/secret`;
  const value = world.sandbox.frameflow.firstKey.value;
  for (const token of ['ADMIN_TOKEN', 'APP_TOKEN']) {
    expect((await ask(world, path, { token: world.env[token] })).json).toMatchObject({ value });
  }
  for (const token of [undefined, 'wrong', world.env.READER_TOKEN]) {
    const { status, text } = await ask(world, path, { token });
    expect([401, 403]).toContain(status);
    expect(text).not.toContain(value);
  }
});

/** Every GET route, as an admin, by the API's own word, and the problem documents of requests that carry secrets. */
async function everyAnswer(world: World): Promise<ReadonlyArray<readonly [string, string]>> {
  const token = world.env.ADMIN_TOKEN;
  const told: Array<readonly [string, string]> = [];
  const tell = (what: string, { text, headers }: Answer) =>
    told.push([what, `${text}\n${JSON.stringify(headers)}`]);
  const { json } = await ask(world, '/openapi.json', { token });
  const [alert] = await world.alerts();
  const values: Record<string, string> = {
    '/v1/rotations/{id}': (await world.rotation()).id,
    '/v1/alerts/{id}': alert?.id ?? '',
    '{name}': CREDENTIAL,
  };
  for (const [path, methods] of Object.entries(json.paths as Record<string, object>)) {
    if (!('get' in methods) || path.endsWith('/secret')) continue;
    const route = path
      .replace('{id}', values[path] ?? 'none')
      .replace('{name}', CREDENTIAL)
      .replace(/\{\w+\}/g, 'none');
    const answer = await ask(world, route, { token });
    expect(`${path} ${answer.status}`).toBe(`${path} ${expectedOf(path)}`);
    tell(path, answer);
  }
  expect(told.length).toBeGreaterThan(8);
  const stranger = world.sandbox.frameflow.firstKey.value;
  const problems: ReadonlyArray<readonly [string, Parameters<typeof ask>[2]]> = [
    ['/v1/credentials', { token: stranger }],
    [`/v1/credentials/${CREDENTIAL}/adopt`, { token, method: 'POST', body: { value: `${stranger}x` } }],
    [`/v1/credentials/${CREDENTIAL}/adopt`, { token, method: 'POST', body: { valu: stranger } }],
    [`/v1/credentials/${CREDENTIAL}/rotate`, { token, method: 'POST', body: stranger }],
  ];
  for (const [path, request] of problems) {
    const answer = await ask(world, path, request);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    tell(`the problem of ${path}`, answer);
  }
  return told;
}

/** This world has no OAuth client: what is asked about one is refused, and looked at like the rest. */
function expectedOf(path: string): number {
  if (path === '/oauth/callback') return 400;
  return path.startsWith('/v1/oauth/') ? 404 : 200;
}

/** Everything secret there is, by what it is. */
function plantedIn({ sandbox, env, vaultServer }: World): ReadonlyMap<string, string> {
  const webhook = new URL(sandbox.slack.webhookUrl).pathname;
  const tokens = vaultServer.requests.flatMap(({ headers }) => headers['x-vault-token'] ?? []);
  const secrets = new Map<string, string>([
    ...sandbox.frameflow.keys().map(({ id, value }) => [`the value of ${id}`, value] as const),
    ...[...new Set(tokens)].map((token, index) => [`Vault token ${index}`, token] as const),
    ['the webhook URL', webhook],
    ['the routing key', sandbox.pagerduty.routingKey],
    ['the AWS secret key', process.env.AWS_SECRET_ACCESS_KEY ?? ''],
  ]);
  for (const name of [
    'MASTER_KEY',
    'ADMIN_TOKEN',
    'APP_TOKEN',
    'READER_TOKEN',
    'VAULT_SECRET_ID',
    'VAULT_ROLE_ID',
  ]) {
    secrets.set(name, env[name] ?? '');
  }
  return secrets;
}

/** In every spelling that a careless line of code could give it. */
function spellings(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret);
  return [
    bytes,
    Buffer.from(bytes.toString('hex')),
    Buffer.from(bytes.toString('base64').replace(/=+$/, '').slice(0, -1)),
    Buffer.from(encodeURIComponent(secret)),
    Buffer.from(secret, 'base64'),
  ].filter(({ length }) => length >= 16);
}

function hunt(secrets: ReadonlyMap<string, string>, where: string, found: string | Buffer): void {
  const bytes = Buffer.from(found);
  for (const [name, secret] of secrets) {
    expect(secret.length, name).toBeGreaterThanOrEqual(16);
    for (const spelling of spellings(secret)) {
      expect(bytes.includes(spelling) ? `${name} is in ${where}` : '').toBe('');
    }
  }
}
