import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../model/index.ts';
import { makeCa, testNet } from '../../net/testing/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, expectNoSecret, markOf } from '../parts.suite.ts';
import { FakeSecretsManager, refused } from './fake.ts';
import { FakeSts, SESSION, stsRefused } from './testing/sts.ts';
import { type AwsWorld, type AwsWorldOptions, CREDENTIALS, FIELD, startAwsWorld } from './testing.ts';

const ROLE = 'arn:aws:iam::123456789012:role/keywarden';
const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const open: Array<() => Promise<void>> = [];

beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const close of open.splice(0)) await close();
  vi.unstubAllEnvs();
});

type RoleWorld = AwsWorld & { readonly sts: FakeSts };

/** A store that takes ROLE, which trusts the caller. */
async function startRoleWorld(options: AwsWorldOptions = {}): Promise<RoleWorld> {
  const aws = options.aws ?? (await new FakeSecretsManager().listen());
  const sts = await new FakeSts(aws.keys).listen();
  sts.trusting.add(ROLE);
  vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.url);
  const world = await startAwsWorld({ ...options, aws, config: { roleArn: ROLE, ...options.config } });
  const planted = [...world.planted, SESSION.secretAccessKey, SESSION.sessionToken];
  const end = async () => {
    await world.end();
    await sts.close();
  };
  return { ...world, sts, planted, end };
}

function closing<World extends AwsWorld>(world: World): World {
  open.push(async () => {
    await world.store.close();
    await world.end();
  });
  return world;
}

const start = async (options: AwsWorldOptions = {}) => closing(await startRoleWorld(options));

const startPlain = async (options: AwsWorldOptions = {}) => closing(await startAwsWorld(options));

/** A folder with these files, gone after the test. */
async function folderWith(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-aws-'));
  open.push(() => rm(folder, { recursive: true }));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return folder;
}

/** The environment has no keys, and shared files are those in `folder`. */
function lookIn(folder: string): void {
  for (const name of Object.keys(CREDENTIALS)) vi.stubEnv(name, undefined);
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
  vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', join(folder, 'credentials'));
  vi.stubEnv('AWS_CONFIG_FILE', join(folder, 'config'));
}

const profile = (id: string) =>
  `[default]\naws_access_key_id = ${id}\naws_secret_access_key = ${'x'.repeat(40)}\n`;

storeContract('AWS Secrets Manager by an assumed role', () => startRoleWorld());

