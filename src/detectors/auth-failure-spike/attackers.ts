import { MINUTE } from '../../model/index.ts';
import { clip, sourceLine } from '../evidence.ts';
import type { Source } from '../habits.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, number, text, textOrNull } from '../stored.ts';
import type { Stream } from './bins.ts';

/** Addresses kept of an episode, and of a key that has none. */
const ADDRESSES = { open: 100, quiet: 12 } as const;
const SAMPLES = 10;
/** An address's former failures are forgotten when it fails again after so long. */
const FORGET = 720 * MINUTE;

type Attacker = {
  /** The streams its failures fell in: 1, 2, or 3 for both. */
  streams: number;
  count: number;
  first: number;
  last: number;
  readonly country: string | null;
};

type Sample = {
  readonly at: number;
  readonly requestId: string | null;
  readonly userAgent: string | null;
  readonly call: string;
};

/**
 * Who failed to log in with one key lately, and with what: evidence for a spike. The addresses that failed last, 12 of
 * them and 100 while an episode is open, and the last 10 calls.
 */
export class Attackers {
  readonly #addresses = new Map<string, Attacker>();
  #samples: Sample[] = [];

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Attackers {
    const loaded = new Attackers();
    const [addresses, words, samples] = list(stored);
    for (const entry of list(addresses)) {
      const [ip, streams, count, first, span, country] = list(entry);
      const begun = number(first);
      loaded.#addresses.set(text(ip), {
        streams: number(streams),
        count: number(count),
        first: begun,
        last: begun + number(span),
        country: textOrNull(country ?? null),
      });
    }
    const word = (index: Json | undefined) => list(words)[number(index)];
    loaded.#samples = list(samples).map((entry) => {
      const [at, requestId, userAgent, call] = list(entry);
      return {
        at: number(at),
        requestId: textOrNull(requestId ?? null),
        userAgent: textOrNull(word(userAgent) ?? null),
        call: text(word(call)),
      };
    });
    return loaded;
  }

  /** Programs and paths are the same in most samples: each is written once. */
  save(): Json {
    const words: (string | null)[] = distinct(
      this.#samples.flatMap(({ userAgent, call }) => [userAgent, call]),
    );
    words.push(null);
    return [
      Array.from(this.#addresses, ([ip, { streams, count, first, last, country }]) => [
        ip,
        streams,
        count,
        first,
        last - first,
        country,
      ]),
      words,
      this.#samples.map(({ at, requestId, userAgent, call }) => [
        at,
        requestId,
        words.indexOf(userAgent),
        words.indexOf(call),
      ]),
    ];
  }

  /** Whether the address failed here before that time. */
  failedBefore(ip: string, at: number): boolean {
    const attacker = this.#addresses.get(ip);
    return attacker !== undefined && attacker.first < at;
  }

  /** True where the address has not failed here lately; `open`: an episode is. */
  failed({ event, at, geo }: Sight, stream: Stream, open: boolean): boolean {
    const known = this.#addresses.get(event.ip);
    const fresh = known === undefined || known.last <= at - FORGET;
    const attacker = fresh ? this.#meet(event.ip, at, geo?.country ?? null, open) : known;
    attacker.streams |= 1 << stream;
    attacker.count += 1;
    attacker.first = Math.min(attacker.first, at);
    attacker.last = Math.max(attacker.last, at);
    this.#samples.push({
      at,
      requestId: event.requestId === null ? null : clip(event.requestId),
      userAgent: event.userAgent === null ? null : clip(event.userAgent),
      // A query can hold what is nobody's business.
      call: clip(`${event.method} ${event.path.split('?', 1)[0]}`),
    });
    if (this.#samples.length > SAMPLES) this.#samples.shift();
    return fresh;
  }

  #meet(ip: string, at: number, country: string | null, open: boolean): Attacker {
    const limit = open ? ADDRESSES.open : ADDRESSES.quiet;
    if (this.#addresses.size >= limit && !this.#addresses.has(ip)) this.#forgetOldest();
    const attacker = { streams: 0, count: 0, first: at, last: at, country };
    this.#addresses.set(ip, attacker);
    return attacker;
  }

  #forgetOldest(): void {
    let oldest: string | null = null;
    let last = Number.POSITIVE_INFINITY;
    for (const [ip, attacker] of this.#addresses) {
      if (attacker.last >= last) continue;
      last = attacker.last;
      oldest = ip;
    }
    if (oldest !== null) this.#addresses.delete(oldest);
  }

  /** An episode is over: what was kept for it is too much for a quiet key. */
  rest(): void {
    while (this.#addresses.size > ADDRESSES.quiet) this.#forgetOldest();
  }

  /** Those that failed in an episode, the address with the most failures first. */
  #failing({ streams, from, until }: Span): [string, Attacker][] {
    return [...this.#addresses]
      .filter(([, found]) => (found.streams & streams) !== 0 && found.last >= from && found.first < until)
      .sort(([a, m], [b, n]) => n.count - m.count || (a < b ? -1 : 1));
  }

  /**
   * Of those that failed in an episode, the addresses whose first success came after a failure, not later than `until`
   * and the quiet time. Where an address was let in before, its success is nobody getting in.
   */
  gotIn(span: Span, quiet: number, sources: ReadonlyMap<string, Source> | null): readonly string[] {
    if (sources === null) return [];
    return this.#failing(span)
      .filter(([ip, { first }]) => {
        const success = sources.get(ip)?.first;
        return (
          success !== undefined && success > first && success >= span.from && success < span.until + quiet
        );
      })
      .map(([ip]) => ip);
  }

  /** The evidence on an episode. */
  during(span: Span): Found {
    const failing = this.#failing(span);
    const samples = this.#samples
      .filter(({ at }) => at >= span.from && at < span.until)
      .sort((a, b) => a.at - b.at || ((a.requestId ?? '') < (b.requestId ?? '') ? -1 : 1));
    return {
      ips: failing.map(([ip]) => ip),
      sources: failing.slice(0, 10).map(([ip, { country, count }]) => sourceLine(ip, country, count)),
      countries: distinct(failing.map(([, { country }]) => country)),
      requestIds: distinct(samples.map(({ requestId }) => requestId)),
      userAgents: distinct(samples.map(({ userAgent }) => userAgent)).slice(0, 5),
      paths: distinct(samples.map(({ call }) => call)).slice(0, 5),
    };
  }
}

/** The streams of an episode, and when it began and ended. */
export type Span = { readonly streams: number; readonly from: number; readonly until: number };

/** What is known of who failed in an episode. */
export type Found = {
  readonly ips: readonly string[];
  readonly sources: readonly string[];
  readonly countries: readonly string[];
  readonly requestIds: readonly string[];
  readonly userAgents: readonly string[];
  readonly paths: readonly string[];
};

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))];
}
