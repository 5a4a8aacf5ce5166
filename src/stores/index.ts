import type { AwsSecretsManagerConfig, AwsSecretsManagerTarget } from './aws-secrets-manager/schema.ts';
import type { StoreKind } from './contract.ts';
import type { FileTarget } from './file/schema.ts';
import type { KubernetesConfig, KubernetesTarget } from './kubernetes/schema.ts';
import type { VaultConfig, VaultTarget } from './vault/schema.ts';

/** The kinds of stores. Each adapter and what it depends on is loaded only where the configuration asks for it. */
export const stores: {
  readonly vault: StoreKind<VaultConfig, VaultTarget>;
  readonly 'aws-secrets-manager': StoreKind<AwsSecretsManagerConfig, AwsSecretsManagerTarget>;
  readonly kubernetes: StoreKind<KubernetesConfig, KubernetesTarget>;
  /** Needs no entry under `stores` in the configuration, and so has none. */
  readonly file: StoreKind<null, FileTarget>;
} = {
  vault: { load: async () => (await import('./vault/adapter.ts')).create },
  'aws-secrets-manager': { load: async () => (await import('./aws-secrets-manager/adapter.ts')).create },
  kubernetes: { load: async () => (await import('./kubernetes/adapter.ts')).create },
  file: { load: async () => (await import('./file/adapter.ts')).create },
};
