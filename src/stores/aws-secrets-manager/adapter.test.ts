import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Secret } from '../../model/index.ts';
import { storeContract } from '../contract.suite.ts';
import { edgeErrorOf, expectNoSecret, markOf } from '../parts.suite.ts';
import type { FakeFault } from '../testing/fake-service.ts';
import { type FakeRequest, refused } from './fake.ts';
import { schema } from './schema.ts';
import { type AwsWorld, type AwsWorldOptions, CREDENTIALS, FIELD, startAwsWorld, WHOLE } from './testing.ts';

const KEY = Secret.from('ff_live_9mQ2vX7nB4wLpR8t');
const NEXT = Secret.from('ff_live_5kJ8sZ3cV6yHdT1q');
const open: AwsWorld[] = [];

beforeEach(() => {
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const world of open.splice(0)) {
    await world.store.close();
    await world.end();
  }
  vi.unstubAllEnvs();
});

describe('AWS Secrets Manager', () => {
  storeContract('a field of a JSON secret', () => startAwsWorld());
  storeContract('a whole SecretString', () => startAwsWorld({ target: WHOLE }), {
    compares: true,
    neighbours: false,
  });
});

async function start(options: AwsWorldOptions = {}): Promise<AwsWorld> {
  const world = await startAwsWorld(options);
  open.push(world);
  return world;
}

function answering({ aws }: AwsWorld, operation: string, answer: FakeFault): void {
  aws.fault = (request) => (request.operation === operation ? answer : null);
}

const operations = (requests: readonly FakeRequest[]) => requests.map(({ operation }) => operation);

