/*
 * Measures the false pages and the delays of auth-failure-spike through its own judging code, fed with the failures of
 * each minute: node test/traffic/budget.ts [--years 1000] [--seed 1] [--profile quiet,…] [--attacks 40] [--alone]
 *
 * The keys of a profile come one after the other, so that each but the first has the others to go by; with --alone none has.
 */
import { parseArgs } from 'node:util';
import type { Stream } from '../../src/detectors/auth-failure-spike/bins.ts';
import { Episodes } from '../../src/detectors/auth-failure-spike/episodes.ts';
import { Pool } from '../../src/detectors/auth-failure-spike/pool.ts';
import { LATENESS } from '../../src/detectors/log-clock.ts';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { Draw } from './draw.ts';

const START = Date.UTC(2026, 0, 1);
/** Half of the key's 0.2 goes to each of its streams. */
const PER_YEAR = 0.2 / 2;

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

type Add = (at: number, count: number, stream: Stream) => void;
/** Fills the hour that begins at `from` with the failures that are usual. */
type Profile = (draw: Draw, from: number, add: Add) => void;

const weekend = (time: number): boolean => [0, 6].includes((Math.floor(time / DAY) + 4) % 7);

/** Failures at a steady rate through an hour, by the gaps between them where they are rare. */
function steady(draw: Draw, from: number, perMinute: number, add: Add, fresh: number): void {
  if (perMinute > 0.3) {
    for (let minute = 0; minute < 60; minute += 1) {
      const count = draw.poisson(perMinute);
      if (count > 0) add(from + minute * MINUTE, count, draw.chance(fresh) ? 0 : 1);
    }
    return;
  }
  for (let at = draw.exponential(1 / perMinute); at < 60; at += draw.exponential(1 / perMinute)) {
    add(from + Math.floor(at) * MINUTE, 1, draw.chance(fresh) ? 0 : 1);
  }
}

/** A token has expired: each of its clients fails some times until it has fetched another, within three minutes. */
function expiry(draw: Draw, from: number, perDay: number, fresh: number, add: Add): void {
  if (!draw.chance(perDay / 24)) return;
  const start = from + draw.below(60) * MINUTE;
  for (let client = draw.whole(1, 4); client > 0; client -= 1) {
    const stream = draw.chance(fresh) ? 0 : 1;
    for (let left = 1 + Math.floor(draw.exponential(2)); left > 0; left -= 1)
      add(start + draw.below(3) * MINUTE, 1, stream);
  }
}

const PROFILES: Readonly<Record<string, Profile>> = {
  quiet: (draw, from, add) => steady(draw, from, 1 / 1_440, add, 0.1),
  busy: (draw, from, add) => {
    const swing = 1 - 0.95 * Math.cos((2 * Math.PI * (from % DAY)) / DAY);
    steady(draw, from, 2 * swing * (weekend(from) ? 0.5 : 1), add, 0);
  },
  office: (draw, from, add) => {
    const hour = (from % DAY) / HOUR;
    steady(draw, from, !weekend(from) && hour >= 8 && hour < 17 ? 0.2 : 1 / 1_440, add, 0.03);
  },
  bursty: (draw, from, add) => {
    steady(draw, from, 2 / 1_440, add, 0.1);
    expiry(draw, from, 3, 0, add);
  },
  roving: (draw, from, add) => {
    steady(draw, from, 2 / 1_440, add, 1);
    expiry(draw, from, 3, 1, add);
  },
};

type Page = { readonly at: number; readonly stream: number; readonly test: number };

class Key {
  readonly pages: Page[] = [];
  readonly episodes: Episodes;
  readonly #pool: Pool;
  readonly #since: number;

  constructor(pool: Pool, since: number) {
    this.episodes = Episodes.begin(pool.priors);
    this.#pool = pool;
    this.#since = Math.floor(since / MINUTE);
  }

