import { type Finding, formatTime, MINUTE } from '../../model/index.ts';
import { clip, loadTold, saveTold, sourceLine, sourcesPhrase, type Told } from '../evidence.ts';
import type { Habits } from '../habits.ts';
import { Pace } from '../pace.ts';
import type { Directory } from '../places.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, number, text, textOrNull } from '../stored.ts';
import { endOf, isNews } from './episodes.ts';
import { actionOn, filled, lengthOf } from './words.ts';

/** Keys that one new address tries before it is a case, however slowly. */
const KEYS = 8;
/** Keys kept of one address. */
const NAMES = 32;
const ADDRESSES = 300;
/** An address that is quiet for so long begins anew. */
const FORGET = 720 * MINUTE;
/** A case is over after so long without a failure: who tries minutes apart pauses longer. */
const QUIET = 240 * MINUTE;
/** Failures in five minutes that make it critical. */
const CRITICAL = 20;
const FIVE = 5 * MINUTE;

/** The keys at hand, and whose they are. */
export type Known = { readonly habits: Habits; readonly directory: Directory };

type Trial = {
  readonly ip: string;
  readonly country: string | null;
  first: number;
  last: number;
  count: number;
  /** Each key with the time of its first failure. */
  readonly keys: Map<string, number>;
  /** The time of the failure that was one too many; null: it is no case yet. */
  decidedAt: number | null;
  /** Failures of each five minutes, the latest three. */
  recent: (readonly [five: number, count: number])[];
  critical: boolean;
  readonly gotIn: Set<string>;
  requestIds: string[];
  pace: Pace;
  told: Told | null;
  /** Whether something came that may change what there is to tell. */
  changed: boolean;
};

/**
 * One address that fails with many keys: at least 8 on which it never succeeded, minutes apart or all at once. Each of
 * the keys may see a failure or two only. Keeps the 300 addresses that failed last, 32 keys of each.
 */
export class Trials {
  readonly #trials = new Map<string, Trial>();
  /** The addresses that are a case. */
  readonly #cases = new Map<string, Trial>();
  /** Cases for which there is no room any more, since they were last told. */
  #displaced: Trial[] = [];

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json | undefined) {
    for (const entry of list(stored ?? [])) {
      const trial = load(entry);
      this.#trials.set(trial.ip, trial);
      if (trial.decidedAt !== null) this.#cases.set(trial.ip, trial);
    }
  }

  save(): Json {
    return Array.from(this.#trials.values(), save);
  }

  /** A key failed from an address that it was never accepted from. */
  failed({ event, at, geo }: Sight, keyId: string): void {
    const known = this.#trials.get(event.ip);
    const gone = known !== undefined && known.decidedAt === null && known.last <= at - FORGET;
    const trial = known === undefined || gone ? this.#meet(event.ip, at, geo?.country ?? null) : known;
    trial.count += 1;
    trial.first = Math.min(trial.first, at);
    trial.last = Math.max(trial.last, at);
    const since = trial.keys.get(keyId);
    if (since !== undefined || trial.keys.size < NAMES) trial.keys.set(keyId, Math.min(since ?? at, at));
    if (trial.decidedAt === null && trial.keys.size >= KEYS) {
      trial.decidedAt = at;
      this.#cases.set(trial.ip, trial);
    }
    trial.changed = true;
    trial.pace.add(at);
    rush(trial, at);
    if (event.requestId === null || trial.keys.size < 2) return;
    trial.requestIds.push(clip(event.requestId));
    if (trial.requestIds.length > 10) trial.requestIds.shift();
  }

  #meet(ip: string, at: number, country: string | null): Trial {
    if (this.#trials.size >= ADDRESSES) this.#makeRoom();
    const trial: Trial = {
      ip,
      country,
      first: at,
      last: at,
      count: 0,
      keys: new Map(),
      decidedAt: null,
      recent: [],
      critical: false,
      gotIn: new Set(),
      requestIds: [],
      pace: new Pace(),
      told: null,
      changed: true,
    };
    this.#trials.set(ip, trial);
    return trial;
  }

  /** The one that failed longest ago goes; a case only where all are. */
  #makeRoom(): void {
    const quiet = [...this.#trials.values()].filter(({ decidedAt }) => decidedAt === null);
    const oldest = (quiet.length > 0 ? quiet : [...this.#trials.values()]).reduce((found, trial) =>
      trial.last < found.last ? trial : found,
    );
    this.#forget(oldest);
    if (oldest.told !== null) this.#displaced.push(oldest);
  }

  #forget({ ip }: Trial): void {
    this.#trials.delete(ip);
    this.#cases.delete(ip);
  }

  /** A key was accepted from an address: news where that one is a case. */
  accepted(ip: string): void {
    const trial = this.#cases.get(ip);
    if (trial !== undefined) trial.changed = true;
  }

  /** What there is to tell, now that everything before `settled` has arrived; `off` ends what is open. */
  tell(settled: number, { habits, directory }: Known, off: boolean): Finding[] {
    const findings = this.#displaced.map((trial) => endOf(describe(trial, directory)));
    this.#displaced = [];
    for (const trial of this.#cases.values()) {
      const over = off || settled >= trial.last + QUIET;
      if (!(trial.changed || over)) continue;
      trial.changed = false;
      for (const [keyId, since] of trial.keys) {
        const success = habits.of(keyId)?.sources.get(trial.ip)?.first;
        if (success !== undefined && success > since) trial.gotIn.add(keyId);
      }
      const told = { at: trial.last, count: trial.count, critical: isCritical(trial) };
      if (!off && isNews(trial.told, told)) {
        findings.push(describe(trial, directory));
        trial.told = told;
      }
      if (!over) continue;
      if (trial.told !== null) findings.push(endOf(describe(trial, directory)));
      this.#forget(trial);
    }
    return findings;
  }
}