describe('An assumed role', () => {
  test('is taken once with the credentials of the default chain, under a name that tells whose it is', async () => {
    const { aws, sts, store } = await start();
    await store.publish(FIELD, KEY, markOf(1), await store.readBack(FIELD));
    expect(sts.requests).toEqual([
      {
        key: CREDENTIALS.AWS_ACCESS_KEY_ID,
        form: {
          Action: 'AssumeRole',
          Version: '2011-06-15',
          RoleArn: ROLE,
          RoleSessionName: 'keywarden-aws',
        },
      },
    ]);
    for (const { headers } of aws.requests) {
      expect(headers.authorization).toContain('Credential=ASIA');
      expect(headers['x-amz-security-token']).toBe(SESSION.sessionToken);
    }
  });

  test('is taken again before its session ends', async () => {
    const { sts, store } = await start();
    sts.lifetime = 4 * 60_000;
    await store.readBack(FIELD);
    await store.readBack(FIELD);
    expect(sts.requests.length).toBeGreaterThan(1);
  });

  test('whose sessions were revoked is taken anew with the next call', async () => {
    const { sts, store } = await start();
    await store.readBack(FIELD);
    sts.revoke();
    expect((await edgeErrorOf(store.readBack(FIELD))).failure.code).toBe('login_refused');
    expect(await store.readBack(FIELD)).toBe(null);
  });

  test('that refuses us is a permanent failure that names it and says what to grant, until it is granted', async () => {
    const { aws, sts, store } = await start();
    sts.trusting.clear();
    for (const act of [
      () => store.renewLogin(),
      () => store.preflight(FIELD),
      () => store.readBack(FIELD),
      () => store.publish(FIELD, KEY, markOf(1), null),
    ]) {
      const { failure } = await edgeErrorOf(act());
      expect(failure).toMatchObject({ code: 'role_refused', verdict: 'permanent' });
      expect(failure.message).toContain(ROLE);
      expect(failure.message).toContain('sts:AssumeRole');
      expect(failure.message).toContain('trust policy');
    }
    expect(aws.requests).toEqual([]);
    sts.trusting.add(ROLE);
    await store.preflight(FIELD);
  });

  test.each([
    ['AccessDenied', 400, 'role_refused', 'permanent'],
    ['RegionDisabledException', 403, 'sts_disabled', 'permanent'],
    ['ValidationError', 400, 'invalid_request', 'permanent'],
    ['ExpiredToken', 400, 'login_refused', 'rejected'],
    ['SignatureDoesNotMatch', 403, 'login_refused', 'rejected'],
    ['Throttling', 400, 'rate_limited', 'retryable'],
    ['InternalFailure', 500, 'unavailable', 'retryable'],
    ['Unheard', 403, 'bad_answer', 'retryable'],
  ] as const)('answered with %s has a verdict of its own', async (name, status, code, verdict) => {
    const { sts, store } = await start();
    sts.fault = () => stsRefused(name, 'quoted', status);
    const { failure } = await edgeErrorOf(store.publish(FIELD, KEY, markOf(1), null));
    expect(failure).toMatchObject({ code, verdict });
    expect(failure.message).toContain(`assuming ${ROLE}: `);
    expect(failure.message).not.toContain('quoted');
  });

  test.each([200, 403])('answered with a page of a proxy and %s is tried again', async (status) => {
    const { sts, store } = await start();
    sts.fault = () => ({ status, body: '<html>quoted</html>' });
    const { failure } = await edgeErrorOf(store.readBack(FIELD));
    expect(failure).toMatchObject({ code: 'bad_answer', verdict: 'retryable' });
    expect(failure.message).not.toContain('quoted');
  });

  test('without credentials to take it with says that those are missing', async () => {
    lookIn(await folderWith({}));
    const { sts, store } = await start();
    expect((await edgeErrorOf(store.readBack(FIELD))).failure).toMatchObject({
      code: 'no_credentials',
      verdict: 'retryable',
    });
    expect(sts.requests).toEqual([]);
  });

  test('is asked for within the deadline, and a write that waited for it has not begun', async () => {
    const { aws, sts, store } = await start({ config: { timeout: '300ms' } });
    await store.publish(FIELD, KEY, markOf(1), null);
    const found = await store.readBack(FIELD);
    sts.revoke();
    await edgeErrorOf(store.readBack(FIELD));
    // Sessions that are taken anew for every request; the one for the first write does not come.
    sts.lifetime = 4 * 60_000;
    aws.requests.length = 0;
    sts.fault = () => (aws.requests.length > 0 ? 'hang' : null);
    expect((await edgeErrorOf(store.publish(FIELD, KEY, markOf(2), found))).failure).toMatchObject({
      code: 'timeout',
      verdict: 'retryable',
    });
    expect(aws.requests.map(({ operation }) => operation)).toEqual(['GetSecretValue']);
  });

  test('of which STS asks to be left alone for an hour holds nobody beyond the deadline', async () => {
    const { sts, store } = await start({ config: { timeout: '300ms' } });
    sts.fault = () => stsRefused('Throttling', 'x', 429, { 'Retry-After': '3600' });
    expect((await edgeErrorOf(store.readBack(FIELD))).failure.verdict).toBe('retryable');
    sts.fault = null;
    await vi.waitFor(async () => expect(await store.readBack(FIELD)).toBe(null), { timeout: 5_000 });
  });

  test('is taken with what a shared file says by now', async () => {
    const folder = await folderWith({ credentials: profile('AKIANOLONGERVALID000') });
    lookIn(folder);
    const { store } = await start();
    expect((await edgeErrorOf(store.readBack(FIELD))).failure).toMatchObject({
      code: 'login_refused',
      verdict: 'rejected',
    });
    await writeFile(join(folder, 'credentials'), profile(CREDENTIALS.AWS_ACCESS_KEY_ID));
    expect(await store.readBack(FIELD)).toBe(null);
  });

  test('is asked for over the connection of the store: its CA, its rules, no redirect', async () => {
    const ca = await makeCa();
    const aws = await new FakeSecretsManager(await ca.issue()).listen();
    const sts = await new FakeSts(aws.keys).listen(await ca.issue());
    sts.trusting.add(ROLE);
    open.push(() => sts.close());
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.url);
    const config = { roleArn: ROLE };
    const { store } = await startPlain({ aws, net: testNet(ca), config });
    expect(await store.readBack(FIELD)).toBe(null);
    const unknown = await startPlain({ net: testNet(null), config });
    expect((await edgeErrorOf(unknown.store.readBack(FIELD))).failure).toMatchObject({
      code: 'tls',
      verdict: 'retryable',
    });
    expect(unknown.aws.requests).toEqual([]);
  });

  test('shows none of its session in what is thrown', async () => {
    const { aws, store, planted, logged } = await start();
    await store.readBack(FIELD);
    aws.fault = () => refused('AccessDeniedException', planted.join(' '));
    const error = await edgeErrorOf(store.readBack(FIELD));
    expectNoSecret(`${error.stack}${JSON.stringify(error)}${logged()}`, planted);
  });
});

