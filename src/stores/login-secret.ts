import { EdgeError, KeywardenError, type Secret, type SecretSource } from '../model/index.ts';

/**
 * A secret that a store logs in with, as it stands now. `of`: `the Vault login`.
 * @throws {EdgeError} `secret_unavailable`, retryable: a file may be replaced at this moment
 */
export async function readLoginSecret(source: SecretSource, of: string): Promise<Secret> {
  try {
    return await source.read();
  } catch (error) {
    throw new EdgeError({
      code: 'secret_unavailable',
      verdict: 'retryable',
      message:
        error instanceof KeywardenError ? error.message : `the ${source.where} for ${of} cannot be read`,
    });
  }
}
