import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/index.ts';
import { makeTls, type TlsMaterial } from '../../src/sandbox/tls.ts';
import { FakeSecretsManager } from '../../src/stores/aws-secrets-manager/fake.ts';
import { FakeVault } from '../../src/stores/vault/fake.ts';

/** What stands around a daemon: a folder, and the servers it speaks to. */
export type Surroundings = {
  readonly folder: string;
  readonly sandbox: Sandbox;
  readonly vaultServer: FakeVault;
  readonly awsServer: FakeSecretsManager;
  /** What the daemon finds in its environment. */
  readonly env: Record<string, string>;
  end(): Promise<void>;
};

/** Vault grants 768 h by default. */
const VAULT_TTL_SECONDS = 768 * 3_600;

/** The stores' certificate, one for all worlds of a file: to trust another authority takes a while each time. */
let storeTls: Promise<TlsMaterial> | null = null;

/** @param now the provider's wall time */
export async function makeSurroundings(
  now: () => number,
  options: SandboxOptions = {},
): Promise<Surroundings> {
  storeTls ??= makeTls();
  const tls = await storeTls;
  const sandbox = await startSandbox({ now, firstKeys: [{}, {}], ...options });
  const vaultServer = await new FakeVault(tls).listen();
  vaultServer.grant = { ttl: VAULT_TTL_SECONDS, renewable: true };
  vaultServer.renewal = VAULT_TTL_SECONDS;
  const awsServer = await new FakeSecretsManager(tls).listen();
  const folder = await mkdtemp(join(memoryDisk(), 'keywarden-world-'));
  await writeFile(join(folder, 'sandbox.pem'), sandbox.ca);
  await writeFile(join(folder, 'stores.pem'), tls.ca);
  // The AWS SDK finds its credentials in the process's environment.
  process.env.AWS_ACCESS_KEY_ID = 'AKIAIOSFODNN7EXAMPLE';
  process.env.AWS_SECRET_ACCESS_KEY = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  return {
    folder,
    sandbox,
    vaultServer,
    awsServer,
    env: environment(sandbox, vaultServer),
    end: async () => {
      await Promise.all([sandbox.close(), vaultServer.close(), awsServer.close()]);
      await rm(folder, { recursive: true });
    },
  };
}

function environment(sandbox: Sandbox, vaultServer: FakeVault): Record<string, string> {
  const token = () => randomBytes(24).toString('base64url');
  return {
    ...sandbox.environment,
    MASTER_KEY: randomBytes(32).toString('base64'),
    ADMIN_TOKEN: token(),
    READER_TOKEN: token(),
    APP_TOKEN: token(),
    SECOND_API_KEY: sandbox.frameflow.keys()[1]?.value ?? '',
    VAULT_ROLE_ID: vaultServer.appRole.roleId,
    VAULT_SECRET_ID: vaultServer.appRole.secretId,
  };
}

/** Real files either way; in memory, where the machine has such a disk, years of commits do not wait for a platter. */
function memoryDisk(): string {
  try {
    accessSync('/dev/shm', constants.W_OK);
    return '/dev/shm';
  } catch {
    return tmpdir();
  }
}
