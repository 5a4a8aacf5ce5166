import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Secret } from '../../model/index.ts';
import { testNet } from '../../net/testing/index.ts';
import { edgeErrorOf, markOf } from '../parts.suite.ts';
import type { FakeAnswer } from '../testing/fake-service.ts';
import { FakeSecretsManager } from './fake.ts';
import { type AwsWorld, CREDENTIALS, startAwsWorld } from './testing.ts';

/*
 * What an emulator of AWS was recorded to be asked and to answer (test/fixtures/README.md), held against what our
 * fake answers and what our adapter asks. Exchanges in which AWS itself differs are left out, save for the status.
 */

type Exchange = {
  readonly name: string;
  readonly awsDiffers?: string;
  readonly request: {
    readonly method: 'POST';
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Readonly<Record<string, unknown>>;
  };
  readonly response: FakeAnswer;
};

const fixtures = new URL('../../../test/fixtures/aws-secrets-manager/', import.meta.url);
const open: Array<() => Promise<void>> = [];

beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const close of open.splice(0)) await close();
  vi.unstubAllEnvs();
});

async function recorded(file: string, name: string): Promise<Exchange> {
  const { exchanges } = JSON.parse(await readFile(new URL(`${file}.json`, fixtures), 'utf8'));
  const found = exchanges.find((exchange: Exchange) => exchange.name === name);
  if (found === undefined) throw new TypeError(`no exchange "${name}" in ${file}`);
  return found;
}

/** Names and types all the way down; ids of versions, which are names here, as one. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(shape);
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value;
  const members = Object.entries(value)
    // An emulator's own: AWS does not have it.
    .filter(([name]) => name !== 'SecretVersionsToStages')
    .map(([name, member]) => [/^[0-9a-f-]{36}$/.test(name) ? 'ID' : name, shape(member)] as const);
  return Object.fromEntries(members.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** Exchanges in their order, as one story before one fake: what precedes is what they build upon. */
const stories: ReadonlyArray<readonly [file: string, names: readonly string[]]> = [
  [
    'get-and-describe',
    [
      'setup: create',
      'get by ARN',
      'get by stage',
      'get by version',
      'get a stage that is on no version',
      'get a version that is not there',
      'get a secret that does not exist',
      'describe',
      'describe a secret that does not exist',
    ],
  ],
  [
    'put-and-stages',
    [
      'setup: create',
      'put as AWSPENDING',
      'pending is v2',
      'same token and value again',
      'describe with a pending version',
      'move AWSCURRENT without saying from where',
      'move AWSCURRENT from the wrong version',
      'move AWSCURRENT to the pending version',
      'describe afterwards',
      'current is v2, asked for by stage',
      'previous is v1',
      'take AWSPENDING off',
      'put without a value',
      'put on a secret that does not exist',
      'update-stage on a secret that does not exist',
      'setup: another secret',
      'token of the current version, other value',
    ],
  ],
  [
    'create-secret',
    [
      'create with SecretString',
      'same name, other token and value: exists',
      'same name, same token, same value',
      'same name, same token, other value',
      'create with a short token',
      'unicode value',
      'read it',
    ],
  ],
];

test.each(stories)('%s: the fake answers in the recorded form', async (file, names) => {
  const aws = await new FakeSecretsManager().listen();
  const net = testNet(null, { allowPlaintextLoopback: true });
  open.push(
    () => net.close(),
    () => aws.close(),
  );
  for (const name of names) {
    const { request, response, awsDiffers } = await recorded(file, name);
    const answer = await net.request({
      method: request.method,
      url: `${aws.url}${request.path}`,
      headers: { ...request.headers, Authorization: authorization(request.headers.Authorization ?? '') },
      body: JSON.stringify(withArn(request.body)),
    });
    const body = JSON.parse(answer.body.toString('utf8'));
    // AWS answers every error of this API with 400.
    expect([name, answer.status]).toEqual([name, response.status === 200 ? 200 : 400]);
    if (awsDiffers === undefined || response.status === 404)
      expect([name, shape(body)]).toEqual([name, shape(response.body)]);
    expect([name, body.__type]).toEqual([name, Object(response.body).__type]);
  }
});

