import {
  type AlertKind,
  type Finding,
  formatDuration,
  type Raise,
  type WatchPart,
} from '../../model/index.ts';

/** The one kind that judges by habit alone, of which nothing is known at the first start. */
const KIND: AlertKind = 'auth-failure-spike';

/** So many episodes are kept with what is known of them; a further one is told by itself. */
const MOST = 200;
/** More than so many are told together. */
const FEW = 3;
/** Of those so many are shown, and so many addresses. */
const SHOWN = 10;
const ADDRESSES = 100;

const NAME = 'backfill';

/**
 * What the first reading of a log finds beyond habit, while no habit is known: every key that is refused more often than a
 * new one may be would be told by itself, of hours that are long past. So that is one alert, once the log has been read to
 * its end, but for a few, which are told by themselves then. One that goes on is told by itself when it grows, as ever.
 * What other detectors see is told at once.
 *
 * It stands among the parts of what the watch remembers, and is there until the log has been read to its end.
 */
export class Backfill {
  /** Those that go on, by their conditions. */
  readonly #open = new Map<string, Finding>();
  readonly #over: Finding[] = [];
  #changed = true;

  /** The part, if there is one. What is damaged begins anew. */
  static among(parts: readonly WatchPart[]): Backfill | null {
    const body = parts.find(([name]) => name === NAME)?.[1];
    return body === undefined ? null : Backfill.#read(body);
  }

  static #read(body: string): Backfill {
    const backfill = new Backfill();
    try {
      const [open, over] = JSON.parse(body) as readonly [readonly Finding[], readonly Finding[]];
      for (const finding of open) backfill.#open.set(finding.condition, finding);
      backfill.#over.push(...over);
      backfill.#changed = false;
      return backfill;
    } catch {
      return new Backfill();
    }
  }

  /** Without the part, for the watch. */
  static apart(parts: readonly WatchPart[]): readonly WatchPart[] {
    return parts.filter(([name]) => name !== NAME);
  }

  /** What is to be written since the last call. */
  changes(): readonly WatchPart[] {
    if (!this.#changed) return [];
    this.#changed = false;
    return [[NAME, JSON.stringify([[...this.#open.values()], this.#over])]];
  }

  /** What is to be deleted once it has ended. */
  static readonly gone = [NAME] as const;

  /** Keeps what is not to be told yet, and gives the rest. */
  take(findings: readonly Finding[]): Finding[] {
    return findings.filter((finding) => !this.#keep(finding));
  }

  #keep(finding: Finding): boolean {
    const { kind, condition, ended = false, also = [] } = finding;
    if (kind !== KIND) return false;
    const known = this.#open.get(condition);
    if (this.#open.delete(condition)) this.#changed = true;
    if (ended) {
      if (known !== undefined) this.#over.push(known);
      return known !== undefined;
    }
    const room = this.#open.size + this.#over.length < MOST;
    // What bears a breach for another detector is told.
    if (!room || also.some((other) => other.kind !== KIND)) return false;
    this.#open.set(condition, finding);
    this.#changed = true;
    return true;
  }

  /** The log has been read to its end: what is told now. */
  end(
    monitor: string,
    now: number,
  ): { readonly findings: readonly Finding[]; readonly report: Raise | null } {
    const open = [...this.#open.values()];
    const over = this.#over;
    if (open.length + over.length > FEW)
      return { findings: [], report: reportOf({ open, over }, monitor, now) };
    const ended = over.flatMap((finding) => [finding, { ...finding, ended: true }]);
    return { findings: [...ended, ...open], report: null };
  }
}

type Found = { readonly open: readonly Finding[]; readonly over: readonly Finding[] };

function reportOf({ open, over }: Found, monitor: string, now: number): Raise {
  const all = [...open, ...over];
  const gotIn = all.filter(({ evidence }) => evidence.gotIn !== undefined);
  const graver = [...new Set([...gotIn, ...all])];
  const keys = [...new Set(all.flatMap(({ keyId }) => keyId ?? []))];
  const from = Math.min(...all.map(({ firstEventAt }) => firstEventAt));
  const since = formatDuration(now - from);
  return {
    type: 'raise',
    kind: KIND,
    severity: 'warning',
    monitor,
    condition: 'backfill',
    at: now,
    title: `${all.length} bursts of refused logins on ${keys.length} keys in the ${since} before ${monitor} was first read; in ${gotIn.length} a source got in, ${open.length} go on`,
    summary:
      'What is usual was not known yet. Most of them will be habit, and for that they are told together; one that goes on and grows is told by itself.',
    action:
      'Look at those in which a source got in: a key whose token expires looks like that, and so does guessing that succeeded. `keywarden backtest` over the log of that time tells each by itself.',
    deadline: null,
    evidence: {
      bursts: graver.slice(0, SHOWN).map(({ title }) => title),
      count: all.length,
      keys: keys.slice(0, ADDRESSES),
      ips: [...new Set(graver.flatMap(({ ips }) => ips))].slice(0, ADDRESSES),
    },
    transient: true,
  };
}
