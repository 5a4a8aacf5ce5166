import type { ManagedKey } from '../detectors/contract.ts';
import type { Change, CredentialSnapshot, KeyUser, LogEvent, Signal, VersionState } from '../model/index.ts';
import { type MintView, mintsIn } from './log-mints.ts';
import { keysInUse, movesOf, usersIn, usersToChanges } from './log-users.ts';

/** The ids of the versions that have a successor. */
export function supersededIn(snapshots: readonly CredentialSnapshot[]): string[] {
  return snapshots.flatMap(({ versions }) =>
    versions.filter(({ state }) => SUPERSEDED.has(state)).map(({ id }) => id),
  );
}

const SUPERSEDED: ReadonlySet<VersionState> = new Set(['retiring', 'retired', 'compromised']);

/**
 * The keys of all credentials, as the detectors want them.
 * @param supersededBy the rotations that gave versions their successors, by the version's id
 */
export function managedKeys(
  snapshots: readonly CredentialSnapshot[],
  supersededBy: ReadonlyMap<string, string>,
): ManagedKey[] {
  return snapshots.flatMap(({ record, versions }) =>
    versions.flatMap(({ id, keyId, state, expiresAt, compromisedAt }) => {
      const retiredBy = supersededBy.get(id) ?? null;
      return keyId === null
        ? []
        : [{ keyId, credential: record.name, state, expiresAt, compromisedAt, retiredBy }];
    }),
  );
}

/** When each of our keys was last accepted, as far as these events tell. */
function usesIn(events: readonly LogEvent[], keys: readonly ManagedKey[]): Change[] {
  const latest = new Map<string, number>();
  for (const { keyId, status, time } of events) {
    if (keyId !== null && status < 400) latest.set(keyId, Math.max(time, latest.get(keyId) ?? 0));
  }
  return keys.flatMap(({ keyId }) => {
    const at = latest.get(keyId);
    return at === undefined ? [] : [{ type: 'use.put' as const, keyId, at }];
  });
}

/** What surrounds a page that is read for the credentials. */
export type FactsView = Omit<MintView, 'lookedAfter'> & {
  readonly snapshots: readonly CredentialSnapshot[];
  /** Whether the configuration names that credential. */
  readonly configured: (credential: string) => boolean;
  readonly keyUsers: (keyIds: readonly string[]) => Promise<readonly KeyUser[]>;
};

/** What a page of the log means to the credentials, to be committed with its cursor. */
export async function factsIn(
  events: readonly LogEvent[],
  view: FactsView,
): Promise<{ readonly changes: readonly Change[]; readonly signals: readonly Signal[] }> {
  const { keys, now, snapshots, configured } = view;
  const busy = new Set(snapshots.flatMap(({ record, open }) => (open === null ? [] : [record.name])));
  const lookedAfter = (credential: string) => configured(credential) || busy.has(credential);
  const mints = mintsIn(events, { ...view, lookedAfter });
  const moves = movesOf(keys);
  const users = usersIn(events, moves, now);
  const asked = keysInUse(users, moves);
  const known = asked.length === 0 ? [] : await view.keyUsers(asked);
  return {
    changes: [...usesIn(events, keys), ...mints.changes, ...usersToChanges(users, known, moves, now)],
    signals: mints.signals,
  };
}