function authorization(recordedHeader: string): string {
  return recordedHeader.replace(/Credential=[^/]+/, `Credential=${CREDENTIALS.AWS_ACCESS_KEY_ID}`);
}

/** The fake gives every secret the same random suffix. */
function withArn(body: Readonly<Record<string, unknown>>): object {
  const { SecretId: id } = body;
  return typeof id === 'string' && id.startsWith('arn:')
    ? { ...body, SecretId: id.replace(/-\w{6}$/, '-gWfjLQ') }
    : body;
}

const verdicts: ReadonlyArray<readonly [file: string, exchange: string, operation: string, failure: object]> =
  [
    [
      'delete-and-restore',
      'get while scheduled for deletion',
      'GetSecretValue',
      { code: 'pending_deletion', verdict: 'permanent' },
    ],
    [
      'put-and-stages',
      'move AWSCURRENT without saying from where',
      'UpdateSecretVersionStage',
      { code: 'conflict', verdict: 'retryable' },
    ],
    [
      'create-secret',
      'same name, other token and value: exists',
      'CreateSecret',
      { code: 'conflict', verdict: 'retryable' },
    ],
  ];

test.each(verdicts)('%s: the adapter knows what "%s" means', async (file, name, operation, failure) => {
  const { response } = await recorded(file, name);
  const target = { secretId: 'app/rot', create: true };
  const { store, aws, end } = await startAwsWorld({ target });
  open.push(end);
  if (operation === 'UpdateSecretVersionStage') aws.write(target.secretId, 'v1');
  const found = await store.readBack(target);
  aws.fault = (request) => (request.operation === operation ? response : null);
  const error = await edgeErrorOf(store.publish(target, Secret.from('v2'), markOf(1), found));
  expect(error.failure).toMatchObject(failure);
});

test('what the adapter asks has the method, path, headers and body that were recorded', async () => {
  const target = { secretId: 'app/rot', create: true };
  const world = await startAwsWorld({ target });
  open.push(async () => {
    await world.store.close();
    await world.end();
  });
  await world.store.publish(target, Secret.from('v1'), markOf(1), null);
  await world.store.publish(target, Secret.from('v2'), markOf(2), await world.store.readBack(target));

  await expectLike(world, 'create-secret', 'create with SecretString', ['Name', 'Tags']);
  await expectLike(world, 'put-and-stages', 'put as AWSPENDING', ['ClientRequestToken', 'VersionStages']);
  await expectLike(world, 'put-and-stages', 'current is v2, asked for by stage', ['VersionStage']);
  await expectLike(world, 'get-and-describe', 'get by version', ['VersionId']);
  await expectLike(world, 'get-and-describe', 'describe', ['SecretId']);
  await expectLike(world, 'put-and-stages', 'move AWSCURRENT to the pending version', ['MoveToVersionId']);
  await expectLike(world, 'put-and-stages', 'take AWSPENDING off', ['RemoveFromVersionId']);
});

/** Among our requests of the same operation with `fields` there is one of the recorded form. */
async function expectLike(
  world: AwsWorld,
  file: string,
  name: string,
  fields: readonly string[],
): Promise<void> {
  const { request } = await recorded(file, name);
  const { Description: _optional, ...body } = request.body;
  const ours = world.aws.requests.filter(
    ({ headers, body: sent }) =>
      headers['x-amz-target'] === request.headers['X-Amz-Target'] && fields.every((field) => field in sent),
  );
  expect([name, ours.map(({ body: sent }) => shape(sent))]).toEqual([
    name,
    expect.arrayContaining([shape(body)]),
  ]);
  for (const { method, path, headers } of ours) {
    expect([name, method, path]).toEqual([name, request.method, request.path]);
    expect(headers['content-type']).toBe(request.headers['Content-Type']);
    expect(Object.keys(headers)).toEqual(
      expect.arrayContaining(Object.keys(request.headers).map((header) => header.toLowerCase())),
    );
    expect(headers.authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/\d{8}\/eu-central-1\/secretsmanager\/aws4_request, /,
    );
  }
}
