import type { DetectorKind } from '../../src/detectors/contract.ts';
import { HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import type { Key } from './account.ts';
import { assetPath, type Call, callOf } from './call.ts';
import { type Episode, episode, type Stage } from './episode.ts';
import { type Shape, stranger } from './guessing.ts';
import { addressIn, CLOUDS, ELSEWHERE, geoOf, near } from './lands.ts';

type Visit = {
  readonly key: Key;
  readonly ip: string;
  readonly from: number;
  readonly count: number;
  readonly every: number;
  readonly over?: Partial<Call>;
};

/** Calls of one source, let in unless it is said otherwise. */
function visit({ draw }: Stage, { key, ip, from, count, every, over = {} }: Visit): Call[] {
  return Array.from({ length: count }, (_, turn) => ({
    ...callOf(key, from + turn * every * draw.between(0.9, 1.1), ip, 200, assetPath(draw)),
    ...over,
  }));
}

function breach(name: string, kinds: readonly DetectorKind[], key: Key, calls: readonly Call[]): Episode {
  return episode({ name, kinds, keyId: key.id, calls });
}

const FEW = { count: 4, every: 40 * SECOND } as const;
const CURL = { userAgent: 'curl/8.9.1' } as const;

const unregisteredCountry: Shape = (stage) => {
  const key = stage.key(
    ['machine', 'office', 'roaming'],
    (each) => each.geolocations !== null && each.ipAllowlist === null,
  );
  const calls = visit(stage, { key, ip: stranger(stage), from: stage.hour(1, 22), ...FEW });
  return breach('unregistered country', ['unregistered-geolocation'], key, calls);
};

/** The provider says no place; the database does. */
const unregisteredByDatabase: Shape = (stage) => {
  const key = stage.key(
    ['machine', 'office'],
    (each) => each.geolocations !== null && each.ipAllowlist === null,
  );
  const over = { geo: null };
  const calls = visit(stage, { key, ip: stranger(stage), from: stage.hour(1, 22), ...FEW, over });
  return breach('unregistered country, known by GeoIP only', ['unregistered-geolocation'], key, calls);
};

const outsideAllowlist: Shape = (stage) => {
  const key = stage.key(['machine', 'batch'], ({ ipAllowlist }) => ipAllowlist !== null);
  const ip = addressIn(near(key.land), stage.draw);
  return breach(
    'outside the allowlist',
    ['outside-allowlist'],
    key,
    visit(stage, { key, ip, from: stage.hour(1, 22), ...FEW }),
  );
};

/** Minutes after the key was used at home. */
const impossibleTravel: Shape = (stage) => {
  const key = stage.key(['machine'], ({ geolocations }) => geolocations === null);
  const from = stage.hour(9, 17);
  const home = visit(stage, { key, ip: key.ips[0] ?? '', from: from - 10 * MINUTE, count: 3, every: MINUTE });
  const away = visit(stage, { key, ip: stranger(stage), from, ...FEW });
  return { ...breach('impossible travel', ['impossible-travel'], key, away), calls: [...home, ...away] };
};

const retiredKey: Shape = (stage) => {
  const key = stage.key(['retired']);
  const over = { userAgent: 'keywarden' };
  const calls = visit(stage, { key, ip: stranger(stage), from: stage.hour(1, 22), ...FEW, over });
  return breach('retired key', ['retired-key-use'], key, calls);
};

const unknownKey: Shape = (stage) => {
  const key = { ...stage.key(['office']), id: `key_stray${stage.draw.below(1_000)}` };
  const ip = addressIn(near(key.land), stage.draw);
  return breach(
    'unknown key',
    ['unknown-key'],
    key,
    visit(stage, { key, ip, from: stage.hour(1, 22), ...FEW }),
  );
};

const dormantKey: Shape = (stage) => {
  const key = stage.key(['dormant']);
  const ip = addressIn(near(key.land), stage.draw);
  return breach(
    'dormant key',
    ['dormant-key'],
    key,
    visit(stage, { key, ip, from: stage.hour(1, 22), ...FEW }),
  );
};

/** From where the key always is used: only how much it is gives it away. */
const downloadSurge: Shape = (stage) => {
  const key = stage.key(['office', 'machine']);
  const { draw } = stage;
  // Ten times a busy hour of the key's.
  const count = Math.max(1_500, Math.round(10 * key.share * stage.calls * 0.3));
  const calls = Array.from({ length: count }, (_, turn) =>
    callOf(key, (turn * HOUR) / count, key.ips[0] ?? '', 200, `/v1/assets/${draw.below(100_000)}/download`),
  );
  const from = stage.hour(1, 20);
  return breach(
    'download surge',
    ['volume-surge'],
    key,
    calls.map((call) => ({ ...call, time: Math.round(from + call.time) })),
  );
};

const saturation: Shape = (stage) => {
  const key = stage.key(['machine', 'busy']);
  const calls = visit(stage, {
    key,
    ip: key.ips[0] ?? '',
    from: stage.hour(1, 22),
    count: 1_200,
    every: SECOND,
  });
  const limited = calls.map((call, turn) => (turn % 5 < 2 ? { ...call, status: 429 } : call));
  return breach('rate limit used up', ['rate-limit-saturation'], key, limited);
};

/** The provider refuses a plaintext call with 403; an address outside its own list gets one as well. */
const plaintext: Shape = (stage) => {
  const key = stage.key(['machine', 'batch']);
  const over = { status: 403, path: '/v1/assets' };
  const calls = visit(stage, { key, ip: key.ips[0] ?? '', from: stage.hour(1, 22), ...FEW, over });
  return breach('plaintext attempt', ['plaintext-attempt'], key, calls);
};

/** In a registered country, and no allowlist forbids it. */
const newClient: Shape = (stage) => {
  const key = stage.key(
    ['machine'],
    ({ geolocations, ipAllowlist }) => geolocations !== null && ipAllowlist === null,
  );
  const ip = addressIn(near(key.land), stage.draw);
  const calls = visit(stage, { key, ip, from: stage.hour(1, 22), ...FEW, over: CURL });
  return breach('new client of a machine key', ['new-client'], key, calls);
};

/** A stolen key, used at night from a cloud elsewhere, to fetch much. */
const exfiltration: Shape = (stage) => {
  const key = stage.key(['office'], ({ geolocations }) => geolocations !== null);
  const [land] = [...CLOUDS, ...ELSEWHERE].filter(({ geo }) => !key.geolocations?.includes(geo.country));
  const ip = land === undefined ? stranger(stage) : addressIn(land, stage.draw);
  const over = { geo: geoOf(ip), ...CURL };
  const calls = visit(stage, { key, ip, from: stage.day + 2 * HOUR, count: 600, every: 2 * SECOND, over });
  return breach('fetched by night from elsewhere', ['unregistered-geolocation', 'volume-surge'], key, calls);
};

/** Breaches of policy, and uses that no habit explains. */
export const BREACHES: readonly Shape[] = [
  unregisteredCountry,
  unregisteredByDatabase,
  outsideAllowlist,
  impossibleTravel,
  retiredKey,
  unknownKey,
  dormantKey,
  downloadSurge,
  saturation,
  plaintext,
  newClient,
  exfiltration,
];
