import { DAY, HOUR, type LogEvent, MINUTE } from '../../model/index.ts';

/** Numbers in [0, 1) that a seed determines (mulberry32). */
export type Random = () => number;

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A Poisson number with a mean of a few dozen at most (Knuth's product of uniforms). */
function poisson(random: Random, mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count += 1;
  return count;
}

/** What a call has where a test does not say otherwise. */
export function event(over: Partial<LogEvent> & Pick<LogEvent, 'id' | 'time'>): LogEvent {
  return {
    keyId: 'key_9Xc1',
    ip: '203.0.113.5',
    geo: { country: 'DE', city: null, latitude: null, longitude: null },
    method: 'GET',
    path: '/v1/assets',
    status: 200,
    userAgent: 'footage/1.4',
    mintedKeyId: null,
    requestId: `req_${over.id}`,
    ...over,
  };
}

/** Failures a minute as a function of time: what is usual for a key. */
export type Profile = (time: number) => number;

/** One failure a day, at any time. */
export const quiet: Profile = () => 1 / 1_440;

/** Two a minute on the average, four at midday and almost none at night, half of that on weekends. */
export const busy: Profile = (time) => {
  const swing = 1 - 0.95 * Math.cos((2 * Math.PI * (time % DAY)) / DAY);
  return 2 * swing * (weekend(time) ? 0.5 : 1);
};

/** One in five minutes from 8 to 17 o'clock on weekdays, one in a day else. */
export const officeHours: Profile = (time) => {
  const hour = (time % DAY) / HOUR;
  return !weekend(time) && hour >= 8 && hour < 17 ? 0.2 : 1 / 1_440;
};

function weekend(time: number): boolean {
  const day = (Math.floor(time / DAY) + 4) % 7;
  return day === 0 || day === 6;
}

export type Habit = {
  readonly seed: number;
  readonly from: number;
  readonly until: number;
  readonly failures: Profile;
  readonly keyId?: string;
  /** Where the key is used from, accepted now and then, refused by the profile. */
  readonly ips?: readonly string[];
};

/** A key's refused calls by its profile, and an accepted one an hour from each of its addresses; in order of time. */
export function* traffic(habit: Habit): Generator<LogEvent> {
  const { seed, from, until, failures, keyId = 'key_9Xc1', ips = ['203.0.113.5', '203.0.113.6'] } = habit;
  const random = randomFrom(seed);
  let serial = 0;
  const make = (time: number, ip: string, status: number): LogEvent => {
    serial += 1;
    return event({ id: `${keyId}-${seed}-${serial}`, time, keyId, ip, status });
  };
  for (let minute = from; minute < until; minute += MINUTE) {
    if (minute % HOUR === 0) {
      for (const ip of ips) yield make(minute, ip, 200);
    }
    const times = Array.from({ length: poisson(random, failures(minute)) }, () => random() * MINUTE);
    for (const offset of times.sort((a, b) => a - b)) {
      const ip = ips[Math.floor(random() * ips.length)] ?? '203.0.113.5';
      yield make(minute + Math.floor(offset), ip, 401);
    }
  }
}

export type Attack = {
  readonly from: number;
  readonly count: number;
  /** Between two calls, ms. */
  readonly every: number;
  readonly keyId?: string | null;
  /** Taken in turn. */
  readonly ips?: readonly string[];
  /** The last call gets in. */
  readonly succeeds?: boolean;
};

/** Guessing at a key, one call after the other. */
export function attack({ from, count, every, keyId = 'key_9Xc1', ips, succeeds }: Attack): LogEvent[] {
  const sources = ips ?? ['198.51.100.77'];
  return Array.from({ length: count }, (_, index) =>
    event({
      id: `attack-${from}-${index}`,
      time: from + index * every,
      keyId,
      ip: sources[index % sources.length] ?? '198.51.100.77',
      geo: { country: 'RU', city: null, latitude: null, longitude: null },
      status: succeeds === true && index === count - 1 ? 200 : 401,
      userAgent: 'python-requests/2.32',
    }),
  );
}

/** An event with the time at which the log shows it. */
export type Arrival = { readonly event: LogEvent; readonly at: number };

export function onTime(events: readonly LogEvent[]): Arrival[] {
  return inOrder(events.map((found) => ({ event: found, at: found.time })));
}

/** Each event late by less than five minutes. */
export function shuffled(events: readonly LogEvent[], seed: number): Arrival[] {
  const random = randomFrom(seed);
  return inOrder(events.map((found) => ({ event: found, at: found.time + random() * 5 * MINUTE })));
}

/** Every arrival again, within ten minutes. */
export function repeated(arrivals: readonly Arrival[], seed: number): Arrival[] {
  const random = randomFrom(seed);
  return inOrder(
    arrivals.flatMap((found) => [found, { event: found.event, at: found.at + random() * 10 * MINUTE }]),
  );
}

function inOrder(arrivals: readonly Arrival[]): Arrival[] {
  return arrivals.toSorted((a, b) => a.at - b.at);
}
