import type { Failure, Signal } from '../model/index.ts';
import { failureEvidence, raise } from './signals.ts';

/** The provider refuses the key that applications use. @param done what was done about it, one or two sentences */
export function keyRejected(
  credential: string,
  keyId: string | null,
  failure: Failure,
  done: string,
  now: number,
): Signal {
  return raise('credential-rejected', credential, now, {
    severity: 'critical',
    title: `${credential}: the provider refuses the current key ${keyId ?? ''}`.trimEnd(),
    summary: `${failure.message}. Applications that use it are being refused too. ${done}`,
    action: `Make a key in the provider's console, then: \`keywarden adopt ${credential} < file-with-the-key\``,
    evidence: { keyId, ...failureEvidence(failure) },
  });
}
