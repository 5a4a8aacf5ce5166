import { findingToSignal } from '../../../src/alerting/finding.ts';
import type { ManagedKey, Rules } from '../../../src/detectors/contract.ts';
import { ALL_DETECTORS, play, rulesWith } from '../../../src/detectors/testing/play.ts';
import { attack, event, onTime } from '../../../src/detectors/testing/traffic.ts';
import { createWatch } from '../../../src/detectors/watch.ts';
import {
  type AlertKind,
  DAY,
  HOUR,
  type LogEvent,
  MINUTE,
  type Raise,
  SECOND,
} from '../../../src/model/index.ts';
import { type Raiser, raised } from './lifecycle.ts';

/*
 * Alerts of the log watch, as the detectors find them in a log that shows it.
 */

/** A Monday. */
const START = Date.UTC(2026, 9, 5);
const MONITOR = 'frameflow-auth-log';

type Seen = {
  readonly events: readonly LogEvent[];
  readonly rules?: Partial<Rules>;
  readonly keys?: readonly ManagedKey[];
};

const place = (country: string, city: string, latitude: number, longitude: number) => ({
  geo: { country, city, latitude, longitude },
});
const BERLIN = place('DE', 'Berlin', 52.52, 13.4);
const SYDNEY = place('AU', 'Sydney', -33.87, 151.21);
const RECIFE = place('BR', 'Recife', -8.05, -34.9);

function call(at: number, over: Partial<LogEvent> = {}): LogEvent {
  const time = START + at;
  return event({ id: `${time}-${over.ip ?? ''}-${over.keyId ?? ''}`, time, ...BERLIN, ...over });
}

const stranger = (at: number, over: Partial<LogEvent> = {}) =>
  call(at, { ip: '198.51.100.77', userAgent: 'curl/8.5.0', ...over });

/** A call every `step`. */
const every = (step: number, from: number, until: number, over: Partial<LogEvent> = {}) =>
  Array.from({ length: Math.ceil((until - from) / step) }, (_, turn) => call(from + turn * step, over));

const OURS: ManagedKey = {
  keyId: 'key_9Xc1',
  credential: 'frameflow-prod',
  state: 'current',
  expiresAt: null,
  compromisedAt: null,
};
const RETIRED: ManagedKey = {
  ...OURS,
  keyId: 'key_4Tz8',
  state: 'retired',
  expiresAt: START + HOUR,
  retiredBy: 'rotation-12',
};

const GUESSED = attack({ from: START + 2 * DAY, count: 60, every: SECOND });

const SEEN = {
  'auth-failure-spike': { events: [...every(HOUR, 0, 2 * DAY), ...GUESSED] },
  'failures-then-success': {
    events: [...every(HOUR, 0, 2 * DAY), ...GUESSED, stranger(2 * DAY + 2 * MINUTE)],
  },
  'unregistered-geolocation': {
    events: [...every(HOUR, 0, DAY), stranger(DAY, RECIFE)],
    rules: { geolocations: ['DE'] },
  },
  'outside-allowlist': {
    events: [...every(HOUR, 0, DAY), stranger(DAY)],
    rules: { ipAllowlist: ['203.0.113.0/24'] },
  },
  'impossible-travel': { events: [...every(20 * MINUTE, 0, DAY), stranger(DAY, SYDNEY)] },
  'retired-key-use': {
    events: [...every(HOUR, 0, DAY), stranger(DAY, { keyId: RETIRED.keyId })],
    keys: [OURS, RETIRED],
  },
  'unknown-key': { events: [...every(HOUR, 0, DAY), stranger(DAY, { keyId: 'key_Zz77' })] },
  'dormant-key': { events: [call(0), stranger(31 * DAY)] },
  'rate-limit-saturation': {
    events: [...every(HOUR, 0, DAY), ...every(SECOND, DAY, DAY + 5 * MINUTE, { status: 429 })],
  },
  'plaintext-attempt': { events: [...every(HOUR, 0, DAY), call(DAY, { status: 403, path: '/v1/assets' })] },
  'volume-surge': {
    events: [
      ...every(10 * MINUTE, 0, 15 * DAY),
      ...every(2 * SECOND, 15 * DAY, 15 * DAY + HOUR, { ip: '198.51.100.77', userAgent: 'curl/8.5.0' }),
    ],
  },
  'new-client': { events: [...every(2 * HOUR, 0, 15 * DAY), stranger(15 * DAY)] },
} satisfies Partial<Record<AlertKind, Seen>>;

function raiserOf(kind: keyof typeof SEEN): Raiser {
  return () => {
    const { events, rules = {}, keys = [OURS] }: Seen = SEEN[kind];
    const arrivals = onTime(events.toSorted((a, b) => a.time - b.time));
    const told = play(arrivals, {
      rules: rulesWith({ otherKeys: {}, detectors: { [kind]: ALL_DETECTORS[kind] }, ...rules }),
      keys,
      from: START,
      until: (arrivals.at(-1)?.at ?? START) + HOUR,
      every: 10 * MINUTE,
      apart: true,
    });
    return raised(
      kind,
      told.map(({ finding }) => findingToSignal(finding, MONITOR)),
    );
  };
}

/** Polls that fail for as long as `after`. */
function silence(): Raise {
  const watch = createWatch(rulesWith());
  const state = watch.open([]);
  const feed = { caughtUp: false, trouble: 'FrameFlow answered 503 to GET /v1/auth/logs' };
  const told = Array.from({ length: 16 }, (_, minute) =>
    watch.tick(state, {
      monitor: MONITOR,
      keys: [OURS],
      now: START + minute * MINUTE,
      locate: () => null,
      feed,
    }),
  );
  return raised(
    'log-silence',
    told.flat().map((finding) => findingToSignal(finding, MONITOR)),
  );
}

export const LOG = {
  'log-silence': silence,
  ...(Object.fromEntries(
    Object.keys(SEEN).map((kind) => [kind, raiserOf(kind as keyof typeof SEEN)]),
  ) as Readonly<Record<keyof typeof SEEN, Raiser>>),
};
