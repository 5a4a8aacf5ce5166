import { spawnSync } from 'node:child_process';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import { edgeErrorOf, expectNoSecret, markOf } from '../parts.suite.ts';
import { FakeSecretsManager, refused } from './fake.ts';
import { type AwsWorld, type AwsWorldOptions, CREDENTIALS, FIELD, startAwsWorld } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const open: Array<() => Promise<void>> = [];

beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const close of open.splice(0)) await close();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

async function start(options: AwsWorldOptions = {}): Promise<AwsWorld> {
  const world = await startAwsWorld(options);
  open.push(async () => {
    await world.store.close();
    await world.end();
  });
  return world;
}

const everyCall = (store: AwsWorld['store']) => [
  () => store.preflight(FIELD),
  () => store.readBack(FIELD),
  () => store.publish(FIELD, KEY, markOf(1), null),
];

describe('The connection to AWS', () => {
  test('trusts the configured CA and no other', async () => {
    const ca = await makeCa();
    const trusted = await start({
      aws: await new FakeSecretsManager(await ca.issue()).listen(),
      net: testNet(ca),
    });
    expect(await trusted.store.readBack(FIELD)).toBe(null);
    const unknown = await start({
      aws: await new FakeSecretsManager(await ca.issue()).listen(),
      net: testNet(null),
    });
    expect((await edgeErrorOf(unknown.store.readBack(FIELD))).failure).toMatchObject({
      code: 'tls',
      verdict: 'retryable',
    });
    expect(unknown.aws.requests).toEqual([]);
  });

  test('follows no redirect', async () => {
    const elsewhere = await new FakeSecretsManager().listen();
    open.push(() => elsewhere.close());
    const { aws, store } = await start();
    aws.fault = () => ({ status: 307, body: '', headers: { Location: `${elsewhere.url}/` } });
    for (const act of everyCall(store)) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({ code: 'bad_answer', verdict: 'retryable' });
    }
    expect(elsewhere.requests).toEqual([]);
  });

  test('holds one deadline for all of an operation against a server that never answers', async () => {
    const { aws, store } = await start({ config: { timeout: '300ms' } });
    aws.fault = () => 'hang';
    for (const act of everyCall(store)) {
      const started = performance.now();
      expect((await edgeErrorOf(act())).failure).toMatchObject({ code: 'timeout', verdict: 'retryable' });
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  });

  test('does not know whether a write without an answer took place', async () => {
    const { aws, store } = await start({ config: { timeout: '500ms' } });
    await store.readBack(FIELD);
    aws.fault = ({ operation }) => (operation === 'PutSecretValue' ? 'hang' : null);
    expect((await edgeErrorOf(store.publish(FIELD, KEY, markOf(1), null))).failure).toMatchObject({
      code: 'timeout',
      verdict: 'unknown',
    });
  });

  test('repeats a throttled request once, and no more', async () => {
    const { aws, store } = await start();
    let refusals = 1;
    aws.fault = () => (refusals-- > 0 ? refused('ThrottlingException') : null);
    expect(await store.readBack(FIELD)).toBe(null);
    refusals = Number.POSITIVE_INFINITY;
    aws.requests.length = 0;
    expect((await edgeErrorOf(store.readBack(FIELD))).failure.code).toBe('rate_limited');
    expect(aws.requests).toHaveLength(2);
  });

  test('holds its deadline however long AWS asks to be left alone', async () => {
    const { aws, store } = await start({ config: { timeout: '300ms' } });
    await store.renewLogin();
    aws.fault = () => ({ ...refused('ThrottlingException'), headers: { 'Retry-After': '3600' } });
    for (const act of everyCall(store)) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({ code: 'timeout', verdict: 'retryable' });
    }
  }, 10_000);

  test('ends what is under way when the store is closed, and begins nothing after', async () => {
    const { aws, store } = await start();
    const asked = Promise.withResolvers<void>();
    aws.fault = ({ operation }) => {
      if (operation !== 'PutSecretValue') return null;
      asked.resolve();
      return 'hang';
    };
    const underWay = edgeErrorOf(store.publish(FIELD, KEY, markOf(1), null));
    await asked.promise;
    await store.close();
    expect((await underWay).failure).toMatchObject({ code: 'closed', verdict: 'unknown' });
    const before = aws.requests.length;
    for (const act of everyCall(store)) {
      expect((await edgeErrorOf(act())).failure).toMatchObject({ code: 'closed', verdict: 'retryable' });
    }
    expect(aws.requests).toHaveLength(before);
  });

  test('takes no proxy from the environment and writes nothing to the console', async () => {
    const warn = vi.spyOn(console, 'warn');
    const proxy = await new FakeSecretsManager().listen();
    open.push(() => proxy.close());
    for (const name of ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy'])
      vi.stubEnv(name, proxy.url);
    const { store } = await start();
    await store.publish(FIELD, KEY, markOf(1), null);
    expect(proxy.requests).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });

  test('without credentials says where they are looked for, and finds them once they are there', async () => {
    for (const name of Object.keys(CREDENTIALS)) vi.stubEnv(name, undefined);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent');
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent');
    const { store } = await start();
    expect((await edgeErrorOf(store.readBack(FIELD))).failure).toMatchObject({
      code: 'no_credentials',
      verdict: 'retryable',
    });
    for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
    expect(await store.readBack(FIELD)).toBe(null);
  });

  test('that breaks leaves no trace of secrets in what is thrown', async () => {
    const { aws, store, planted, logged } = await start();
    await store.publish(FIELD, KEY, markOf(1), null);
    await aws.close();
    for (const act of everyCall(store)) {
      const error = await edgeErrorOf(act());
      expect(['retryable', 'unknown']).toContain(error.failure.verdict);
      expect(error.cause).toBe(undefined);
      const shown = [
        inspect(error, { depth: 9, showHidden: true }),
        JSON.stringify(error),
        error.stack,
        logged(),
      ];
      expectNoSecret(shown.join('\n'), [KEY.reveal(), ...planted]);
    }
  });
});

test.each([
  ['without roleArn', false, {}],
  ['with roleArn', true, { roleArn: 'arn:aws:iam::123456789012:role/keywarden' }],
])('A store %s loads what takes roles: %s', (_what, loaded, config) => {
  const code = `
    import { registerHooks } from 'node:module';
    const seen = [];
    registerHooks({ load: (url, context, next) => { seen.push(url); return next(url, context); } });
    const { create } = await import(process.argv[1]);
    const config = { region: 'eu-central-1', timeout: 2000, ...JSON.parse(process.argv[2]) };
    const net = { request: () => Promise.reject(new Error('not sent')) };
    await create({ name: 'aws', config, net, hash: {} }).renewLogin().catch(() => {});
    process.stdout.write(JSON.stringify(seen));
  `;
  const adapter = new URL('./adapter.ts', import.meta.url).href;
  const child = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', code, adapter, JSON.stringify(config)],
    { env: { ...process.env, ...CREDENTIALS } },
  );
  const seen: readonly string[] = JSON.parse(child.stdout.toString());
  expect(seen).toContain(adapter);
  expect(seen.some((url) => url.includes('/@aws-sdk/credential-providers/'))).toBe(loaded);
});
