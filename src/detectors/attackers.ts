import { MINUTE } from '../model/index.ts';
import { clip } from './evidence.ts';
import type { Stream } from './failures.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, numbers, text, textOrNull } from './stored.ts';

const ADDRESSES = 100;
const SAMPLES = 20;
const TEN = 10 * MINUTE;
const DOZEN = 12;
/** An address's former failures are forgotten when it fails again after so long. */
const FORGET = 720 * MINUTE;

type Attacker = {
  /** The streams its failures fell in: 1, 2, or 3 for both. */
  streams: number;
  count: number;
  first: number;
  last: number;
  readonly country: string | null;
  /** When logins from it succeeded after it had failed: tens of minutes since the epoch, the last dozen. */
  readonly gotIn: number[];
};

type Sample = {
  readonly at: number;
  readonly requestId: string | null;
  readonly userAgent: string | null;
  readonly call: string;
};

/**
 * Who failed to log in with one key lately, and with what: evidence for a spike. The 100 addresses that failed last,
 * and the last 20 calls.
 */
export class Attackers {
  readonly #addresses = new Map<string, Attacker>();
  #samples: Sample[] = [];

  static load(stored: Json | undefined): Attackers {
    const loaded = new Attackers();
    const [addresses, samples] = list(stored);
    for (const entry of list(addresses)) {
      const [ip, streams, count, first, last, country, gotIn] = list(entry);
      loaded.#addresses.set(text(ip), {
        streams: number(streams),
        count: number(count),
        first: number(first),
        last: number(last),
        country: textOrNull(country ?? null),
        gotIn: numbers(gotIn),
      });
    }
    loaded.#samples = list(samples).map((entry) => {
      const [at, requestId, userAgent, call] = list(entry);
      return {
        at: number(at),
        requestId: textOrNull(requestId ?? null),
        userAgent: textOrNull(userAgent ?? null),
        call: text(call),
      };
    });
    return loaded;
  }

  save(): Json {
    return [
      Array.from(this.#addresses, ([ip, { streams, count, first, last, country, gotIn }]) => [
        ip,
        streams,
        count,
        first,
        last,
        country,
        gotIn,
      ]),
      this.#samples.map(({ at, requestId, userAgent, call }) => [at, requestId, userAgent, call]),
    ];
  }

  failed({ event, at, habit }: Sight, stream: Stream): void {
    const known = this.#addresses.get(event.ip);
    const attacker =
      known !== undefined && known.last > at - FORGET ? known : this.#meet(event.ip, at, event.geo);
    attacker.streams |= 1 << stream;
    attacker.count += 1;
    attacker.first = Math.min(attacker.first, at);
    attacker.last = Math.max(attacker.last, at);
    // The success may have arrived before the failure that it followed.
    const success = habit?.sources.get(event.ip)?.last ?? null;
    if (success !== null && success > attacker.first) letIn(attacker, success);
    this.#sample({
      at,
      requestId: event.requestId === null ? null : clip(event.requestId),
      userAgent: event.userAgent === null ? null : clip(event.userAgent),
      // A query can hold what is nobody's business.
      call: clip(`${event.method} ${event.path.split('?', 1)[0]}`),
    });
  }

  #meet(ip: string, at: number, geo: { readonly country: string } | null): Attacker {
    if (this.#addresses.size >= ADDRESSES && !this.#addresses.has(ip)) this.#forgetOldest();
    const attacker = {
      streams: 0,
      count: 0,
      first: at,
      last: at,
      country: geo?.country ?? null,
      gotIn: [],
    };
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

  #sample(sample: Sample): void {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES) this.#samples.shift();
  }

  /** A login from this address succeeded; true where it had failed before, and that is news. */
  succeeded(ip: string, at: number): boolean {
    const attacker = this.#addresses.get(ip);
    if (attacker === undefined || at <= attacker.first) return false;
    return letIn(attacker, at);
  }

  /** The evidence on an episode of the given streams between two times; `quiet` after its end a login can still succeed, ms. */
  during(streams: number, from: number, until: number, quiet: number): Found {
    const failing = [...this.#addresses]
      .filter(([, found]) => (found.streams & streams) !== 0 && found.last >= from && found.first < until)
      .sort(([a, m], [b, n]) => n.count - m.count || (a < b ? -1 : 1));
    const entered = failing.filter(([, { gotIn }]) =>
      gotIn.some((ten) => (ten + 1) * TEN > from && ten * TEN < until + quiet),
    );
    const samples = this.#samples
      .filter(({ at }) => at >= from && at < until)
      .sort((a, b) => a.at - b.at || ((a.requestId ?? '') < (b.requestId ?? '') ? -1 : 1));
    return {
      ips: failing.map(([ip]) => ip),
      countries: distinct(failing.map(([, { country }]) => country)),
      gotIn: entered.map(([ip]) => ip),
      requestIds: distinct(samples.map(({ requestId }) => requestId)).slice(0, 10),
      userAgents: distinct(samples.map(({ userAgent }) => userAgent)).slice(0, 5),
      paths: distinct(samples.map(({ call }) => call)).slice(0, 5),
    };
  }
}

/** What is known of who failed in an episode, the address with the most failures first. */
export type Found = {
  readonly ips: readonly string[];
  readonly countries: readonly string[];
  /** Those that were let in after they had failed. */
  readonly gotIn: readonly string[];
  readonly requestIds: readonly string[];
  readonly userAgents: readonly string[];
  readonly paths: readonly string[];
};

/** True where it was not known. */
function letIn({ gotIn }: Attacker, at: number): boolean {
  const ten = Math.floor(at / TEN);
  if (gotIn.includes(ten)) return false;
  gotIn.push(ten);
  gotIn.sort((a, b) => a - b);
  if (gotIn.length > DOZEN) gotIn.shift();
  return true;
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))];
}
