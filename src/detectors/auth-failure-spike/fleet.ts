import { type Finding, formatTime, MINUTE } from '../../model/index.ts';
import { clip, sourceLine, sourcesPhrase } from '../evidence.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, number, text, textOrNull } from '../stored.ts';
import { widthOf, windowOf } from './bins.ts';
import { type Episode, Episodes, type Measure } from './episodes.ts';
import type { Watched } from './failures.ts';
import { PRIORS, type Prior } from './prior.ts';
import type { Failed } from './spikes.ts';
import { type Known, Trials } from './trials.ts';
import { actionOn, courseOf, filled, gotInPhrase, habitOf, lengthOf } from './words.ts';

/** Pairs kept; past it the oldest go. */
const PAIRS = 300;
/** An address, and a key, counts at most so often within an hour: else one busy client would speak for all. */
const SHARE = 3;
/** What takes less part is no attack on many. */
const LEAST = { addresses: 5, keys: 4 } as const;
/** Where new addresses fail so often a day, one more is no news of anybody: cloud functions, scanners. */
const USUAL = 4;
/** Nothing is known of an account at first: a pair in twenty minutes, believed as much as ten. */
const PRIOR: Prior = { failures: 0.5, bins: 10, dispersion: 1.5 };
/** Minutes of which nothing is learnt: until each key is known, those where new addresses always fail are counted too. */
const FIRST_DAY = 1_440;
const LET_IN = 30 * MINUTE;

type Pair = {
  readonly ip: string;
  readonly keyId: string;
  readonly at: number;
  readonly country: string | null;
  readonly requestId: string | null;
  entered: boolean;
};

/**
 * All keys together: one attack that is spread over many of them, and over many addresses, so that none sees more than a
 * failure or two. What is counted is pairs of an address and a key that fail for the first time, from addresses without
 * an earlier success on that key, where new addresses hardly ever fail; judged as a key's failures are. Nothing is
 * learnt of the first day. Beside it, single addresses that try many keys.
 *
 * Keeps 300 pairs, one baseline and its bins.
 */