describe("The SDK's default chain", () => {
  test('reads the shared files, and again once their credentials were refused', async () => {
    const folder = await folderWith({ credentials: profile('AKIANOLONGERVALID000') });
    lookIn(folder);
    const { store } = await startPlain();
    expect((await edgeErrorOf(store.readBack(FIELD))).failure).toMatchObject({
      code: 'login_refused',
      verdict: 'rejected',
    });
    await writeFile(join(folder, 'credentials'), profile(CREDENTIALS.AWS_ACCESS_KEY_ID));
    expect(await store.readBack(FIELD)).toBe(null);
  });

  test('takes the role of a web identity over the connection of the store', async () => {
    const aws = await new FakeSecretsManager().listen();
    const sts = await new FakeSts(aws.keys).listen();
    open.push(() => sts.close());
    const folder = await folderWith({ token: 'web-identity-token' });
    lookIn(folder);
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', join(folder, 'token'));
    vi.stubEnv('AWS_ROLE_ARN', ROLE);
    vi.stubEnv('AWS_ENDPOINT_URL_STS', sts.url);
    const { store } = await startPlain({ aws });
    const { failure } = await edgeErrorOf(store.renewLogin());
    expect(failure).toMatchObject({ code: 'role_refused', verdict: 'permanent' });
    expect(failure.message).toContain('AWS_ROLE_ARN');
    sts.trusting.add(ROLE);
    expect(await store.readBack(FIELD)).toBe(null);
    expect(sts.requests.at(-1)?.form).toMatchObject({
      Action: 'AssumeRoleWithWebIdentity',
      WebIdentityToken: 'web-identity-token',
    });
    const plain = testNet(null, { allowPlaintextLoopback: false });
    open.push(() => plain.close());
    const refusing = await startPlain({ net: plain });
    expect((await edgeErrorOf(refusing.store.renewLogin())).failure.code).toBe('plaintext_refused');
  });

  test('that finds nothing is told by the login already, before anything is published', async () => {
    lookIn(await folderWith({}));
    const { aws, store } = await startPlain();
    expect((await edgeErrorOf(store.renewLogin())).failure).toMatchObject({
      code: 'no_credentials',
      verdict: 'retryable',
    });
    expect(aws.requests).toEqual([]);
  });
});
