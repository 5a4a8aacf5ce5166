import type { Rules, WatchContext } from '../../src/detectors/contract.ts';
import { randomFrom } from '../../src/detectors/testing/traffic.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import { type LogEvent, MINUTE } from '../../src/model/index.ts';
import { parseLogEvent } from '../../src/providers/frameflow/log-event.ts';
import type { Row } from './row.ts';

export type WatchOptions = {
  /** Lines of the log. */
  readonly lines?: number;
};

export const SEED = 1;

const PAGE = 1_000;
const KEYS = 240;
const BLOCKS = 1_000;
const FROM = Date.UTC(2026, 9, 1);
/** A million calls a day. */
const SPACING = 86.4;

/** Ordinary traffic of one account: a few addresses for each key, one call in a hundred refused. */
function lines(seed: number, count: number): string[] {
  const random = randomFrom(seed);
  const pick = (of: number) => Math.floor(random() * of);
  return Array.from({ length: count }, (_, index) => {
    const key = pick(KEYS);
    return JSON.stringify({
      id: `evt_${seed}_${index}`,
      time: new Date(FROM + Math.floor(index * SPACING)).toISOString(),
      key_id: `key_${key}`,
      ip: `10.${key % 250}.${pick(4)}.${1 + pick(3)}`,
      geo: { country: random() < 0.5 ? 'DE' : 'US', city: 'Berlin', latitude: 52.5, longitude: 13.4 },
      method: 'GET',
      path: `/v1/assets/${pick(100_000)}`,
      status: random() < 0.01 ? 401 : 200,
      user_agent: 'footage/1.4 (linux)',
      request_id: `req_${seed}_${index}`,
    });
  });
}

function rules(): Rules {
  const blocks = Array.from(
    { length: BLOCKS },
    (_, index) => `10.${index % 250}.${Math.floor(index / 250)}.0/24`,
  );
  const own = { geolocations: null, ipAllowlist: null, owner: 'bench', retired: false };
  return {
    geolocations: ['DE', 'US'],
    ipAllowlist: blocks,
    perCredential: {},
    otherKeys: Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`key_${key}`, own])),
    detectors: {
      'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
      'unregistered-geolocation': {},
      'outside-allowlist': {},
      'unknown-key': {},
      'retired-key-use': {},
      'log-silence': { after: 15 * MINUTE },
    },
  };
}

const CONTEXT: WatchContext = { monitor: 'bench', keys: [], now: FROM + 30 * 24 * 60 * MINUTE, feed: null };

/** Events a second: the best of three runs, since other work on the machine only ever slows one down. */
function rate(count: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < 3; turn += 1) {
    const begun = performance.now();
    run();
    best = Math.min(best, performance.now() - begun);
  }
  return Math.round((count / best) * 1_000);
}

function observeAll(events: readonly LogEvent[]): string {
  const watch = createWatch(rules());
  const state = watch.restore(null);
  for (let at = 0; at < events.length; at += PAGE) watch.observe(state, events.slice(at, at + PAGE), CONTEXT);
  return watch.save(state);
}

function parsePages(page: readonly string[], take: (events: LogEvent[]) => void): void {
  for (let at = 0; at < page.length; at += PAGE) {
    const events: LogEvent[] = [];
    for (const line of page.slice(at, at + PAGE)) {
      const event = parseLogEvent(JSON.parse(line));
      if (event !== null) events.push(event);
    }
    take(events);
  }
}

/**
 * How fast a log is watched, on one core: JSON.parse alone, the detectors alone, and all from the line to the finding.
 *
 * @throws {Error} where not every line could be read: the figures would mean nothing
 */
export async function bench({ lines: count = 200_000 }: WatchOptions = {}): Promise<Row[]> {
  const page = lines(SEED, count);
  const events: LogEvent[] = [];
  parsePages(page, (parsed) => events.push(...parsed));
  if (events.length !== count) throw new Error(`${count - events.length} of ${count} lines were not read`);

  const parsed = rate(count, () => {
    for (const line of page) JSON.parse(line);
  });
  const observed = rate(count, () => observeAll(events));
  const whole = rate(count, () => {
    const watch = createWatch(rules());
    const state = watch.restore(null);
    parsePages(page, (found) => watch.observe(state, found, CONTEXT));
  });
  return [
    { name: 'watch: JSON.parse alone', value: parsed, unit: 'events/s' },
    { name: 'watch: all detectors alone', value: observed, unit: 'events/s' },
    { name: 'watch: parse, check and detect', value: whole, unit: 'events/s', target: { atLeast: 150_000 } },
    {
      name: 'watch: parse, check and detect over JSON.parse alone',
      value: Number((whole / parsed).toFixed(2)),
      unit: 'ratio',
    },
    {
      name: 'watch: state after the run',
      value: Math.round(observeAll(events).length / 1_024),
      unit: 'KiB',
    },
  ];
}
