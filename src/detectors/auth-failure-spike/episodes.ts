import { type Finding, MINUTE, type Why } from '../../model/index.ts';
import { loadTold, saveTold, type Told } from '../evidence.ts';
import { type Json, list, number } from '../stored.ts';
import { type Bin, minuteOf, reachOf, widthOf } from './bins.ts';
import { Failures, type Judgement, type Shot } from './failures.ts';
import type { Lesson, Priors } from './prior.ts';

/** Refused logins in five minutes that make a spike critical. */
const CRITICAL = 20;

/** A run of bins that fire, each within the reach of the one before. What its bins say is added up when it is told. */
export type Episode = {
  first: number;
  last: number;
  /** The streams that fire in it: 1, 2, or 3 for both. */
  streams: number;
  readonly decidedAt: number;
  readonly test: number;
  readonly expected: number;
  /** Of bins already learnt and dropped: the first and the last failure's time, their number, whether they were critical. */
  begunAt: number;
  doneAt: number;
  dropped: number;
  critical: boolean;
  told: Told | null;
  /** How it was decided; not kept, since it is told at once. */
  why: Why | null;
  /** What its bins say as they stand; null: to be added up anew. Not kept. */
  measured: Measure | null;
};

export type Measure = {
  readonly firstAt: number;
  readonly lastAt: number;
  readonly count: number;
  readonly critical: boolean;
  /** Failures a bin, from the first to the last. */
  readonly counts: readonly number[];
};

/** How the owner of episodes tells of one. It is described only where there is something to tell. */
export type Teller = {
  /** Whether a source that failed in it got in. */
  readonly isInside: (episode: Episode, measure: Measure) => boolean;
  readonly describe: (episode: Episode, measure: Measure) => Finding;
  /** Whether what was told is told again as it stands now, though it is hardly more. */
  readonly afresh?: boolean;
};

/** The failures of one key, or of all keys together, and the episodes among them. */
export class Episodes {
  readonly #failures: Failures;
  #open: Episode[];
  /** Whether something came since this was last set to false that may change what there is to tell. */
  changed = true;

  constructor(failures: Failures, open: Episode[] = []) {
    this.#failures = failures;
    this.#open = open;
  }

