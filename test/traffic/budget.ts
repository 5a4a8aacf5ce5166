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

/** `client`: the address, as a number of its own for each. Only those of stream 0 are told apart. */
type Add = (at: number, count: number, stream: Stream, client: number) => void;
/** Fills the hour that begins at `from` with the failures that are usual. */
type Profile = (draw: Draw, from: number, add: Add) => void;

const weekend = (time: number): boolean => [0, 6].includes((Math.floor(time / DAY) + 4) % 7);

/** An address that is not seen again. */
const anybody = (draw: Draw): number => draw.below(2 ** 32);

/** Failures at a steady rate through an hour, by the gaps between them where they are rare. */
function steady(draw: Draw, from: number, perMinute: number, add: Add, fresh: number): void {
  if (perMinute > 0.3) {
    for (let minute = 0; minute < 60; minute += 1) {
      const count = draw.poisson(perMinute);
      if (count > 0) add(from + minute * MINUTE, count, draw.chance(fresh) ? 0 : 1, anybody(draw));
    }
    return;
  }
  for (let at = draw.exponential(1 / perMinute); at < 60; at += draw.exponential(1 / perMinute)) {
    add(from + Math.floor(at) * MINUTE, 1, draw.chance(fresh) ? 0 : 1, anybody(draw));
  }
}

/** A token has expired: each of its clients fails some times until it has fetched another, within three minutes. */
function expiry(draw: Draw, from: number, perDay: number, fresh: number, add: Add): void {
  if (!draw.chance(perDay / 24)) return;
  const start = from + draw.below(60) * MINUTE;
  for (let client = draw.whole(1, 4); client > 0; client -= 1) {
    const stream = draw.chance(fresh) ? 0 : 1;
    const ip = anybody(draw);
    for (let left = 1 + Math.floor(draw.exponential(2)); left > 0; left -= 1)
      add(start + draw.below(3) * MINUTE, 1, stream, ip);
  }
}

/** Functions in a cloud, 12 times a day: so many are refused once or twice within 90 seconds. */
function functions(draw: Draw, from: number, many: () => number, fresh: number, add: Add): void {
  if (!draw.chance(0.5)) return;
  const start = from + draw.below(60) * MINUTE;
  for (let client = many(); client > 0; client -= 1) {
    const stream = draw.chance(fresh) ? 0 : 1;
    const at = start + Math.floor(draw.between(0, 1.5)) * MINUTE;
    add(at, draw.chance(0.25) ? 2 : 1, stream, anybody(draw));
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
  cloud: (draw, from, add) => {
    steady(draw, from, 2 / 1_440, add, 0.5);
    functions(draw, from, () => 4 + draw.poisson(6), 0.5, add);
  },
  crowded: (draw, from, add) => {
    steady(draw, from, 2 / 1_440, add, 0.5);
    functions(draw, from, () => draw.whole(30, 100), 1, add);
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

  readonly add: Add = (at, count, stream, client) => {
    const { episodes } = this;
    for (
      let [open] = episodes.open;
      open !== undefined && episodes.over(open, at - LATENESS);
      [open] = episodes.open
    )
      episodes.shift();
    const before = episodes.open.length;
    const mark = stream === 0 ? client : undefined;
    episodes.add(at, count, at - LATENESS, { stream, since: this.#since, perYear: PER_YEAR, mark });
    this.#pool.learn(episodes.lesson(), at - LATENESS);
    const last = episodes.open.at(-1);
    if (episodes.open.length > before && last !== undefined)
      this.pages.push({ at, stream: last.streams, test: last.test });
  };
}

type Failure = { readonly at: number; readonly stream: Stream; readonly client: number };

function fill(key: Key, profile: Profile, draw: Draw, from: number, until: number): void {
  for (let hour = from; hour < until; hour += HOUR) {
    const known = new Map<number, number>();
    const fresh: Failure[] = [];
    profile(draw, hour, (at, count, stream, client) => {
      if (stream === 1) known.set(at, (known.get(at) ?? 0) + count);
      else for (let left = count; left > 0; left -= 1) fresh.push({ at, stream, client });
    });
    const all = [
      ...fresh.map((failure) => ({ ...failure, count: 1 })),
      ...Array.from(known, ([at, count]) => ({ at, count, stream: 1 as const, client: 0 })),
    ];
    all.sort((a, b) => a.at - b.at);
    for (const { at, count, stream, client } of all) key.add(at, count, stream, client);
  }
}

function falsePages(name: string, profile: Profile, years: number, seed: number): void {
  const begun = performance.now();
  let [first, late, most] = [0, 0, 0];
  const tests = [0, 0, 0, 0, 0, 0, 0];
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

type Shape = { readonly name: string; readonly every: number; readonly addresses: number };

const RATES = [
  ['5 a second', 200],
  ['10 a minute', 6_000],
  ['5 a minute', 12_000],
  ['3 a minute', 20_000],
  ['one in 3 minutes', 180_000],
] as const;
const ATTACKS: readonly Shape[] = [
  ...RATES.map(([name, every]) => ({ name, every, addresses: 1 })),
  ...RATES.map(([name, every]) => ({ name: `${name} (new addresses)`, every, addresses: 2 ** 32 })),
];

/** Polls of a minute until it is told: 1 is the first that shows any of it. 999: not within four hours. */
function pollsUntilTold(key: Key, { every, addresses }: Shape, from: number, draw: Draw): number {
  const had = key.pages.length;
  const one = anybody(draw);
  const client = () => (addresses === 1 ? one : anybody(draw));
  let next = draw.unit() * every;
  for (let poll = 1; poll <= 240; poll += 1) {
    for (; next < poll * MINUTE; next += every)
      key.add(from + Math.floor(next / MINUTE) * MINUTE, 1, 0, client());
    if (key.pages.length > had) return poll;
  }
  return 999;
}

function delays(name: string, profile: Profile, attacks: number, seed: number, days: number): void {
  const found = ATTACKS.map(() => [] as number[]);
  for (let index = 0; index < attacks; index += 1) {
    const at = START + days * DAY + new Draw(seed * 70_001 + index).below(2 * 1_440) * MINUTE;
    for (const [which, shape] of ATTACKS.entries()) {
      const key = new Key(new Pool(undefined), START);
      fill(key, profile, new Draw(seed * 50_021 + index), START, at);
      found[which]?.push(pollsUntilTold(key, shape, at, new Draw(seed * 90_001 + index)));
    }
  }
  const quantile = (polls: number[], share: number) =>
    polls.sort((a, b) => a - b)[Math.ceil(polls.length * share) - 1];
  const figures = ATTACKS.map(
    ({ name: shape }, index) =>
      `${shape} ${quantile(found[index] ?? [], 0.5)}/${quantile(found[index] ?? [], 0.95)}`,
  );
  say(`${name}, polls until told after ${days} days, median/p95 of ${attacks}: ${figures.join(', ')}`);
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