export class Fleet {
  readonly #episodes: Episodes;
  readonly #trials: Trials;
  #pairs: Pair[];
  /** Of the pairs; null: to be made anew. */
  #addresses: Set<string> | null = null;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json | undefined) {
    const [episodes, trials, pairs] = stored === undefined ? [] : list(stored);
    this.#episodes = episodes === undefined ? Episodes.begin([PRIOR, PRIORS[1]]) : Episodes.load(episodes);
    this.#trials = new Trials(trials);
    this.#pairs = list(pairs ?? []).map(loadPair);
  }

  save(): Json {
    return [
      this.#episodes.save(),
      this.#trials.save(),
      this.#pairs.map(({ ip, keyId, at, country, requestId, entered }) => [
        ip,
        keyId,
        at,
        country,
        requestId,
        entered ? 1 : 0,
      ]),
    ];
  }

  /** A failure from an address without an earlier success on its key. */
  failed(sight: Sight, { first, usual }: Failed, watched: Watched): void {
    const { event, at, geo } = sight;
    if (event.keyId !== null) this.#trials.failed(sight, event.keyId);
    const keyId = event.keyId ?? '';
    if (!first || usual > USUAL || this.#speaksForAll(event.ip, keyId, at)) return;
    this.#pairs.push({
      ip: event.ip,
      keyId,
      at,
      country: geo?.country ?? null,
      requestId: event.requestId === null ? null : clip(event.requestId),
      entered: false,
    });
    if (this.#pairs.length > PAIRS) this.#pairs.shift();
    this.#addresses = null;
    this.#episodes.add(at, 1, sight.clock.settled, {
      ...watched,
      since: watched.since + FIRST_DAY,
      stream: 0,
      enough: (test, minute) => this.#isSpread((minute - widthOf(test) + 1) * MINUTE, (minute + 1) * MINUTE),
    });
  }

  /** A key was accepted from an address: news where that one takes part, or tries many keys. */
  accepted(ip: string): void {
    this.#trials.accepted(ip);
    if (this.#episodes.open.length === 0) return;
    this.#addresses ??= new Set(this.#pairs.map((pair) => pair.ip));
    if (this.#addresses.has(ip)) this.#episodes.changed = true;
  }

  #speaksForAll(ip: string, keyId: string, at: number): boolean {
    let [address, key] = [0, 0];
    for (const pair of this.#pairs) {
      if (Math.abs(pair.at - at) >= 60 * MINUTE) continue;
      if (pair.ip === ip) address += 1;
      if (pair.keyId === keyId) key += 1;
    }
    return address >= SHARE || key >= SHARE;
  }

  #isSpread(from: number, until: number): boolean {
    const pairs = this.#pairs.filter(({ at }) => at >= from && at < until);
    return (
      new Set(pairs.map(({ ip }) => ip)).size >= LEAST.addresses &&
      new Set(pairs.map(({ keyId }) => keyId)).size >= LEAST.keys
    );
  }

  /**
   * What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. `afresh`: there is
   * news of single keys, which may be no more than what the attack on all does to them.
   */
  tell(settled: number, known: Known, { off, afresh }: { off: boolean; afresh: boolean }): Finding[] {
    return [
      ...this.#trials.tell(settled, known, off),
      ...this.#episodes.tell(settled, off, {
        afresh,
        isInside: (_, measure) => this.#enter(measure, known),
        describe: (episode, measure) => this.#describe(episode, measure, known),
      }),
    ];
  }

  #during({ firstAt, lastAt }: Measure): Pair[] {
    return this.#pairs.filter(({ at }) => at >= firstAt && at < lastAt + 1_000);
  }

  /** Takes note of the pairs that got in, as long as their keys are at hand; whether there is any. */
  #enter(measure: Measure, { habits }: Known): boolean {
    const pairs = this.#during(measure);
    for (const pair of pairs) {
      const success = habits.of(pair.keyId)?.sources.get(pair.ip)?.first;
      if (success !== undefined && success > pair.at && success < measure.lastAt + LET_IN)
        pair.entered = true;
    }
    return pairs.some(({ entered }) => entered);
  }

  #describe(episode: Episode, measure: Measure, { directory }: Known): Finding {
    const { firstAt, lastAt, count, critical } = measure;
    const pairs = this.#during(measure);
    const ips = ranked(pairs.map(({ ip }) => ip));
    const keys = ranked(pairs.map(({ keyId }) => keyId)).filter((keyId) => keyId !== '');
    const countries = ranked(pairs.flatMap(({ country }) => country ?? []));
    const entered = pairs.filter((pair) => pair.entered);
    const gotIn = ranked(entered.map(({ ip, keyId }) => `${ip} with ${keyId}`));
    const usual = habitOf(this.#episodes.perDay);
    const target = `on ${keys.length} keys`;
    return {
      kind: 'auth-failure-spike',
      severity: critical || gotIn.length > 0 ? 'critical' : 'warning',
      condition: 'fleet',
      at: episode.decidedAt,
      keyId: null,
      credential: null,
      ips: ips.slice(0, 100),
      firstEventAt: firstAt,
      lastEventAt: lastAt,
      title: `${count} new sources refused ${target} in ${lengthOf(lastAt - firstAt)}: ${sourcesPhrase(ips.slice(0, 100), countries)}${gotIn.length > 0 ? `; ${gotInPhrase(gotIn)}` : ''}; usual: ${usual}`,
      summary: `Since ${formatTime(firstAt)} logins were refused ${target} from ${ips.length} addresses that were never accepted there; usual is ${usual}.${gotIn.length > 0 ? ` After failing were let in: ${gotIn.join(', ')}.` : ''}`,
      action:
        gotIn.length > 0
          ? actionOn(ranked(entered.map(({ keyId }) => keyId)), directory)
          : 'Somebody may be trying keys from many addresses: have them blocked at the provider, unless they are yours.',
      evidence: {
        keyId: null,
        count,
        window: windowOf(episode.test),
        expected: Number(episode.expected.toPrecision(2)),
        usual,
        ips: ips.slice(0, 100),
        ...filled({
          keys: keys.slice(0, 10),
          sources: ips.slice(0, 10).map((ip) => {
            const of = pairs.filter((pair) => pair.ip === ip);
            return sourceLine(ip, of[0]?.country ?? null, of.length);
          }),
          countries,
          requestIds: pairs.flatMap(({ requestId }) => requestId ?? []).slice(-10),
          gotIn,
        }),
        ...courseOf(measure),
      },
    };
  }
}

/** Each once, the most frequent first. */
function ranked(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([name]) => name);
}

function loadPair(stored: Json): Pair {
  const [ip, keyId, at, country, requestId, entered] = list(stored);
  return {
    ip: text(ip),
    keyId: text(keyId),
    at: number(at),
    country: textOrNull(country ?? null),
    requestId: textOrNull(requestId ?? null),
    entered: entered === 1,
  };
}
