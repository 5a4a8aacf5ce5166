import type { RotationPolicy } from '../../rotation/policy.ts';
import type { KeyPath } from '../fault.ts';
import type { Draft } from '../parse.ts';
import { rotationPolicy } from '../policy.ts';
import type { ParsedCredential } from '../schema/surface.ts';
import type { ProviderConfig } from '../types.ts';

/** A credential with what follows from it and its provider together. */
export type Subject = {
  readonly name: string;
  /** `credentials.NAME`. */
  readonly path: KeyPath;
  readonly credential: ParsedCredential;
  readonly provider: ProviderConfig;
  readonly policy: RotationPolicy;
};

/** Every credential whose provider could be read. */
export function subjectsOf({ parsed }: Draft): readonly Subject[] {
  return Object.entries(parsed.credentials ?? {}).flatMap(([name, credential]) => {
    const provider = parsed.providers?.[credential.provider];
    if (provider === undefined) return [];
    const policy = rotationPolicy(credential, provider);
    return [{ name, path: ['credentials', name], credential, provider, policy }];
  });
}
