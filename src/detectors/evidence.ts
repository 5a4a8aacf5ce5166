import { formatTime, type Geo, type LogEvent } from '../model/index.ts';
import { networkOf } from './ip.ts';
import { Pace } from './pace.ts';
import { type Json, list, number, numberOrNull, text, textOrNull } from './stored.ts';

export { sparkline } from './pace.ts';

/** How much of a case is kept: enough to act on, little enough to store with every page of the log. */
const LIMITS = {
  ips: 100,
  top: 10,
  keys: 10,
  countries: 20,
  userAgents: 5,
  paths: 5,
  requestIds: 10,
  text: 120,
} as const;

type Counts = Map<string, number>;

type Source = { count: number; country: string | null };

/** What evidence is taken of: a sight, or as much of one. */
export type Seen = { readonly event: LogEvent; readonly at: number; readonly geo: Geo | null };

/**
 * Who, from where, when and with what: the bounded summary of the calls that make a case. Of each kind the first to
 * come are kept (100 addresses, 20 countries, 10 keys and request ids, 5 paths and user agents), each cut at 120 characters.
 */
export class Evidence {
  readonly #sources = new Map<string, Source>();
  readonly #keys: Counts;
  readonly #countries: Counts;
  readonly #userAgents: Counts;
  readonly #paths: Counts;
  readonly #requestIds: Counts;
  readonly #pace: Pace;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored?: Json) {
    const [sources, keys, countries, userAgents, paths, requestIds, pace] =
      stored === undefined ? [[], [], [], [], [], []] : list(stored);
    for (const source of list(sources)) {
      const [ip, count, country] = list(source);
      this.#sources.set(text(ip), { count: number(count), country: textOrNull(country ?? null) });
    }
    this.#keys = counts(keys);
    this.#countries = counts(countries);
    this.#userAgents = counts(userAgents);
    this.#paths = counts(paths);
    this.#requestIds = counts(requestIds);
    this.#pace = pace === undefined ? new Pace() : Pace.load(pace);
  }

  add({ event, at, geo }: Seen): void {
    this.#source(clip(event.ip), geo?.country ?? null, 1);
    if (event.keyId !== null) tally(this.#keys, clip(event.keyId), LIMITS.keys);
    if (geo !== null) tally(this.#countries, geo.country, LIMITS.countries);
    if (event.userAgent !== null) tally(this.#userAgents, clip(event.userAgent), LIMITS.userAgents);
    // A query can hold what is nobody's business.
    tally(this.#paths, clip(`${event.method} ${event.path.split('?', 1)[0]}`), LIMITS.paths);
    if (event.requestId !== null) tally(this.#requestIds, clip(event.requestId), LIMITS.requestIds);
    this.#pace.add(at);
  }

  #source(ip: string, country: string | null, by: number): void {
    const known = this.#sources.get(ip);
    if (known !== undefined) {
      known.count += by;
      known.country ??= country;
    } else if (this.#sources.size < LIMITS.ips) this.#sources.set(ip, { count: by, country });
  }

  /** Takes over what another case has seen. */
  absorb(other: Evidence): void {
    for (const [ip, { count, country }] of other.#sources) this.#source(ip, country, count);
    merge(this.#keys, other.#keys, LIMITS.keys);
    merge(this.#countries, other.#countries, LIMITS.countries);
    merge(this.#userAgents, other.#userAgents, LIMITS.userAgents);
    merge(this.#paths, other.#paths, LIMITS.paths);
    merge(this.#requestIds, other.#requestIds, LIMITS.requestIds);
    this.#pace.absorb(other.#pace);
  }

  /** Addresses, at most 100, the one with the most calls first. */
  get ips(): readonly string[] {
    return ranked(Array.from(this.#sources, ([ip, { count }]) => [ip, count] as const));
  }

  /** The ten addresses with the most calls: "203.0.113.9 (203.0.113.0/24, RU) 41". */
  get sources(): readonly string[] {
    return this.ips.slice(0, LIMITS.top).map((ip) => {
      const { count, country } = this.#sources.get(ip) ?? { count: 0, country: null };
      return sourceLine(ip, country, count);
    });
  }

  get keys(): readonly string[] {
    return ranked(this.#keys);
  }

  get countries(): readonly string[] {
    return ranked(this.#countries);
  }

  get userAgents(): readonly string[] {
    return ranked(this.#userAgents);
  }

  /** Method and path, without the query. */
  get paths(): readonly string[] {
    return ranked(this.#paths);
  }

  /** Ids of at most 10 calls, for the provider's support. */
  get requestIds(): readonly string[] {
    return [...this.#requestIds.keys()];
  }

  /**
   * The lists as a finding bears them, and the pace of the calls as text. Empty ones are left out, and what others say:
   * a single key is the finding's, and the sources name their countries as long as all are listed.
   */
  lists(): Record<string, string | readonly string[]> {
    const { sources, userAgents, paths, requestIds, ips } = this;
    const keys = this.#keys.size > 1 ? this.keys : [];
    const countries = this.#sources.size > LIMITS.top ? this.countries : [];
    const filled = Object.entries({ sources, keys, countries, userAgents, paths, requestIds }).filter(
      ([, found]) => found.length > 0,
    );
    const pace = this.#pace.line;
    return { ...Object.fromEntries(filled), ...(pace === '' ? {} : { pace }), ips };
  }

  save(): Json {
    return [
      Array.from(this.#sources, ([ip, { count, country }]) => [ip, count, country]),
      ...[this.#keys, this.#countries, this.#userAgents, this.#paths, this.#requestIds].map((found) => [
        ...found,
      ]),
      this.#pace.save(),
    ];
  }
}

/** One source as evidence names it. @example '203.0.113.9 (203.0.113.0/24, RU) 41' */
export function sourceLine(ip: string, country: string | null, count: number): string {
  const network = networkOf(ip);
  const facts = [network === ip ? null : network, country].filter((fact) => fact !== null).join(', ');
  return `${ip}${facts === '' ? '' : ` (${facts})`} ${count}`;
}

/** "203.0.113.9 (RU) and 4 more": the top source, with the country where all come from one. */
export function sourcesPhrase(ips: readonly string[], countries: readonly string[]): string {
  const country = countries.length === 1 ? ` (${countries[0]})` : '';
  const rest = ips.length - 1;
  const more = rest >= LIMITS.ips - 1 ? ` and ${rest} or more others` : rest > 0 ? ` and ${rest} more` : '';
  return `${ips[0] ?? 'an unknown address'}${country}${more}`;
}

/** "between … and …"; of one moment "at …". */
export function spanPhrase(firstAt: number, lastAt: number): string {
  const from = formatTime(firstAt);
  const to = formatTime(lastAt);
  return from === to ? `at ${from}` : `between ${from} and ${to}`;
}

export function clip(value: string): string {
  return value.length > LIMITS.text ? `${value.slice(0, LIMITS.text - 1)}…` : value;
}

function counts(stored: Json | undefined): Counts {
  return new Map(
    list(stored).map((entry) => {
      const [name, count] = list(entry);
      return [text(name), number(count)];
    }),
  );
}

function tally(found: Counts, name: string, limit: number, by = 1): void {
  const count = found.get(name);
  if (count !== undefined || found.size < limit) found.set(name, (count ?? 0) + by);
}

function merge(into: Counts, from: Counts, limit: number): void {
  for (const [name, count] of from) tally(into, name, limit, count);
}

/** Most calls first; among equals by name, so that the order of arrival does not show. */
function ranked(found: Iterable<readonly [string, number]>): string[] {
  return [...found].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name]) => name);
}

/** When a finding was told and of how much: what decides whether there is news. */
export type Told = { readonly at: number; readonly count: number; readonly critical: boolean };

export function saveTold(told: Told | null): Json {
  return told === null ? null : [told.at, told.count, told.critical ? 1 : 0];
}

export function loadTold(stored: Json | undefined): Told | null {
  if (stored === null) return null;
  const [at, count, critical] = list(stored).map(numberOrNull);
  return { at: number(at), count: number(count), critical: critical === 1 };
}
