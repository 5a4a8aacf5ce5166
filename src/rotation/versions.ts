import type { Mark, Version } from '../model/index.ts';

/** The version that every destination shall have, or null before the first adoption. */
export function currentVersion(versions: readonly Version[]): Version | null {
  return versions.find((version) => version.state === 'current') ?? null;
}

/** True where the current key has an end known to us: its successor cannot wait. */
export function isDying(versions: readonly Version[]): boolean {
  return (currentVersion(versions)?.expiresAt ?? null) !== null;
}

/** True where the current key's successor waits for nothing: it has an end, or is known to others. */
export function isPressing(versions: readonly Version[]): boolean {
  return isDying(versions) || (currentVersion(versions)?.compromisedAt ?? null) !== null;
}

export function versionById(versions: readonly Version[], id: string | null): Version | null {
  return versions.find((version) => version.id === id) ?? null;
}

/** One more than the greatest number ever given out. */
export function nextNumber(versions: readonly Version[]): number {
  return versions.reduce((greatest, version) => Math.max(greatest, version.number), 0) + 1;
}

/** What is written beside the value of `version`. */
export function markOf(version: Version, installation: string): Mark {
  return {
    installation,
    credential: version.credential,
    number: version.number,
    versionId: version.id,
    keyId: version.keyId,
    createdAt: version.createdAt,
  };
}

/** When the last of the superseded keys ends that still work; null where none has an end ahead. */
export function overlapEnd(versions: readonly Version[], now: number): number | null {
  const ends = versions.flatMap(({ state, expiresAt }) =>
    state === 'retiring' && expiresAt !== null && expiresAt > now ? [expiresAt] : [],
  );
  return ends.length === 0 ? null : Math.max(...ends);
}