describe('A publication to AWS', () => {
  test('is staged as AWSPENDING, read back, made current, and no longer pending in the end', async () => {
    const { aws, store } = await start({ target: WHOLE });
    aws.write(WHOLE.secretId, 'before');
    const found = await store.readBack(WHOLE);
    aws.requests.length = 0;
    const mark = markOf(1);
    await store.publish(WHOLE, KEY, mark, found);
    expect(operations(aws.requests)).toEqual([
      'GetSecretValue',
      'DescribeSecret',
      'PutSecretValue',
      'GetSecretValue',
      'UpdateSecretVersionStage',
      'TagResource',
      'UpdateSecretVersionStage',
    ]);
    expect(aws.requests[2]?.body).toMatchObject({
      ClientRequestToken: mark.versionId,
      VersionStages: ['AWSPENDING'],
    });
    expect(aws.stages(WHOLE.secretId)).toEqual({ AWSCURRENT: KEY.reveal(), AWSPREVIOUS: 'before' });
  });

  test('reads by stage, always', async () => {
    const { aws, store } = await start();
    await store.publish(FIELD, KEY, markOf(1), await store.readBack(FIELD));
    const reads = aws.requests.filter(({ operation }) => operation === 'GetSecretValue');
    expect(reads.length).toBeGreaterThan(2);
    for (const { body } of reads)
      expect(body.VersionStage === 'AWSCURRENT' || 'VersionId' in body).toBe(true);
  });

  test.each([
    ['a field', FIELD],
    ['a whole secret', WHOLE],
  ])('of %s goes on after a crash at any point', async (_what, target) => {
    for (let crash = 1; ; crash += 1) {
      const { aws, store } = await start({ target });
      await store.publish(target, KEY, markOf(1), null);
      const found = await store.readBack(target);
      const mark = markOf(2);
      let count = 0;
      aws.fault = () => {
        count += 1;
        return count > crash ? refused('InternalServiceError') : null;
      };
      const crashed = await store.publish(target, NEXT, mark, found).then(
        () => false,
        () => true,
      );
      aws.fault = null;
      await store.publish(target, NEXT, mark, await store.readBack(target));
      expect(await store.readBack(target)).toMatchObject({ mark });
      expect(Object.keys(aws.stages(target.secretId)).sort()).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
      if (!crashed) break;
      expect(crash).toBeLessThan(10);
    }
  });

  test('goes on after a crash even where a neighbour changed the secret meanwhile', async () => {
    const { aws, store } = await start();
    await store.publish(FIELD, KEY, markOf(1), null);
    const mark = markOf(2);
    aws.denied.add('UpdateSecretVersionStage');
    await edgeErrorOf(store.publish(FIELD, NEXT, mark, await store.readBack(FIELD)));
    aws.denied.clear();
    aws.write(
      FIELD.secretId,
      JSON.stringify({ ...JSON.parse(aws.stages(FIELD.secretId).AWSCURRENT ?? ''), user: 'new' }),
    );
    await store.publish(FIELD, NEXT, mark, await store.readBack(FIELD));
    expect(await store.readBack(FIELD)).toMatchObject({ mark });
    expect(JSON.parse(aws.stages(FIELD.secretId).AWSCURRENT ?? '')).toMatchObject({
      api_key: NEXT.reveal(),
      user: 'new',
    });
  });

  test.each([
    ['a field', FIELD],
    ['a whole secret', WHOLE],
  ])('of %s can bring an earlier version back', async (_what, target) => {
    const { store } = await start({ target });
    const [first, second] = [markOf(1), markOf(2)];
    await store.publish(target, KEY, first, null);
    await store.publish(target, NEXT, second, await store.readBack(target));
    await store.publish(target, KEY, first, await store.readBack(target));
    const found = await store.readBack(target);
    expect([found?.value?.reveal(), found?.mark]).toEqual([KEY.reveal(), first]);
  });

  test('that another one overtakes between our read and our move is a conflict', async () => {
    const { aws, store } = await start({ target: WHOLE });
    await store.publish(WHOLE, KEY, markOf(1), null);
    const found = await store.readBack(WHOLE);
    aws.fault = ({ operation, body }) => {
      if (operation === 'UpdateSecretVersionStage' && body.VersionStage === 'AWSCURRENT') {
        aws.write(WHOLE.secretId, 'theirs');
      }
      return null;
    };
    const error = await edgeErrorOf(store.publish(WHOLE, NEXT, markOf(2), found));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(aws.stages(WHOLE.secretId).AWSCURRENT).toBe('theirs');
  });

  test.each([
    ['nothing', refused('ResourceNotFoundException')],
    [
      'another text',
      { status: 200, body: { VersionId: 'x', VersionStages: ['AWSPENDING'], SecretString: 'y' } },
    ],
  ])('that AWS takes, giving back %s, is not made current', async (_what, answer) => {
    const { aws, store } = await start({ target: WHOLE });
    aws.write(WHOLE.secretId, 'before');
    const found = await store.readBack(WHOLE);
    aws.fault = ({ operation, body }) =>
      operation === 'GetSecretValue' && 'VersionId' in body ? answer : null;
    const error = await edgeErrorOf(store.publish(WHOLE, KEY, markOf(1), found));
    expect(error.failure).toMatchObject({ code: 'not_kept', verdict: 'retryable' });
    expect(aws.stages(WHOLE.secretId).AWSCURRENT).toBe('before');
  });
});

