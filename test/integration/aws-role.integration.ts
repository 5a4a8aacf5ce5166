import { afterEach, beforeEach, vi } from 'vitest';
import { storeContract } from '../../src/stores/contract.suite.ts';
import { CREDENTIALS, startAwsWorld } from './aws.ts';

const roleArn = 'arn:aws:iam::123456789012:role/keywarden-test';

beforeEach(() => {
  if (process.env.AWS_ACCESS_KEY_ID !== undefined || process.env.AWS_PROFILE !== undefined) return;
  for (const [name, value] of Object.entries(CREDENTIALS)) vi.stubEnv(name, value);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

storeContract('AWS Secrets Manager by an assumed role', () => startAwsWorld('api_key', { roleArn }));
