import { type Finding, MINUTE, type Signal, type WatchPart } from '../../model/index.ts';
import { endOfReport, type Found, KIND, pressing, reportOf } from './backfill-report.ts';

/** So many episodes are kept with what is known of them; a further one is told by itself. */
const MOST = 200;
/** Nothing is kept longer, also where the log fails half-way, or has no end. */
const LONGEST = 15 * MINUTE;
/** More than so many are told together. */
const FEW = 3;
/** But for so many of those that no habit excuses. */
const ALONE = 5;

const NAME = 'backfill';

type Page = {
  readonly monitor: string;
  readonly now: number;
  /** The log has been read to its end. */
  readonly isEnd: boolean;
};

/** What is told now. */
type Told = { readonly findings: readonly Finding[]; readonly signals: readonly Signal[] };

/** As it is stored. An earlier build knew the first two only. */
type Stored = readonly [
  open: readonly Finding[],
  over: readonly Finding[],
  since?: number | null,
  told?: readonly string[],
  reported?: readonly string[] | null,
];

/**
 * What the first reading of a log finds beyond habit, while no habit is known: every key that is refused more often than a
 * new one may be would be told by itself, of hours that are long past. So that is one alert, once the log has been read to
 * its end, but for a few, and for a few of those in which a source got in or that go on and are critical: they are told by
 * themselves then. One that goes on is told by itself when it grows, as ever. What other detectors see is told at once.
 *
 * It stands among the parts of what the watch remembers, until the log has been read to its end and none of those that
 * were told together goes on.
 */
export class Backfill {
  /** Those that go on, by their conditions. */
  readonly #open = new Map<string, Finding>();
  readonly #over: Finding[] = [];
  /** Since when something is kept. */
  #since: number | null = null;
  /** Those that go on and were told by themselves: so is what becomes of them. */
  readonly #told = new Set<string>();
  /** Those of the report that go on; null: nothing was told together yet. */
  #reported: Set<string> | null = null;
  #isOver = false;
  #changed = true;

  /** The part, if there is one. What is damaged begins anew. */
  static among(parts: readonly WatchPart[]): Backfill | null {
    const body = parts.find(([name]) => name === NAME)?.[1];
    return body === undefined ? null : Backfill.#read(body);
  }

  static #read(body: string): Backfill {
    const backfill = new Backfill();
    try {
      const [open, over, since = null, told = [], reported = null] = JSON.parse(body) as Stored;
      for (const finding of open) backfill.#open.set(finding.condition, finding);
      backfill.#over.push(...over);
      backfill.#since = since;
      for (const condition of told) backfill.#told.add(condition);
      backfill.#reported = reported === null ? null : new Set(reported);
      backfill.#changed = false;
      return backfill;
    } catch {
      return new Backfill();
    }
  }

  /** Whether a part is its own, and not the watch's. */
  static is([name]: WatchPart): boolean {
    return name === NAME;
  }

  /** Whether nothing is left to be told. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is to be written since the last call. */
  changes(): { readonly put: readonly WatchPart[]; readonly drop: readonly string[] } {
    if (this.#isOver) return { put: [], drop: [NAME] };
    if (!this.#changed) return { put: [], drop: [] };
    this.#changed = false;
    const stored: Stored = [
      [...this.#open.values()],
      this.#over,
      this.#since,
      [...this.#told],
      this.#reported && [...this.#reported],
    ];
    return { put: [[NAME, JSON.stringify(stored)]], drop: [] };
  }

  /** Keeps what is not to be told yet, and gives the rest; once that is due, all of it. */
  take(findings: readonly Finding[], page: Page): Told {
    if (this.#reported !== null) return { findings, signals: this.#follow(this.#reported, findings, page) };
    const told = findings.filter((finding) => !this.#keep(finding));
    if (this.#open.size + this.#over.length > 0) this.#since ??= page.now;
    if (!page.isEnd && !this.#isLate(page.now)) return { findings: told, signals: [] };
    const { findings: kept, signals } = this.#end(page);
    return { findings: [...told, ...kept], signals };
  }

  /** A clock that was set back shortens it. */
  #isLate(now: number): boolean {
    return this.#since !== null && Math.abs(now - this.#since) >= LONGEST;
  }

  #keep(finding: Finding): boolean {
    const { kind, condition, ended = false, also = [] } = finding;
    if (kind !== KIND) return false;
    if (this.#told.has(condition)) {
      if (ended) this.#told.delete(condition);
      this.#changed ||= ended;
      return false;
    }
    const known = this.#open.get(condition);
    if (this.#open.delete(condition)) this.#changed = true;
    if (ended) {
      if (known !== undefined) this.#over.push(known);
      return known !== undefined;
    }
    this.#changed = true;
    const room = this.#open.size + this.#over.length < MOST;
    // What bears a breach for another detector is told.
    if (!room || also.some((other) => other.kind !== KIND)) {
      this.#told.add(condition);
      return false;
    }
    this.#open.set(condition, finding);
    return true;
  }

  #end({ monitor, now }: Page): Told {
    const all = { open: [...this.#open.values()], over: this.#over };
    const isFew = all.open.length + all.over.length <= FEW;
    const alone = isFew ? [...all.open, ...all.over] : pressing(all).slice(0, ALONE);
    const rest = without(all, alone);
    const apart = without(all, [...rest.open, ...rest.over]);
    const ended = apart.over.flatMap((finding) => [finding, { ...finding, ended: true }]);
    this.#reported = new Set(rest.open.map(({ condition }) => condition));
    this.#isOver = this.#reported.size === 0;
    this.#open.clear();
    this.#over.length = 0;
    this.#told.clear();
    this.#changed = true;
    const isAll = rest.open.length + rest.over.length === 0;
    return {
      findings: [...ended, ...apart.open],
      signals: isAll ? [] : [reportOf(rest, { monitor, now, alone: alone.length })],
    };
  }

  /** The report ends with the last of its episodes, or when that has an alert of its own. */
  #follow(reported: Set<string>, findings: readonly Finding[], { monitor, now }: Page): Signal[] {
    for (const { kind, condition } of findings)
      if (kind === KIND && reported.delete(condition)) this.#changed = true;
    this.#isOver = reported.size === 0;
    return this.#isOver ? [endOfReport(monitor, now)] : [];
  }
}

function without({ open, over }: Found, others: readonly Finding[]): Found {
  return {
    open: open.filter((finding) => !others.includes(finding)),
    over: over.filter((finding) => !others.includes(finding)),
  };
}