describe('A JSON secret', () => {
  test('keeps the fields of others, numbers to the digit', async () => {
    const { aws, store } = await start();
    aws.write(FIELD.secretId, '{"id":12345678901234567890,"ratio":1.10,"user":"svc","list":[1,null]}');
    await store.publish(FIELD, KEY, markOf(1), await store.readBack(FIELD));
    expect(aws.stages(FIELD.secretId).AWSCURRENT).toMatch(
      /^\{"id":12345678901234567890,"ratio":1\.10,"user":"svc","list":\[1,null\],"api_key":"ff_live_9mQ2vX7nB4wLpR8t",/,
    );
  });

  test('takes the fields of several destinations at once, each by one version', async () => {
    const { aws, store } = await start();
    aws.write(FIELD.secretId, '{"user":"svc"}');
    const fields = ['api_key', 'search_key', 'player_key', 'upload_key', 'mail_key'];
    const found = await Promise.all(fields.map((field) => store.readBack({ ...FIELD, field })));
    await Promise.all(
      fields.map((field, at) => store.publish({ ...FIELD, field }, KEY, markOf(at + 1), found[at] ?? null)),
    );
    expect(JSON.parse(aws.stages(FIELD.secretId).AWSCURRENT ?? '')).toMatchObject({
      user: 'svc',
      ...Object.fromEntries(fields.map((field) => [field, KEY.reveal()])),
    });
    expect(operations(aws.requests).filter((name) => name === 'PutSecretValue')).toHaveLength(fields.length);
  });

  test.each(['their-plain-secret', '["their-plain-secret"]', '{"a":', null])(
    'that holds %s is left alone, and the message does not quote it',
    async (text) => {
      const { aws, store } = await start();
      aws.write(FIELD.secretId, text);
      for (const act of [
        () => store.preflight(FIELD),
        () => store.readBack(FIELD),
        () => store.publish(FIELD, KEY, markOf(1), null),
      ]) {
        const error = await edgeErrorOf(act());
        expect(error.failure).toMatchObject({ code: 'malformed_secret', verdict: 'permanent' });
        expect(error.message).not.toContain('their-plain');
      }
    },
  );

  test('is not made larger than AWS takes', async () => {
    const { aws, store } = await start();
    aws.write(FIELD.secretId, JSON.stringify({ blob: 'x'.repeat(65_400) }));
    const error = await edgeErrorOf(store.publish(FIELD, KEY, markOf(1), await store.readBack(FIELD)));
    expect(error.failure).toMatchObject({ code: 'too_large', verdict: 'permanent' });
    expect(operations(aws.requests)).not.toContain('PutSecretValue');
  });
});

describe('A whole secret', () => {
  test('is marked by tags that people can read', async () => {
    const { aws, store } = await start({ target: WHOLE });
    const mark = markOf(3);
    await store.publish(WHOLE, KEY, mark, null);
    const { Tags } = aws.requests.findLast(({ operation }) => operation === 'CreateSecret')?.body ?? {};
    expect(Tags).toEqual([
      { Key: 'keywarden:installation', Value: 'footage/production' },
      { Key: 'keywarden:credential', Value: 'frameflow-prod' },
      { Key: 'keywarden:version', Value: '3' },
      { Key: 'keywarden:version-id', Value: mark.versionId },
      { Key: 'keywarden:key-id', Value: 'key_3' },
      { Key: 'keywarden:created-at', Value: '2026-10-01T09:00:03Z' },
      { Key: 'keywarden:stored-as', Value: mark.versionId },
    ]);
  });

  test('that is binary is refused', async () => {
    const { aws, store } = await start({ target: WHOLE });
    aws.write(WHOLE.secretId, null);
    expect((await edgeErrorOf(store.readBack(WHOLE))).failure).toMatchObject({
      code: 'malformed_secret',
      verdict: 'permanent',
    });
  });
});

describe('A secret that is missing', () => {
  const wanted = { ...WHOLE, create: false };

  test('is told at the preflight and at the write, with what to do', async () => {
    const { store } = await start();
    for (const act of [() => store.preflight(wanted), () => store.publish(wanted, KEY, markOf(1), null)]) {
      const { failure } = await edgeErrorOf(act());
      expect(failure).toMatchObject({ code: 'missing', verdict: 'permanent' });
      expect(failure.message).toContain('set create: true');
    }
  });

  test('is not created under an ARN', async () => {
    const { aws, store } = await start();
    const secretId = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:footage/frameflow';
    const error = await edgeErrorOf(store.publish({ ...WHOLE, secretId }, KEY, markOf(1), null));
    expect(error.failure.code).toBe('missing');
    expect(operations(aws.requests)).not.toContain('CreateSecret');
  });

  test('is not the same as one without a value, which is written', async () => {
    const { aws, store } = await start();
    aws.write(wanted.secretId, null, { empty: true });
    await store.preflight(wanted);
    await store.publish(wanted, KEY, markOf(1), await store.readBack(wanted));
    expect(aws.stages(wanted.secretId)).toEqual({ AWSCURRENT: KEY.reveal() });
  });

  test('and that another one creates at the same time is a conflict', async () => {
    const { aws, store } = await start({ target: WHOLE });
    aws.fault = ({ operation }) => {
      if (operation === 'CreateSecret') aws.write(WHOLE.secretId, 'theirs');
      return null;
    };
    const error = await edgeErrorOf(store.publish(WHOLE, KEY, markOf(1), null));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(aws.stages(WHOLE.secretId).AWSCURRENT).toBe('theirs');
  });

  test('because it is to be deleted can be restored, and the message says how', async () => {
    const { aws, store } = await start({ target: WHOLE });
    aws.write(WHOLE.secretId, 'x');
    aws.scheduleDeletion(WHOLE.secretId);
    for (const act of [() => store.preflight(WHOLE), () => store.publish(WHOLE, KEY, markOf(1), null)]) {
      const { failure } = await edgeErrorOf(act());
      expect(failure).toMatchObject({ code: 'pending_deletion', verdict: 'permanent' });
      expect(failure.message).toContain('restore-secret');
    }
  });
});

describe('The name of an AWS error', () => {
  test.each([
    ['ThrottlingException', 'rate_limited', 'retryable'],
    ['AccessDeniedException', 'denied', 'permanent'],
    ['DecryptionFailure', 'kms_failure', 'permanent'],
    ['EncryptionFailure', 'kms_failure', 'permanent'],
    ['ExpiredTokenException', 'login_refused', 'rejected'],
    ['UnrecognizedClientException', 'login_refused', 'rejected'],
    ['InvalidSignatureException', 'login_refused', 'rejected'],
    ['InvalidRequestException', 'invalid_request', 'permanent'],
    ['LimitExceededException', 'quota', 'permanent'],
    ['InternalServiceError', 'unavailable', 'unknown'],
    ['constructor', 'bad_answer', 'unknown'],
  ] as const)('%s decides, whatever the status', async (name, code, verdict) => {
    for (const status of [400, 403, 500]) {
      const world = await start({ target: WHOLE });
      answering(world, 'PutSecretValue', { ...refused(name, `quoting ${KEY.reveal()}`), status });
      const error = await edgeErrorOf(world.store.publish(WHOLE, KEY, markOf(1), null));
      expect(error.failure).toMatchObject({ code, verdict });
      expectNoSecret(error.message, [KEY.reveal()]);
    }
  });

  test('InternalServiceError to a read leaves nothing open', async () => {
    const world = await start();
    answering(world, 'GetSecretValue', refused('InternalServiceError'));
    expect((await edgeErrorOf(world.store.readBack(FIELD))).failure).toMatchObject({
      code: 'unavailable',
      verdict: 'retryable',
    });
  });

  test('is missed in an answer that is not of AWS, which is tried again and not quoted', async () => {
    const world = await start();
    answering(world, 'GetSecretValue', { status: 200, body: `<html>${KEY.reveal()}</html>` });
    const error = await edgeErrorOf(world.store.readBack(FIELD));
    expect(error.failure).toMatchObject({ code: 'bad_answer', verdict: 'retryable' });
    expectNoSecret(error.message, [KEY.reveal()]);
  });
});

test.each(['eu-central-1', 'us-gov-west-1', 'us-isob-east-1', 'eusc-de-east-1'])(
  '%s is a region, and a zone of it is none',
  (region) => {
    const parse = (text: string) => schema.safeParse({ kind: 'aws-secrets-manager', region: text }).success;
    expect([parse(region), parse(`${region}a`)]).toEqual([true, false]);
  },
);