/** Counts by five minutes as they stand on the clock, with those before and after, so that the order does not show. */
function rush(trial: Trial, at: number): void {
  const five = Math.floor(at / FIVE);
  const count = (trial.recent.find(([known]) => known === five)?.[1] ?? 0) + 1;
  const others = trial.recent.filter(([known]) => known !== five);
  trial.recent = [...others, [five, count] as const].sort(([a], [b]) => a - b).slice(-3);
  if (count >= CRITICAL) trial.critical = true;
}

function isCritical({ critical, gotIn }: Trial): boolean {
  return critical || gotIn.size > 0;
}

function describe(trial: Trial, directory: Directory): Finding {
  const { ip, country, first, last, count, requestIds } = trial;
  const keys = [...trial.keys.keys()].sort();
  const gotIn = [...trial.gotIn].sort();
  const number = `${keys.length}${keys.length >= NAMES ? ' or more' : ''}`;
  const from = sourcesPhrase([ip], country === null ? [] : [country]);
  return {
    kind: 'auth-failure-spike',
    severity: isCritical(trial) ? 'critical' : 'warning',
    condition: `source ${ip}`,
    at: trial.decidedAt ?? first,
    keyId: null,
    credential: null,
    ips: [ip],
    firstEventAt: first,
    lastEventAt: last,
    title: `${count} refused logins on ${number} keys in ${lengthOf(last - first)} from ${from}${gotIn.length > 0 ? `; it got in with ${gotIn[0]}${gotIn.length > 1 ? ` and ${gotIn.length - 1} more` : ''}` : ''}; usual: none`,
    summary: `Since ${formatTime(first)} ${ip} has tried ${number} keys with none of which it was ever accepted.${gotIn.length > 0 ? ` After failing it was let in with ${gotIn.join(', ')}.` : ''}`,
    action:
      gotIn.length > 0
        ? actionOn(gotIn, directory)
        : 'Have the address blocked at the provider, unless it is yours: then an application there has wrong keys.',
    evidence: {
      keyId: null,
      count,
      usual: 'none',
      ips: [ip],
      sources: [sourceLine(ip, country, count)],
      ...filled({
        keys: keys.slice(0, 10),
        countries: country === null ? [] : [country],
        requestIds: [...requestIds],
        gotIn,
      }),
      first: formatTime(first),
      last: formatTime(last),
      pace: trial.pace.line,
    },
  };
}

function save(trial: Trial): Json {
  const {
    ip,
    country,
    first,
    last,
    count,
    keys,
    decidedAt,
    recent,
    critical,
    gotIn,
    requestIds,
    pace,
    told,
  } = trial;
  return [
    [ip, country, first, last, count, decidedAt, critical ? 1 : 0],
    Array.from(keys, ([keyId, at]) => [keyId, at - first]),
    recent,
    [...gotIn],
    requestIds,
    pace.save(),
    saveTold(told),
  ];
}

function load(stored: Json): Trial {
  const [facts, keys, recent, gotIn, requestIds, pace, told] = list(stored);
  const [ip, country, first, last, count, decidedAt, critical] = list(facts);
  const begun = number(first);
  return {
    ip: text(ip),
    country: textOrNull(country ?? null),
    first: begun,
    last: number(last),
    count: number(count),
    keys: new Map(
      list(keys).map((entry) => {
        const [keyId, after] = list(entry);
        return [text(keyId), begun + number(after)];
      }),
    ),
    decidedAt: decidedAt === null ? null : number(decidedAt),
    recent: list(recent).map((entry) => {
      const [five, failures] = list(entry);
      return [number(five), number(failures)] as const;
    }),
    critical: critical === 1,
    gotIn: new Set(list(gotIn).map(text)),
    requestIds: list(requestIds).map(text),
    pace: Pace.load(pace),
    told: loadTold(told),
    changed: true,
  };
}
