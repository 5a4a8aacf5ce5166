import { KeywardenError, Secret, type SecretSource } from '../model/index.ts';

/** Length of a master key in bytes (AES-256). */
export const MASTER_KEY_BYTES = 32;

/**
 * The master keys that the configuration refers to: the first seals, all open.
 * @throws {KeywardenError} `master_key` where one is missing or is not 32 bytes in base64
 */
export function readMasterKeys({
  state,
}: {
  readonly state: { readonly encryptionKeys: readonly SecretSource[] };
}): Promise<Secret[]> {
  if (state.encryptionKeys.length === 0) {
    throw new KeywardenError(
      'master_key',
      'no master key is configured: without it what the state seals cannot be read; name one under state.encryptionKeys (`keywarden keygen` makes one)',
    );
  }
  return Promise.all(state.encryptionKeys.map(readMasterKey));
}

async function readMasterKey(source: SecretSource): Promise<Secret> {
  const text = (await source.read()).reveal().trim();
  const bytes = Buffer.from(text, 'base64');
  const canonical = bytes.toString('base64').replace(/=+$/, '') === text.replace(/=+$/, '');
  if (bytes.length !== MASTER_KEY_BYTES || !canonical) {
    throw new KeywardenError(
      'master_key',
      `the master key in ${source.where} is not ${MASTER_KEY_BYTES} bytes in base64; \`keywarden keygen\` makes one, and the one that sealed the state is the only one that opens it`,
    );
  }
  return Secret.from(bytes);
}
