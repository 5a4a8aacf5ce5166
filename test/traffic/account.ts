import { Draw } from './draw.ts';
import { addressIn, CLOUDS, HOMES, type Land } from './lands.ts';

/**
 * What uses a key: a machine, people of an office, a nightly job, a busy application, cloud functions with a token that
 * expires, somebody who travels between registered places; `dormant` keys were used at first and are not any more,
 * `retired` ones never.
 */
export type KeyKind = 'machine' | 'office' | 'batch' | 'busy' | 'bursty' | 'roaming' | 'dormant' | 'retired';

export type Key = {
  readonly id: string;
  readonly kind: KeyKind;
  readonly owner: string;
  /** From where it is used as a rule; the first is used most. */
  readonly ips: readonly string[];
  /** Where its occasional new addresses lie. */
  readonly land: Land;
  /** Mean calls of a day, as a share of the account's. */
  share: number;
  /** Mean refused calls of a day, bursts aside. */
  readonly failures: number;
  /** The share of calls, refused ones too, that come from an address never seen before. */
  readonly strange: number;
  readonly geolocations: readonly string[] | null;
  readonly ipAllowlist: readonly string[] | null;
  /** The hour of a batch job (UTC). */
  readonly hour: number;
  /** Begin of the one hour in which the job did not run; null: it always ran. */
  missed: number | null;
  /** Whether a new version of its application is rolled out now and then, with a wrong key at first. */
  readonly deploys: boolean;
  readonly application: string;
  release: number;
};

export type Account = {
  readonly keys: readonly Key[];
  /** Addresses that many office keys share, with those keys. */
  readonly nats: ReadonlyArray<{ readonly ip: string; readonly keys: readonly Key[] }>;
};

/** Of a hundred keys. */
const MIX: ReadonlyArray<readonly [KeyKind, number]> = [
  ['machine', 40],
  ['office', 25],
  ['batch', 12],
  ['busy', 9],
  ['bursty', 5],
  ['roaming', 5],
  ['dormant', 2],
  ['retired', 2],
];

/** An account's keys, who uses them and from where. */
export function accountOf(seed: number, size: number): Account {
  const draw = new Draw(seed * 7_919 + 1);
  const nats = Array.from({ length: Math.max(2, Math.round(size / 60)) }, () => {
    const land = draw.pick(HOMES);
    return { ip: addressIn(land, draw), land, keys: [] as Key[] };
  });
  const keys: Key[] = [];
  const make = (kind: KeyKind, shared?: { readonly ip: string; readonly land: Land }): Key => {
    const key = makeKey(keys.length, kind, draw, shared);
    keys.push(key);
    return key;
  };
  for (const [kind, percent] of MIX) {
    const count = Math.max(3, Math.round((size * percent) / 100));
    for (let index = 0; index < count; index += 1) {
      const nat = kind === 'office' && index % 2 === 0 ? draw.pick(nats) : null;
      const key = make(kind, nat ?? undefined);
      nat?.keys.push(key);
    }
  }
  const sum = keys.reduce((total, { share }) => total + share, 0);
  for (const key of keys) key.share /= sum;
  return { keys, nats };
}

/** How many calls a key has beside the others, from and to. */
const SHARES: Readonly<Record<KeyKind, readonly [number, number]>> = {
  machine: [0.3, 3],
  office: [0.2, 1],
  batch: [0.5, 3],
  busy: [2, 8],
  bursty: [1, 3],
  roaming: [0.2, 0.6],
  dormant: [0.1, 0.2],
  retired: [0, 0],
};

const FAILURES: Readonly<Record<KeyKind, readonly [number, number]>> = {
  machine: [0.05, 1],
  office: [1, 12],
  batch: [0.05, 0.5],
  busy: [40, 500],
  bursty: [0.5, 4],
  roaming: [0.5, 4],
  dormant: [0, 0],
  retired: [0, 0],
};

const CLIENTS: Readonly<Record<KeyKind, readonly [number, number]>> = {
  machine: [1, 4],
  office: [2, 9],
  batch: [1, 1],
  busy: [6, 30],
  bursty: [4, 10],
  roaming: [3, 6],
  dormant: [1, 1],
  retired: [1, 1],
};

const STRANGE: Readonly<Partial<Record<KeyKind, number>>> = { office: 0.03, busy: 0.03, bursty: 0.5 };

function makeKey(index: number, kind: KeyKind, draw: Draw, shared?: { ip: string; land: Land }): Key {
  const [fewest, most] = CLIENTS[kind];
  const people = kind === 'office' || kind === 'roaming';
  const land = shared?.land ?? draw.pick(people ? HOMES : CLOUDS);
  const lands = kind === 'roaming' ? draw.sample(HOMES, 3) : [land];
  // A /28 of its own, so that an allowlist can hold a machine's addresses.
  const row = `${land.block}.${index % 256}.${16 * draw.below(15)}`;
  const prefix = row.slice(0, row.lastIndexOf('.') + 1);
  const first = Number(row.slice(prefix.length));
  const ips = Array.from({ length: draw.whole(fewest, most) }, (_, turn) => {
    if (turn === 0 && shared !== undefined) return shared.ip;
    if (people || kind === 'busy' || kind === 'bursty')
      return addressIn(lands[turn % lands.length] ?? land, draw);
    return `${prefix}${first + 1 + turn}`;
  });
  const fixed = kind === 'machine' || kind === 'batch';
  return {
    id: `key_${kind.slice(0, 2)}${String(index).padStart(3, '0')}`,
    kind,
    owner: `${kind} ${index}`,
    ips,
    land,
    share: draw.between(...SHARES[kind]),
    failures: draw.between(...FAILURES[kind]),
    strange: STRANGE[kind] ?? 0,
    geolocations:
      kind === 'machine' && index % 4 === 3 ? null : [...new Set(lands.map(({ geo }) => geo.country))],
    ipAllowlist: fixed && index % 2 === 0 ? [`${row}/28`] : null,
    hour: draw.below(24),
    missed: null,
    deploys: (kind === 'machine' || kind === 'busy') && draw.chance(0.25),
    application: people ? 'footage-desktop' : draw.pick(['footage-worker', 'ingest', 'thumbnailer', 'sync']),
    release: draw.below(20),
  };
}
