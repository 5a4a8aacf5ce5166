import type { Net } from '../../model/index.ts';
import { testNet } from '../../net/testing/index.ts';
import type { StoreWorld } from '../contract.suite.ts';
import { memoryLog, testHash } from '../parts.suite.ts';
import { clock, noFiles } from '../vault/testing.ts';
import { create } from './adapter.ts';
import { FakeSecretsManager } from './fake.ts';
import { type AwsSecretsManagerTarget, schema } from './schema.ts';

/** Credentials that the SDK's default chain finds in the environment; the id is known to the fake. */
export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  AWS_SESSION_TOKEN: 'session-token-EXAMPLE-9mQ2vX7nB4wLpR8t',
};

export type AwsWorld = StoreWorld<AwsSecretsManagerTarget> & { readonly aws: FakeSecretsManager };

export type AwsWorldOptions = {
  readonly aws?: FakeSecretsManager;
  readonly target?: AwsSecretsManagerTarget;
  readonly config?: object;
  readonly net?: Net;
};

/** A field of a JSON secret that is not there yet. */
export const FIELD: AwsSecretsManagerTarget = {
  secretId: 'footage/frameflow',
  field: 'api_key',
  create: true,
};
/** A whole SecretString that is not there yet. */
export const WHOLE: AwsSecretsManagerTarget = { secretId: 'footage/frameflow-key', create: true };

/** An adapter before a fake of its own. The environment must hold {@link CREDENTIALS}. */
export async function startAwsWorld(options: AwsWorldOptions = {}): Promise<AwsWorld> {
  const aws = options.aws ?? (await new FakeSecretsManager().listen());
  const target = options.target ?? FIELD;
  const config = schema.parse({
    kind: 'aws-secrets-manager',
    region: 'eu-central-1',
    endpoint: aws.url,
    allowPlaintextLoopback: true,
    ...options.config,
  });
  const net = options.net ?? testNet(null, { allowPlaintextLoopback: true, timeoutMs: config.timeout });
  const memory = memoryLog();
  return {
    aws,
    store: create({ name: 'aws', config, net, files: noFiles, log: memory.log, clock, hash: testHash }),
    target,
    ...(target.field === undefined ? {} : { otherTarget: { ...target, field: 'other_key' } }),
    planted: [CREDENTIALS.AWS_SECRET_ACCESS_KEY, CREDENTIALS.AWS_SESSION_TOKEN],
    async outage(on) {
      aws.fault = on ? () => ({ status: 503, body: '<html>service unavailable</html>' }) : null;
    },
    async forbid(on) {
      on ? aws.denied.add('PutSecretValue') : aws.denied.delete('PutSecretValue');
    },
    async meddle(value) {
      aws.write(target.secretId, target.field === undefined ? value : patched(aws, target, value));
    },
    observe: async () => aws.observe(),
    logged: () => memory.text(),
    async end() {
      await net.close();
      await aws.close();
    },
  };
}

/** The secret as someone leaves it who changes the one field and nothing else. */
function patched(
  aws: FakeSecretsManager,
  { secretId, field }: AwsSecretsManagerTarget,
  value: string,
): string {
  aws.write(secretId, null, { empty: true });
  const current = aws.stages(secretId).AWSCURRENT ?? '{}';
  return JSON.stringify({ ...JSON.parse(current), [field ?? '']: value });
}
