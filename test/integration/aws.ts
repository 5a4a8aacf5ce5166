import { randomUUID } from 'node:crypto';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import type { Net, NetResponse } from '../../src/model/index.ts';
import { create } from '../../src/stores/aws-secrets-manager/adapter.ts';
import { type AwsSecretsManagerTarget, schema } from '../../src/stores/aws-secrets-manager/schema.ts';
import type { StoreWorld } from '../../src/stores/contract.suite.ts';
import { cuttableNet, ground } from './ground.ts';

const region = process.env.AWS_REGION ?? 'eu-central-1';

/** What the SDK signs with where the environment has no credentials: emulators take any. */
export const CREDENTIALS = {
  AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

export type AwsWorld = StoreWorld<AwsSecretsManagerTarget> & { readonly admin: SecretsManagerClient };

/** A store before the server that the environment names, with a secret of its own that is not there yet. */
export async function startAwsWorld(field: string | undefined, config: object = {}): Promise<AwsWorld> {
  const admin = new SecretsManagerClient({ region });
  const secretId = `keywarden-test/${randomUUID()}`;
  const target = { secretId, ...(field === undefined ? {} : { field }), create: true };
  const net = cuttableNet();
  let denied = false;
  const { context, logged } = ground(
    'aws',
    schema.parse({ kind: 'aws-secrets-manager', region, allowPlaintextLoopback: true, ...config }),
    deniable(net, () => denied),
  );
  return {
    admin,
    store: create(context),
    target,
    ...(field === undefined ? {} : { otherTarget: { ...target, field: 'other_key' } }),
    planted: [process.env.AWS_SECRET_ACCESS_KEY ?? ''].filter((secret) => secret !== ''),
    async outage(on) {
      net.cut = on;
    },
    async forbid(on) {
      denied = on;
    },
    meddle: (value) => meddle(admin, secretId, field, value),
    observe: () => observe(admin, secretId),
    logged,
    async end() {
      await admin
        .send(new DeleteSecretCommand({ SecretId: secretId, ForceDeleteWithoutRecovery: true }))
        .catch(nullIfMissing);
      admin.destroy();
      await net.close();
    },
  };
}

/** The emulators keep to no policy unless they are told to: this one answer is played, in AWS's own form. */
function deniable(net: Net, denied: () => boolean): Net {
  const refusal: NetResponse = {
    status: 400,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: Buffer.from('{"__type":"AccessDeniedException","Message":"not authorized"}'),
  };
  return {
    ...net,
    request: async (request) =>
      denied() && request.headers?.['x-amz-target'] === 'secretsmanager.PutSecretValue'
        ? refusal
        : net.request(request),
  };
}

/** Someone changes the value, or the one field of it, with AWS's own tools. */
async function meddle(
  admin: SecretsManagerClient,
  SecretId: string,
  field: string | undefined,
  value: string,
): Promise<void> {
  const standing = await admin
    .send(new GetSecretValueCommand({ SecretId, VersionStage: 'AWSCURRENT' }))
    .catch(nullIfMissing);
  const fields = field === undefined ? {} : JSON.parse(standing?.SecretString ?? '{}');
  const SecretString = field === undefined ? value : JSON.stringify({ ...fields, [field]: value });
  const command =
    standing === null
      ? new CreateSecretCommand({ Name: SecretId, SecretString })
      : new PutSecretValueCommand({ SecretId, SecretString });
  await admin.send(command as PutSecretValueCommand);
}

async function observe(admin: SecretsManagerClient, SecretId: string): Promise<unknown> {
  const known = await admin.send(new DescribeSecretCommand({ SecretId })).catch(nullIfMissing);
  return known === null ? null : { tags: known.Tags, versions: known.VersionIdsToStages };
}

function nullIfMissing(error: unknown): null {
  if (error instanceof Error && error.name === 'ResourceNotFoundException') return null;
  throw error;
}
