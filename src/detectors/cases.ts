import type { Finding } from '../model/index.ts';
import { Evidence, loadTold, saveTold, type Told } from './evidence.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, text, textOrNull } from './stored.ts';

/** Calls of one condition that belong together: none is further than the quiet time from the next. */
export type Case = {
  readonly condition: string;
  readonly keyId: string | null;
  readonly credential: string | null;
  firstAt: number;
  lastAt: number;
  /** The time of the event that opened it; of the first critical one where a case has to be worth the telling. */
  decidedAt: number;
  count: number;
  critical: boolean;
  readonly evidence: Evidence;
  told: Told | null;
};

export type CasesOptions = {
  /** A case ends after this long without a further call, ms. Infinity: it does not end by itself. */
  readonly quiet: number;
  /** What goes on for longer is ended and begins anew as another case, ms. Absent: it goes on as one. */
  readonly longest?: number;
  /** Whether what came since the last telling is worth another one; a rise to critical always is. */
  readonly news: (found: Case, told: Told) => boolean;
  /** Whether a case that was never told is worth it by now; one that never is ends unsaid. Absent: every one is. */
  readonly worth?: (found: Case) => boolean;
  /** The finding for a case as it stands now. */
  readonly describe: (found: Case) => Finding;
};

/** A case has news when it has doubled: the alert stays true, and a flood tells of itself twenty times at most. */
export function doubled(found: Case, told: Told): boolean {
  return found.count >= 2 * told.count;
}

/** Open conditions kept by one detector; past it, further ones are gathered in one. */
const CONDITIONS = 500;

/** The condition under which a detector gathers what it has no room to keep apart. */
export const GATHERED = 'others';

/**
 * The open cases of one detector. Calls are joined by their times alone, so any order of arrival gives the same
 * cases: a call between two cases makes them one. A second case of a condition is told once the first has ended.
 *
 * Memory: at most 500 conditions with the bounded evidence of each (its pace included, see `pace.ts`).
 */
export class Cases {
  readonly #options: CasesOptions;
  readonly #open = new Map<string, Case[]>();

  constructor(options: CasesOptions, stored: Json | undefined) {
    this.#options = options;
    for (const entry of list(stored ?? [])) {
      const found = load(entry);
      this.#open.set(found.condition, [...(this.#open.get(found.condition) ?? []), found]);
    }
  }

  /** Adds the event in sight to the condition's case. Nothing for a repeat. */
  note(condition: string, sight: Sight, critical: boolean): void {
    if (!sight.first()) return;
    const full = this.#open.size >= CONDITIONS && !this.#open.has(condition);
    const name = full ? GATHERED : condition;
    const found = this.#join(name, sight, full);
    found.count += 1;
    if (critical && !found.critical && this.#options.worth !== undefined) found.decidedAt = sight.at;
    found.critical ||= critical;
    found.evidence.add(sight);
  }

  #join(condition: string, sight: Sight, gathered: boolean): Case {
    const { at } = sight;
    const all = this.#open.get(condition) ?? [];
    const { quiet, longest = Number.POSITIVE_INFINITY } = this.#options;
    const near = all.filter(
      ({ firstAt, lastAt }) =>
        at >= firstAt - quiet && at <= lastAt + quiet && at < firstAt + longest && lastAt < at + longest,
    );
    // Two that the longest time parts stay two, whatever comes between.
    const [head, ...rest] = longest === Number.POSITIVE_INFINITY ? near : near.slice(0, 1);
    if (head === undefined) {
      const fresh: Case = {
        condition,
        keyId: gathered ? null : (sight.key?.keyId ?? null),
        credential: gathered ? null : (sight.key?.credential ?? null),
        firstAt: at,
        lastAt: at,
        decidedAt: at,
        count: 0,
        critical: false,
        evidence: new Evidence(),
        told: null,
      };
      this.#open.set(
        condition,
        [...all, fresh].sort((a, b) => a.firstAt - b.firstAt),
      );
      return fresh;
    }
    for (const other of rest) absorb(head, other);
    if (rest.length > 0) {
      this.#open.set(
        condition,
        all.filter((found) => !rest.includes(found)),
      );
    }
    head.firstAt = Math.min(head.firstAt, at);
    head.lastAt = Math.max(head.lastAt, at);
    return head;
  }

  /** What there is to tell, now that everything before `settled` has arrived. */
  tell(settled: number): Finding[] {
    const findings: Finding[] = [];
    for (const [condition, cases] of this.#open) {
      let done = 0;
      for (const found of cases) {
        this.#update(found, findings);
        if (settled < this.#endOf(found)) break;
        if (found.told !== null) findings.push(this.#ended(found));
        done += 1;
      }
      if (done === cases.length) this.#open.delete(condition);
      else if (done > 0) this.#open.set(condition, cases.slice(done));
    }
    return findings;
  }

  #endOf({ firstAt, lastAt }: Case): number {
    const { quiet, longest = Number.POSITIVE_INFINITY } = this.#options;
    return Math.min(lastAt + quiet, firstAt + longest);
  }

  #update(found: Case, findings: Finding[]): void {
    const { told, count, critical } = found;
    if (told === null && this.#options.worth?.(found) === false) return;
    if (told !== null && !(critical && !told.critical) && !this.#options.news(found, told)) return;
    findings.push(this.#options.describe(found));
    found.told = { at: found.lastAt, count, critical };
  }

  #ended(found: Case): Finding {
    return { ...this.#options.describe(found), at: found.lastAt, ended: true };
  }

  /** Ends the cases that `over` picks: their cause is gone, or their detector is off. */
  end(over: (found: Case) => boolean): Finding[] {
    const findings: Finding[] = [];
    for (const [condition, cases] of this.#open) {
      const left = cases.filter((found) => !over(found));
      if (left.length === cases.length) continue;
      for (const found of cases) {
        if (found.told !== null && !left.includes(found)) findings.push(this.#ended(found));
      }
      if (left.length === 0) this.#open.delete(condition);
      else this.#open.set(condition, left);
    }
    return findings;
  }

  /** The keys of the open cases. */
  *keys(): Iterable<string> {
    for (const cases of this.#open.values()) {
      for (const { keyId } of cases) if (keyId !== null) yield keyId;
    }
  }

  save(): Json {
    return [...this.#open.values()]
      .flat()
      .map((found) => [
        found.condition,
        found.keyId,
        found.credential,
        found.firstAt,
        found.lastAt,
        found.decidedAt,
        found.count,
        found.critical ? 1 : 0,
        found.evidence.save(),
        saveTold(found.told),
      ]);
  }
}

function absorb(head: Case, other: Case): void {
  head.firstAt = Math.min(head.firstAt, other.firstAt);
  head.lastAt = Math.max(head.lastAt, other.lastAt);
  head.count += other.count;
  if (other.critical && !head.critical) head.decidedAt = other.decidedAt;
  head.critical ||= other.critical;
  head.evidence.absorb(other.evidence);
  head.told ??= other.told;
}

function load(stored: Json): Case {
  const [condition, keyId, credential, firstAt, lastAt, decidedAt, count, critical, evidence, told] =
    list(stored);
  return {
    condition: text(condition),
    keyId: textOrNull(keyId ?? null),
    credential: textOrNull(credential ?? null),
    firstAt: number(firstAt),
    lastAt: number(lastAt),
    decidedAt: number(decidedAt),
    count: number(count),
    critical: critical === 1,
    evidence: new Evidence(evidence),
    told: loadTold(told),
  };
}
