import { access, chmod, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { databaseOf } from '../../geo/testing/database.ts';
import { serve } from '../../net/testing/index.ts';
import type { CliOptions, Ended } from '../testing/cli.ts';
import { type World, world } from '../testing/world.ts';

let w: World;
const outputs: string[] = [];

beforeAll(async () => {
  w = await world();
});
afterAll(() => w[Symbol.asyncDispose]());

async function check(args: readonly string[] = [], options: CliOptions = {}): Promise<Ended> {
  const ended = await w.cli(['check', ...args], options);
  outputs.push(ended.stdout, ended.stderr);
  return ended;
}

const lines = ({ stdout }: Ended) => stdout.trimEnd().split('\n');

test('everything that the configuration names is tried, a line each; nothing is sent and no state is made', async () => {
  const ended = await check();
  const [first, second] = w.sandbox.frameflow.keys();
  const origins = [w.sandbox.slack.webhookUrl, w.sandbox.pagerduty.url].map((url) => new URL(url).origin);
  expect(lines(ended)).toEqual([
    `ok    configuration: ${w.config} is valid`,
    'warn  monitor log: no ipAllowlist: the detector outside-allowlist is off; list the networks your calls come from, or set the detector to false',
    `ok    state ${w.directory}/state: will be made at the first start`,
    `ok    frameflow-prod, file:${w.directory}/app.env#FRAMEFLOW_API_KEY: can be written`,
    `ok    credential frameflow-prod: frameflow accepts ${first?.id} in environment variable FRAMEFLOW_API_KEY`,
    `ok    credential frameflow-spare: frameflow accepts ${second?.id} in environment variable SECOND_KEY`,
    `ok    channel team: ${origins[0]} answers; not sent (\`keywarden alerts test\` sends)`,
    `ok    channel oncall: ${origins[1]} answers; not sent (\`keywarden alerts test\` sends)`,
  ]);
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(w.sandbox.slack.messages()).toEqual([]);
  expect(w.sandbox.pagerduty.events()).toEqual([]);
  await expect(access(join(w.directory, 'state'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('it tries the key that stands in a destination, and tells faults with exit code 5', async () => {
  const [first] = w.sandbox.frameflow.keys();
  w.sandbox.admin.revokeKey(first?.id ?? '');
  const env = join(w.directory, 'app.env');
  await writeFile(join(w.directory, 'real.env'), `FRAMEFLOW_API_KEY=${first?.value}\n`);
  await symlink(join(w.directory, 'real.env'), env);
  await chmod(w.config, 0o666);
  const ended = await check(['--json'], { env: { SLACK_WEBHOOK_URL: 'no address' } });
  await rm(env);
  await chmod(w.config, 0o600);
  expect(ended.code).toBe(5);
  const { ok, results } = JSON.parse(ended.stdout) as { ok: boolean; results: Array<Record<string, string>> };
  expect(ok).toBe(false);
  const found = (about: string) => results.find((result) => result.about === about);
  expect(found(w.config)).toMatchObject({ level: 'warn', message: expect.stringContaining('chmod go-w') });
  expect(found(`frameflow-prod, file:${env}#FRAMEFLOW_API_KEY`)).toMatchObject({
    level: 'FAIL',
    message: expect.stringContaining('symbolic link'),
  });
  expect(found('credential frameflow-prod')).toMatchObject({
    level: 'FAIL',
    message: expect.stringMatching(/^no working key was found: .*FRAMEFLOW_API_KEY: /),
  });
  expect(found('credential frameflow-spare')).toMatchObject({ level: 'ok' });
  expect(found('channel team')).toMatchObject({
    level: 'FAIL',
    message: expect.stringContaining('holds no URL'),
  });
});

test('a provider and channels that cannot be reached are told', async () => {
  const down = await world();
  const reachable = down.sandbox.frameflow.url;
  await down.sandbox.close();
  const ended = await down.cli(['check']);
  expect(ended.code).toBe(5);
  expect(lines(ended).filter((line) => line.startsWith('FAIL'))).toHaveLength(4);
  expect(ended.stdout).toContain(`FAIL  credential frameflow-prod: no working key was found: `);
  expect(ended.stdout).toContain(reachable);
  for (const secret of down.secrets()) expect(ended.stdout).not.toContain(secret);
  await down[Symbol.asyncDispose]();
});

test('a reference that does not resolve is a fault, and offline a warning', async () => {
  const env = { SLACK_WEBHOOK_URL: '' };
  const [online, offline] = await Promise.all([check([], { env }), check(['--offline'], { env })]);
  expect(online.code).toBe(2);
  expect(online.stdout).toMatch(/^FAIL {2}configuration: .*SLACK_WEBHOOK_URL is empty/m);
  expect(offline.code).toBe(0);
  expect(offline.stdout).toMatch(/^warn {2}configuration: .*SLACK_WEBHOOK_URL is empty/m);
  expect(offline.stdout).not.toContain('not sent');
});

test('a part that is not supported yet is told with 2', async () => {
  const path = join(w.directory, 'later.yaml');
  await writeFile(path, 'version: 1\nstate: { database: "postgres://kw@db/kw" }\n');
  const { code, stdout } = await check(['--offline', '--config', path]);
  expect(code).toBe(2);
  expect(stdout).toContain('not yet supported: a PostgreSQL database');
});

test.each([
  [
    'routes that leave alerts without a channel',
    'routes: [{ match: { severity: [critical] }, channels: [team, oncall] }]',
    /^warn {2}configuration: .* alerts\.routes {2}no route takes every alert: some of \d+ kinds reach no channel; end the list/m,
  ],
  [
    'a channel that no route names',
    'routes: [{ channels: [team] }]\n  heartbeat: { url: "https://hc-ping.com/x" }',
    /^warn {2}configuration: .* alerts\.channels\.oncall {2}no route names it/m,
  ],
  [
    'critical alerts with one channel and no heartbeat',
    'routes: [{ match: { severity: [critical] }, channels: [oncall] }, { channels: [oncall] }]',
    /^warn {2}configuration: .* critical alerts reach oncall alone, and nobody outside notices/m,
  ],
])('%s are told', async (_what, routes, line) => {
  const path = join(w.directory, 'routes.yaml');
  await writeFile(path, `version: 1\nalerts:\n  ${routes}\n`);
  const args = ['--offline', '--config', w.config, '--config', path];
  const { code, stdout } = await check(args);
  expect(stdout).toMatch(line);
  expect(code).toBe(0);
});

test('the heartbeat is tried without a beat, and its path is not shown', async () => {
  const path = join(w.directory, 'heartbeat.yaml');
  const calls: Array<string | undefined> = [];
  await using server = await serve((request, response) => {
    calls.push(`${request.method} ${request.url}`);
    response.writeHead(404).end();
  });
  const write = (origin: string) =>
    writeFile(
      path,
      `version: 1\nalerts: { heartbeat: { url: "${origin}/ping/PLANTED", allowPlaintextLoopback: true } }\n`,
    );
  await write(server.url);
  const told = await check(['--config', w.config, '--config', path]);
  expect(lines(told)).toContain(
    `ok    heartbeat: ${server.url} answers; not called (only the daemon says that all is well)`,
  );
  expect(calls).toEqual(['HEAD /']);
  await server.close();
  const gone = await check(['--config', w.config, '--config', path]);
  expect(gone.code).toBe(5);
  expect(gone.stdout).toContain(`FAIL  heartbeat: HEAD ${server.url} was not sent`);
  expect(told.stdout + gone.stdout).not.toContain('PLANTED');
});

test('a country database is read, and one that is not there is a fault unless offline', async () => {
  const path = join(w.directory, 'geoip.yaml');
  await writeFile(path, 'version: 1\nmonitors: { log: { geoip: { database: ./country.mmdb } } }\n');
  const args = ['--config', w.config, '--config', path];
  const [missing, offline] = await Promise.all([check(args), check(['--offline', ...args])]);
  const database = join(w.directory, 'country.mmdb');
  expect([missing.code, offline.code]).toEqual([5, 0]);
  expect(missing.stdout).toContain(
    `FAIL  country database of monitor log: cannot read the country database ${database}`,
  );
  await writeFile(database, databaseOf({ '203.0.113.0/24': { country: { iso_code: 'AU' } } }));
  const there = await check(args);
  expect(lines(there)).toContain(`ok    country database of monitor log: ${database} can be read`);
});

test('no line shows a secret', () => {
  expect(outputs.join('')).toContain('frameflow-prod');
  for (const secret of w.secrets()) expect(outputs.join('')).not.toContain(secret);
});
