import type { ManagedKey } from '../detectors/contract.ts';
import { OWN_AGENT, verdictOf } from '../detectors/sight.ts';
import type { Change, KeyUser, LogEvent } from '../model/index.ts';

/** Users of one key taken from one page; the state keeps no more of a key either. */
const USERS = 100;

/** The keys of one credential between which its users move. */
type Move = {
  readonly credential: string;
  /** Superseded, and perhaps still accepted. */
  readonly old: ReadonlySet<string>;
  readonly current: string | null;
};

/** The credentials whose users have to move to a new key. */
export function movesOf(keys: readonly ManagedKey[]): Move[] {
  const credentials = new Set(keys.map(({ credential }) => credential));
  return [...credentials].flatMap((credential) => {
    const own = keys.filter((key) => key.credential === credential);
    const old = own.filter(({ state }) => state === 'retiring' || state === 'compromised');
    const current = own.find(({ state }) => state === 'current')?.keyId ?? null;
    return old.length === 0 ? [] : [{ credential, old: new Set(old.map(({ keyId }) => keyId)), current }];
  });
}

/** The keys of these moves that the page shows in use: of their users the state is asked. */
export function keysInUse(users: readonly KeyUser[], moves: readonly Move[]): string[] {
  const used = new Set(users.map(({ keyId }) => keyId));
  return moves.flatMap(({ old, current }) =>
    current !== null && used.has(current) ? [...old, current] : [],
  );
}

/**
 * Who used the keys of these moves, Keywarden left out: one entry for each address and user agent, of each key the
 * hundred seen last. An event that comes twice counts twice; who is there, and when last, stays true.
 */
export function usersIn(events: readonly LogEvent[], moves: readonly Move[], now: number): KeyUser[] {
  const byKey = new Map<string, Map<string, KeyUser>>();
  for (const { old, current } of moves) {
    for (const keyId of current === null ? old : [...old, current]) byKey.set(keyId, new Map());
  }
  if (byKey.size === 0) return [];
  for (const event of events) {
    const { keyId, ip, userAgent } = event;
    const users = keyId === null ? undefined : byKey.get(keyId);
    if (keyId === null || users === undefined) continue;
    if (userAgent === OWN_AGENT || verdictOf(event) !== 'accepted') continue;
    const name = userOf(event);
    const known = users.get(name);
    // A time ahead of our clock would keep its user in use for as long.
    const at = Math.min(event.time, now);
    users.set(name, {
      keyId,
      ip,
      userAgent,
      calls: (known?.calls ?? 0) + 1,
      firstSeenAt: Math.min(known?.firstSeenAt ?? at, at),
      lastSeenAt: Math.max(known?.lastSeenAt ?? at, at),
    });
  }
  return [...byKey.values()].flatMap((users) =>
    [...users.values()].toSorted((a, b) => b.lastSeenAt - a.lastSeenAt).slice(0, USERS),
  );
}

/**
 * What the state learns of them. A credential looks at once where a key that it has superseded was used, and where one
 * of that key's users is seen with the new key for the first time since.
 *
 * @param known what the state knew of the users of {@link keysInUse}
 */
export function usersToChanges(
  users: readonly KeyUser[],
  known: readonly KeyUser[],
  moves: readonly Move[],
  now: number,
): Change[] {
  const moved = moves.filter(
    ({ old, current }) =>
      users.some(({ keyId }) => old.has(keyId)) ||
      users.some((user) => user.keyId === current && hasMoved(user, known, old)),
  );
  return [
    ...users.map((user): Change => ({ type: 'user.add', user })),
    ...moved.map(
      ({ credential }): Change => ({ type: 'work.wake', kind: 'credential', id: credential, at: now }),
    ),
  ];
}

function hasMoved(user: KeyUser, known: readonly KeyUser[], old: ReadonlySet<string>): boolean {
  const same = known.filter((other) => userOf(other) === userOf(user));
  const before = same.find(({ keyId }) => keyId === user.keyId)?.lastSeenAt ?? Number.NEGATIVE_INFINITY;
  return same.some(
    ({ keyId, lastSeenAt }) => old.has(keyId) && lastSeenAt < user.lastSeenAt && before <= lastSeenAt,
  );
}

function userOf({ ip, userAgent }: Pick<KeyUser, 'ip' | 'userAgent'>): string {
  return `${ip} ${userAgent ?? ''}`;
}
