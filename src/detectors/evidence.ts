import type { LogEvent } from '../model/index.ts';
import { type Json, list, number, numberOrNull, text } from './stored.ts';

/** How much of a case is kept: enough to act on, little enough to store with every page of the log. */
const LIMITS = { ips: 100, countries: 20, userAgents: 5, paths: 5, requestIds: 10, text: 120 } as const;

type Counts = Map<string, number>;

/** Who, from where and with what: the bounded summary of the calls that make a case. */
export class Evidence {
  readonly #ips: Counts;
  readonly #countries: Counts;
  readonly #userAgents: Counts;
  readonly #paths: Counts;
  readonly #requestIds: Counts;

  constructor(stored?: Json) {
    const [ips, countries, userAgents, paths, requestIds] =
      stored === undefined ? [[], [], [], [], []] : list(stored);
    this.#ips = counts(ips);
    this.#countries = counts(countries);
    this.#userAgents = counts(userAgents);
    this.#paths = counts(paths);
    this.#requestIds = counts(requestIds);
  }

  add(event: LogEvent): void {
    tally(this.#ips, event.ip, LIMITS.ips);
    if (event.geo !== null) tally(this.#countries, event.geo.country, LIMITS.countries);
    if (event.userAgent !== null) tally(this.#userAgents, clip(event.userAgent), LIMITS.userAgents);
    // A query can hold what is nobody's business.
    tally(this.#paths, clip(`${event.method} ${event.path.split('?', 1)[0]}`), LIMITS.paths);
    if (event.requestId !== null) tally(this.#requestIds, clip(event.requestId), LIMITS.requestIds);
  }

  /** Takes over what another case has seen. */
  absorb(other: Evidence): void {
    merge(this.#ips, other.#ips, LIMITS.ips);
    merge(this.#countries, other.#countries, LIMITS.countries);
    merge(this.#userAgents, other.#userAgents, LIMITS.userAgents);
    merge(this.#paths, other.#paths, LIMITS.paths);
    merge(this.#requestIds, other.#requestIds, LIMITS.requestIds);
  }

  /** Addresses, at most 100, the one with the most calls first. */
  get ips(): readonly string[] {
    return ranked(this.#ips);
  }

  get countries(): readonly string[] {
    return ranked(this.#countries);
  }

  get userAgents(): readonly string[] {
    return ranked(this.#userAgents);
  }

  get paths(): readonly string[] {
    return ranked(this.#paths);
  }

  /** Ids of at most 10 calls, for the provider's support. */
  get requestIds(): readonly string[] {
    return [...this.#requestIds.keys()];
  }

  /** The lists as a finding bears them, empty ones left out. */
  lists(): Record<string, readonly string[]> {
    const { countries, userAgents, paths, requestIds } = this;
    const filled = Object.entries({ countries, userAgents, paths, requestIds }).filter(
      ([, found]) => found.length > 0,
    );
    return { ips: this.ips, ...Object.fromEntries(filled) };
  }

  save(): Json {
    return [this.#ips, this.#countries, this.#userAgents, this.#paths, this.#requestIds].map((found) => [
      ...found,
    ]);
  }
}

/** "203.0.113.9 (RU) and 4 more": the top source, with the country where all come from one. */
export function sourcesPhrase(ips: readonly string[], countries: readonly string[]): string {
  const country = countries.length === 1 ? ` (${countries[0]})` : '';
  const rest = ips.length - 1;
  const more = rest >= LIMITS.ips - 1 ? ` and ${rest} or more others` : rest > 0 ? ` and ${rest} more` : '';
  return `${ips[0] ?? 'an unknown address'}${country}${more}`;
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
function ranked(found: Counts): string[] {
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
