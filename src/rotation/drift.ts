import type { AlteredRights, Destination, Mark, Version } from '../model/index.ts';

/** What stands at a destination, as far as decisions need it. */
export type Standing = {
  readonly fingerprint: string | null;
  readonly mark: Mark | null;
  /** Who may read it is not what the configuration says. */
  readonly rights?: AlteredRights | null;
  /** The same would be written in another form now. */
  readonly outdated?: boolean;
};

/** What a destination shall have. */
export type Wanted = { readonly mark: Mark; readonly fingerprint: string | null };

/** What stands in the place of a version that the destination had. */
export type Drift = {
  /**
   * `vanished`: no value; `reverted`: an older version of ours, mark and all (the store was restored, or did not keep
   * what it took); `changed`: something that somebody else put there.
   */
  readonly what: 'vanished' | 'reverted' | 'changed';
  /** The version of ours whose value it is; null where it is none's. */
  readonly versionId: string | null;
};

/** How often a destination is read back, ms, and what is done about a value there that is not ours. */
export type DriftPolicy = { readonly check: number; readonly onDrift: 'alert' | 'overwrite' };

/**
 * Whether the destination has lost the wanted version. Null where it never had it, and where its value is there and
 * nothing but our mark is missing.
 */
export function driftAt(
  destination: Destination,
  versions: readonly Version[],
  standing: Standing | null,
  wanted: Wanted,
): Drift | null {
  if (destination.versionId !== wanted.mark.versionId) return null;
  if (standing === null || standing.fingerprint === null) return { what: 'vanished', versionId: null };
  if (standing.fingerprint === wanted.fingerprint) return null;
  const known = versions.find(({ fingerprint }) => fingerprint === standing.fingerprint) ?? null;
  const reverted = known !== null && standing.mark?.versionId === known.id;
  return { what: reverted ? 'reverted' : 'changed', versionId: known?.id ?? null };
}

/**
 * Whether ours is put back. Only a value that somebody put there himself is a question: without any value, or with one
 * that ends, whoever reads this destination is refused.
 */
export function putsBack({ what }: Drift, { onDrift }: DriftPolicy): boolean {
  return what !== 'changed' || onDrift === 'overwrite';
}

/**
 * When a destination is read back next: once in every `check` ms, at a moment that is its own (`spread` in [0, 1)), so
 * that many do not come at once. At most `check` after `now`.
 */
export function nextCheck({ check }: DriftPolicy, spread: number, now: number): number {
  const phase = Math.floor(check * spread);
  return now + check - ((((now - phase) % check) + check) % check);
}
