import type { Rules } from '../../src/detectors/contract.ts';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import type { Account } from './account.ts';

export const MONITOR = 'traffic';

/** Four fifths of the time that dormant keys lie idle, in whole hours, and thirty days at most: a weekend is to be less. */
export function dormantAfter(from: number, until: number): number {
  return Math.min(30 * DAY, Math.max(HOUR, Math.floor((0.8 * (until - from)) / HOUR) * HOUR));
}

/** Every detector with its defaults; each key has an entry of its own. */
export function rulesOf(account: Account, dormant: number): Rules {
  return {
    geolocations: null,
    ipAllowlist: null,
    perCredential: {},
    otherKeys: Object.fromEntries(
      account.keys.map(({ id, owner, kind, geolocations, ipAllowlist }) => [
        id,
        { owner, retired: kind === 'retired', geolocations, ipAllowlist },
      ]),
    ),
    detectors: {
      'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
      'failures-then-success': {},
      'unregistered-geolocation': {},
      'outside-allowlist': {},
      'impossible-travel': { speedKmh: 1_000, minimumKm: 500 },
      'retired-key-use': {},
      'unknown-key': {},
      'dormant-key': { after: dormant },
      'rate-limit-saturation': { window: 5 * MINUTE, share: 0.2 },
      'plaintext-attempt': {},
      'volume-surge': {},
      'new-client': {},
      'log-silence': { after: 15 * MINUTE },
    },
    learn: null,
    rotate: {},
  };
}

/** A configuration of these rules, for `keywarden backtest`; JSON is YAML. */
export function documentOf({ ipAllowlist, otherKeys, detectors }: Rules, geoip?: string): object {
  const keys = Object.entries(otherKeys).map(([id, { owner, retired, ...places }]) => [
    id,
    {
      owner,
      ...(retired ? { retired } : {}),
      ...(places.geolocations === null ? {} : { geolocations: places.geolocations }),
      ...(places.ipAllowlist === null ? {} : { ipAllowlist: places.ipAllowlist }),
    },
  ]);
  return {
    version: 1,
    installation: { name: 'traffic', environment: 'test' },
    state: { directory: './state', encryptionKeys: [{ env: 'KEYWARDEN_MASTER_KEY' }] },
    providers: { frameflow: { kind: 'frameflow', apiUrl: 'https://api.frameflow.io' } },
    credentials: { reader: { provider: 'frameflow', secret: { env: 'FRAMEFLOW_API_KEY' } } },
    monitors: {
      [MONITOR]: {
        provider: 'frameflow',
        credential: 'reader',
        ...(ipAllowlist === null ? {} : { ipAllowlist }),
        otherKeys: Object.fromEntries(keys),
        ...(geoip === undefined ? {} : { geoip: { database: geoip } }),
        detectors: { 'dormant-key': { after: `${(detectors['dormant-key']?.after ?? 0) / HOUR}h` } },
      },
    },
  };
}
