import type { Finding } from '../model/index.ts';
import { GATHERED } from './cases.ts';
import { Evidence } from './evidence.ts';
import type { Guess } from './failures-then-success-guesses.ts';
import { type Json, list, number, numberOrNull, textOrNull } from './stored.ts';

/** Break-ins kept open; past it, further ones are told as one. */
export const OPEN = 100;

/** An address that got in with a key; both null: all for which there is no room. */
export type BreakIn = {
  readonly keyId: string | null;
  readonly ip: string | null;
  readonly credential: string | null;
  firstAt: number;
  lastAt: number;
  readonly decidedAt: number;
  /** Failures. */
  count: number;
  /** Keys that it failed on. */
  keys: number;
  evidence: Evidence;
  /** The count when it was told last. */
  told: number | null;
};

/** The break-ins that are open, one for each key and address as long as there is room, then one of all others. */
export class BreakIns {
  readonly #open: Map<string, BreakIn>;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json) {
    this.#open = new Map(
      list(stored).map((entry) => {
        const found = load(list(entry));
        return [conditionOf(found), found] as const;
      }),
    );
  }

  /** The address that guessed was accepted at `last`; `at` is the time of the event that shows it. */
  put(who: Pick<BreakIn, 'keyId' | 'ip' | 'credential'>, guess: Guess, last: number, at: number): void {
    const full = this.#open.size >= OPEN && !this.#open.has(conditionOf(who));
    const whose = full ? { keyId: null, ip: null, credential: null } : who;
    const name = conditionOf(whose);
    let found = this.#open.get(name);
    if (found === undefined) {
      const { first, count, keys, evidence } = guess;
      found = {
        ...whose,
        firstAt: first,
        lastAt: last,
        decidedAt: at,
        count,
        keys: keys.size,
        evidence,
        told: null,
      };
      this.#open.set(name, found);
    }
    found.firstAt = Math.min(found.firstAt, guess.first);
    found.lastAt = Math.max(found.lastAt, last);
    found.count = Math.max(found.count, guess.count);
    found.keys = guess.keys.size;
    found.evidence = guess.evidence;
  }

  /** What there is to tell: each once, again when its failures have doubled, and its end. */
  tell(describe: (found: BreakIn) => Finding, over: (found: BreakIn) => boolean): Finding[] {
    const findings: Finding[] = [];
    for (const [name, found] of this.#open) {
      if (found.told === null || found.count >= 2 * found.told) {
        found.told = found.count;
        findings.push(describe(found));
      }
      if (!over(found)) continue;
      this.#open.delete(name);
      findings.push({ ...describe(found), at: found.lastAt, ended: true });
    }
    return findings;
  }

  save(): Json {
    return Array.from(this.#open.values(), (found) => [
      found.keyId,
      found.ip,
      found.credential,
      found.firstAt,
      found.lastAt,
      found.decidedAt,
      found.count,
      found.keys,
      found.evidence.save(),
      found.told,
    ]);
  }
}

/** What its alert is known by. */
export function conditionOf({ keyId, ip }: Pick<BreakIn, 'keyId' | 'ip'>): string {
  return ip === null ? GATHERED : `${keyId} ${ip}`;
}

function load(stored: readonly Json[]): BreakIn {
  const [keyId, ip, credential, firstAt, lastAt, decidedAt, count, keys, evidence, told] = stored;
  return {
    keyId: textOrNull(keyId ?? null),
    ip: textOrNull(ip ?? null),
    credential: textOrNull(credential ?? null),
    firstAt: number(firstAt),
    lastAt: number(lastAt),
    decidedAt: number(decidedAt),
    count: number(count),
    keys: number(keys),
    evidence: new Evidence(evidence),
    told: numberOrNull(told ?? null),
  };
}