  static begin(priors?: Priors): Episodes {
    return new Episodes(new Failures(priors));
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Episodes {
    const [failures, open] = list(stored);
    return new Episodes(Failures.load(failures), list(open).map(load));
  }

  save(): Json {
    return [this.#failures.save(), this.#open.map(save)];
  }

  /** Failures a day as usual. */
  get perDay(): number {
    return this.#failures.perDay;
  }

  get open(): readonly Episode[] {
    return this.#open;
  }

  /** Whether any may become critical yet, but for its failures. */
  get mayRise(): boolean {
    return this.#open.some(({ told }) => told?.critical !== true);
  }

  /** What was learnt of each stream since this was last asked. */
  lesson(): readonly [Lesson, Lesson] {
    return this.#failures.lesson();
  }

  /** Failures of a stream that are usual in a day, as they were known at that time. */
  usual(at: number, judgement: Judgement): number {
    return this.#failures.usual(minuteOf(at), judgement);
  }

  /** Takes in failures of one time, now that everything before `settled` has arrived. */
  add(at: number, count: number, settled: number, judgement: Judgement): void {
    this.#failures.settle(minuteOf(settled), judgement, (bins) => this.#leaving(bins));
    for (const shot of this.#failures.add(at, count, judgement)) this.#join(shot, at, judgement);
    for (const episode of this.#open) episode.measured = null;
    this.changed = true;
  }

  #join({ minute, stream, test, expected }: Shot, at: number, judgement: Judgement): void {
    const near = this.#open.filter(
      ({ first, last }) =>
        minute + reachOf(this.#failures.at(minute)) >= first &&
        minute <= last + reachOf(this.#failures.at(last)),
    );
    const [head, ...rest] = near;
    if (head === undefined) {
      this.#open.push({
        first: minute,
        last: minute,
        streams: 1 << stream,
        decidedAt: at,
        test,
        expected,
        begunAt: Number.POSITIVE_INFINITY,
        doneAt: 0,
        dropped: 0,
        critical: false,
        told: null,
        why: this.#failures.why(minute, judgement),
        measured: null,
      });
      this.#open.sort((a, b) => a.first - b.first);
      return;
    }
    head.first = Math.min(head.first, minute, ...rest.map(({ first }) => first));
    head.last = Math.max(head.last, minute, ...rest.map(({ last }) => last));
    head.streams |= 1 << stream;
    for (const other of rest) {
      head.streams |= other.streams;
      head.begunAt = Math.min(head.begunAt, other.begunAt);
      head.doneAt = Math.max(head.doneAt, other.doneAt);
      head.dropped += other.dropped;
      head.critical ||= other.critical;
      head.told ??= other.told;
    }
    this.#open = this.#open.filter((episode) => !rest.includes(episode));
  }

  /** Bins leave for good: what they say of an episode is kept in it. */
  #leaving(bins: readonly Bin[]): void {
    const end = bins.at(-1)?.minute ?? 0;
    for (const episode of this.#open) {
      if (episode.first > end) continue;
      const { firstAt, critical } = this.measure(episode);
      const from = minuteOf(firstAt);
      episode.begunAt = firstAt;
      episode.critical = critical;
      for (const bin of bins) {
        const failures = failuresIn(bin, episode);
        if (failures === 0 || bin.minute < from || bin.minute > episode.last) continue;
        episode.dropped += failures;
        episode.doneAt = Math.max(episode.doneAt, bin.to);
      }
    }
  }

  measure(episode: Episode): Measure {
    const { bins } = this.#failures;
    // It began with the first failure that any of its bins that fire looks back at.
    let from = Math.min(minuteOf(episode.begunAt), episode.first);
    for (const { minute, fired, fires } of bins) {
      if (!fired || minute < episode.first || minute > episode.last) continue;
      from = Math.min(from, minute - widthOf(Math.max(fires[0], fires[1]) - 1) + 1);
    }
    const part = bins.filter(
      (bin) => bin.minute >= from && bin.minute <= episode.last && failuresIn(bin, episode) > 0,
    );
    return {
      firstAt: Math.min(episode.begunAt, ...part.slice(0, 1).map((bin) => bin.from)),
      lastAt: Math.max(episode.doneAt, ...part.slice(-1).map((bin) => bin.to)),
      count: part.reduce((sum, bin) => sum + failuresIn(bin, episode), episode.dropped),
      critical: episode.critical || busiest(part, episode) >= CRITICAL,
      // Asked for where it is told, and that is seldom.
      get counts() {
        return countsOf(part, episode);
      },
    };
  }

  /** Whether nothing that is still to come can belong to it. */
  over(episode: Episode, settled: number): boolean {
    return settled >= (episode.last + reachOf(this.#failures.at(episode.last)) + 1) * MINUTE;
  }

  /** The first of the open ones is done with. */
  shift(): void {
    this.#open.shift();
  }

  /** What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. */
  tell(settled: number, off: boolean, { isInside, describe, afresh = false }: Teller): Finding[] {
    const findings: Finding[] = [];
    for (let [episode] = this.#open; episode !== undefined; [episode] = this.#open) {
      const over = off || this.over(episode, settled);
      if (!(this.changed || over || afresh) && episode.told !== null) break;
      episode.measured ??= this.measure(episode);
      const measure = episode.measured;
      const told = toldOf(measure, isInside(episode, measure));
      if (!off && (isNews(episode.told, told) || (afresh && told.count > (episode.told?.count ?? 0)))) {
        const finding = describe(episode, measure);
        const why = episode.told === null ? episode.why : null;
        findings.push(why === null ? finding : { ...finding, why });
        episode.told = told;
      }
      if (!over) break;
      if (episode.told !== null) findings.push(endOf(describe(episode, measure)));
      this.shift();
    }
    this.changed = false;
    return findings;
  }
}

/** The end of what was told. */
export function endOf(finding: Finding): Finding {
  return { ...finding, at: finding.lastEventAt, ended: true };
}

function toldOf({ lastAt, count, critical }: Measure, inside: boolean): Told {
  return { at: lastAt, count, critical: critical || inside };
}

/** Whether this is worth another telling: twice as much, or critical by now. */
export function isNews(before: Told | null, { count, critical }: Told): boolean {
  return before === null || count >= 2 * before.count || (critical && !before.critical);
}

/** The failures of each minute, from the first bin's to the last one's. */
function countsOf(bins: readonly Bin[], episode: Episode): readonly number[] {
  const counts: number[] = [];
  for (const bin of bins) counts[bin.minute - (bins[0]?.minute ?? 0)] = failuresIn(bin, episode);
  return Array.from(counts, (count) => count ?? 0);
}

/** The failures of a bin in the streams that fire. */
function failuresIn({ counts }: Bin, { streams }: Episode): number {
  return ((streams & 1) === 0 ? 0 : counts[0]) + ((streams & 2) === 0 ? 0 : counts[1]);
}

/** The most failures within five minutes. */
function busiest(bins: readonly Bin[], episode: Episode): number {
  let most = 0;
  let sum = 0;
  let tail = 0;
  for (const bin of bins) {
    sum += failuresIn(bin, episode);
    for (let old = bins[tail]; old !== undefined && old.minute <= bin.minute - 5; old = bins[tail]) {
      sum -= failuresIn(old, episode);
      tail += 1;
    }
    most = Math.max(most, sum);
  }
  return most;
}

function save(episode: Episode): Json {
  return [
    episode.first,
    episode.last,
    episode.streams,
    episode.decidedAt,
    episode.test,
    episode.expected,
    Number.isFinite(episode.begunAt) ? episode.begunAt : null,
    episode.doneAt,
    episode.dropped,
    episode.critical ? 1 : 0,
    saveTold(episode.told),
  ];
}

function load(stored: Json): Episode {
  const [first, last, streams, decidedAt, test, expected, begunAt, doneAt, dropped, critical, told] =
    list(stored);
  return {
    first: number(first),
    last: number(last),
    streams: number(streams),
    decidedAt: number(decidedAt),
    test: number(test),
    expected: number(expected),
    begunAt: begunAt === null ? Number.POSITIVE_INFINITY : number(begunAt),
    doneAt: number(doneAt),
    dropped: number(dropped),
    critical: critical === 1,
    told: loadTold(told),
    why: null,
    measured: null,
  };
}
