/*
 * What the measured daemon speaks to, as a process of its own, so that its work is not in the figures: the sandbox, a
 * Vault and an AWS Secrets Manager. `node surroundings.ts OVERLAP_MS` prints one line of JSON and ends with its
 * standard input.
 */
import { startSandbox } from '../../src/sandbox/index.ts';
import { makeTls } from '../../src/sandbox/tls.ts';
import { FakeSecretsManager } from '../../src/stores/aws-secrets-manager/fake.ts';
import { FakeVault } from '../../src/stores/vault/fake.ts';

/** The line that it prints. */
export type Surroundings = {
  readonly ca: string;
  readonly storesCa: string;
  readonly frameflow: string;
  readonly vault: string;
  readonly aws: string;
  readonly environment: Readonly<Record<string, string>>;
};

const sandbox = await startSandbox({ overlapMs: Number(process.argv[2]) });
const tls = await makeTls();
const vault = await new FakeVault(tls).listen();
const aws = await new FakeSecretsManager(tls).listen();
const line: Surroundings = {
  ca: sandbox.ca,
  storesCa: tls.ca,
  frameflow: sandbox.frameflow.url,
  vault: vault.url,
  aws: aws.url,
  environment: {
    ...sandbox.environment,
    VAULT_ROLE_ID: vault.appRole.roleId,
    VAULT_SECRET_ID: vault.appRole.secretId,
    AWS_ACCESS_KEY_ID: 'AKIAIOSFODNN7EXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  },
};
process.stdout.write(`${JSON.stringify(line)}\n`);
process.stdin.once('end', () => process.exit(0)).resume();
