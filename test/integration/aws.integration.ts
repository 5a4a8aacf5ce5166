import { DescribeSecretCommand, GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Secret } from '../../src/model/index.ts';
import { storeContract } from '../../src/stores/contract.suite.ts';
import { markOf } from '../../src/stores/parts.suite.ts';
import { type AwsWorld, CREDENTIALS, startAwsWorld } from './aws.ts';

const open: AwsWorld[] = [];

beforeEach(() => {
  if (process.env.AWS_ACCESS_KEY_ID !== undefined || process.env.AWS_PROFILE !== undefined) return;
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(async () => {
  for (const world of open.splice(0)) {
    await world.store.close();
    await world.end();
  }
  vi.unstubAllEnvs();
});

storeContract('AWS Secrets Manager, a field of a JSON secret', () => startAwsWorld('api_key'));
storeContract('AWS Secrets Manager, a whole SecretString', () => startAwsWorld(undefined), {
  compares: true,
  neighbours: false,
});

test('the labels are where an application, and a person who goes back, looks for them', async () => {
  const world = await startAwsWorld(undefined);
  open.push(world);
  const { admin, store, target } = world;
  for (const number of [1, 2, 3]) {
    const value = Secret.from(`value-${number}`);
    await store.publish(target, value, markOf(number), await store.readBack(target));
  }
  const SecretId = target.secretId;
  const at = async (VersionStage: string) =>
    (await admin.send(new GetSecretValueCommand({ SecretId, VersionStage }))).SecretString;
  expect(await at('AWSCURRENT')).toBe('value-3');
  expect(await at('AWSPREVIOUS')).toBe('value-2');
  const { VersionIdsToStages } = await admin.send(new DescribeSecretCommand({ SecretId }));
  expect(
    Object.values(VersionIdsToStages ?? {})
      .flat()
      .toSorted(),
  ).toEqual(['AWSCURRENT', 'AWSPREVIOUS']);
});
