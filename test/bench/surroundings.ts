/*
 * What the measured daemon speaks to, as a process of its own, so that its work is not in the figures: the sandbox, a
 * Vault, an AWS Secrets Manager and a Kubernetes cluster. Vault never answers who writes a second version at a path that
 * ends with `-hangs`. `node surroundings.ts OVERLAP_MS` prints one line of JSON and ends with its
 * standard input.
 */
import { startSandbox } from '../../src/sandbox/index.ts';
import { makeTls } from '../../src/sandbox/tls.ts';
import { FakeSecretsManager } from '../../src/stores/aws-secrets-manager/fake.ts';
import { FakeKubernetes } from '../../src/stores/kubernetes/fake.ts';
import { FakeVault } from '../../src/stores/vault/fake.ts';

/** The line that it prints. */
export type Surroundings = {
  readonly ca: string;
  readonly storesCa: string;
  readonly frameflow: string;
  readonly vault: string;
  readonly aws: string;
  readonly kubernetes: { readonly url: string; readonly token: string };
  readonly environment: Readonly<Record<string, string>>;
};

const sandbox = await startSandbox({ overlapMs: Number(process.argv[2]) });
const tls = await makeTls();
const vault = await new FakeVault(tls).listen();
vault.fault = ({ method, path, body }) => {
  const { options } = (body ?? {}) as { readonly options?: { readonly cas?: number } };
  return method === 'POST' && path.endsWith('-hangs') && options?.cas !== 0 ? 'hang' : null;
};
const aws = await new FakeSecretsManager(tls).listen();
const cluster = await new FakeKubernetes(tls).listen();
const line: Surroundings = {
  ca: sandbox.ca,
  storesCa: tls.ca,
  frameflow: sandbox.frameflow.url,
  vault: named(vault.url),
  aws: named(aws.url),
  kubernetes: { url: named(cluster.url), token: cluster.issueToken() },
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

/** Services have names as a rule; an address would be looked at anew for every request. */
function named(url: string): string {
  return url.replace('127.0.0.1', 'localhost');
}