  readonly add: Add = (at, count, stream) => {
    const { episodes } = this;
    for (
      let [open] = episodes.open;
      open !== undefined && episodes.over(open, at - LATENESS);
      [open] = episodes.open
    )
      episodes.shift();
    const before = episodes.open.length;
    episodes.add(at, count, at - LATENESS, { stream, since: this.#since, perYear: PER_YEAR });
    this.#pool.learn(episodes.lesson(), at - LATENESS);
    const last = episodes.open.at(-1);
    if (episodes.open.length > before && last !== undefined)
      this.pages.push({ at, stream: last.streams, test: last.test });
  };
}

function fill(key: Key, profile: Profile, draw: Draw, from: number, until: number): void {
  for (let hour = from; hour < until; hour += HOUR) {
    const minutes = new Map<number, [number, number]>();
    profile(draw, hour, (at, count, stream) => {
      const counts = minutes.get(at) ?? [0, 0];
      counts[stream] += count;
      minutes.set(at, counts);
    });
    for (const [at, [fresh, known]] of [...minutes].sort(([a], [b]) => a - b)) {
      if (fresh > 0) key.add(at, fresh, 0);
      if (known > 0) key.add(at, known, 1);
    }
  }
}

function falsePages(name: string, profile: Profile, years: number, seed: number): void {
  const begun = performance.now();
  let [first, late, most] = [0, 0, 0];
  const tests = [0, 0, 0, 0, 0];
  let pool = new Pool(undefined);
  for (let index = 0; index < years; index += 1) {
    const start = START + (index * 364 * 24 + (index % 168)) * HOUR;
    if (values.alone) pool = new Pool(undefined);
    const key = new Key(pool, start);
    fill(key, profile, new Draw(seed * 100_003 + index), start, start + 364 * DAY);
    const early = key.pages.filter(({ at }) => at < start + 14 * DAY).length;
    first += early;
    most = Math.max(most, early);
    late += key.pages.length - early;
    for (const { test, at } of key.pages) if (at >= start + 14 * DAY) tests[test] = (tests[test] ?? 0) + 1;
  }
  const seconds = (performance.now() - begun) / 1_000;
  say(
    `${name}: ${((first + late) / years).toFixed(3)} a key and year; in the first 14 days ${(first / years).toFixed(3)} (most ${most}), after them ${(late / years).toFixed(3)} [${tests}]; ${years} key-years in ${seconds.toFixed(0)} s`,
  );
}

const ATTACKS: ReadonlyArray<readonly [name: string, every: number]> = [
  ['5 a second', 200],
  ['10 a minute', 6_000],
  ['3 a minute', 20_000],
  ['one in 3 minutes', 180_000],
];

function delays(name: string, profile: Profile, attacks: number, seed: number, days: number): void {
  const found = ATTACKS.map(() => [] as number[]);
  for (let index = 0; index < attacks; index += 1) {
    const draw = new Draw(seed * 70_001 + index);
    const at = START + days * DAY + draw.below(2 * 1_440) * MINUTE;
    for (const [which, [, every]] of ATTACKS.entries()) {
      const key = new Key(new Pool(undefined), START);
      fill(key, profile, new Draw(seed * 50_021 + index), START, at);
      const had = key.pages.length;
      const phase = draw.unit() * every;
      let minute = 0;
      for (; minute < 240 && key.pages.length === had; minute += 1) {
        const end = Math.ceil(((minute + 1) * MINUTE - phase) / every);
        const count = end - Math.max(0, Math.ceil((minute * MINUTE - phase) / every));
        if (count > 0) key.add(at + minute * MINUTE, count, 0);
      }
      found[which]?.push(key.pages.length > had ? minute : 999);
    }
  }
  const p95 = (polls: number[]) => polls.sort((a, b) => a - b)[Math.ceil(polls.length * 0.95) - 1];
  say(
    `${name}, polls until found at p95 after ${days} days: ${ATTACKS.map(([shape], index) => `${shape} ${p95(found[index] ?? [])}`).join(', ')}`,
  );
}

const { values } = parseArgs({
  options: {
    years: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    profile: { type: 'string', default: Object.keys(PROFILES).join(',') },
    attacks: { type: 'string', default: '40' },
    alone: { type: 'boolean', default: false },
  },
});
for (const name of values.profile.split(',')) {
  const profile = PROFILES[name];
  if (profile === undefined)
    throw new RangeError(`no profile ${name}: one of ${Object.keys(PROFILES).join(', ')}`);
  if (Number(values.years) > 0) falsePages(name, profile, Number(values.years), Number(values.seed));
  for (const days of [4, 21])
    if (Number(values.attacks) > 0) delays(name, profile, Number(values.attacks), Number(values.seed), days);
}
