import type { Rotation, RotationTerms } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';

/** What a rotation that begins now keeps until its end. */
export function termsOf({ overlap, warnBefore, settle }: RotationPolicy): RotationTerms {
  return { overlap, warnBefore, settle };
}

/** What counts for this rotation: what it began with, and the present policy where that is not known. */
export function termsFor(policy: RotationPolicy, { terms }: Rotation): RotationTerms {
  return terms ?? policy;
}
