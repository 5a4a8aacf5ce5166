import type { DetectorKind } from '../../src/detectors/contract.ts';
import { formatTime } from '../../src/model/index.ts';
import type { Account, Key, KeyKind } from './account.ts';
import type { Call } from './call.ts';
import type { Draw } from './draw.ts';

/** Something planted in the day: an attack that is to be told, or what looks like one and is not to page. */
export type Episode = {
  readonly name: string;
  /** Any of them finds it; for a benign one those that could be fooled. */
  readonly kinds: readonly DetectorKind[];
  /** Null: many keys, or none. */
  readonly keyId: string | null;
  readonly ips: readonly string[];
  readonly from: number;
  readonly to: number;
  readonly benign: boolean;
  readonly calls: readonly Call[];
  /** The log shows nothing of this time before its end, ms. */
  readonly held?: { readonly from: number; readonly to: number };
};

/** An episode as a line of the labels. */
export function labelOf({ name, kinds, keyId, ips, from, to, benign }: Episode): string {
  const label = { episode: name, kinds, keyId, ips, from: formatTime(from), to: formatTime(to), benign };
  return JSON.stringify(label);
}

/** What the episodes of a day are made from. No two of them use the same key, unless they say so. */
export class Stage {
  readonly draw: Draw;
  readonly account: Account;
  /** Midnight of the day. */
  readonly day: number;
  /** Mean calls of a day of the whole account. */
  readonly calls: number;
  readonly #left: Key[];

  constructor(account: Account, { day, calls, draw }: { day: number; calls: number; draw: Draw }) {
    this.account = account;
    this.day = day;
    this.calls = calls;
    this.draw = draw;
    this.#left = draw.sample(account.keys, account.keys.length);
  }

  /** A key that nothing else of the day happens to; @throws {RangeError} where none is left. */
  key(kinds: readonly KeyKind[], wanted: (key: Key) => boolean = () => true): Key {
    const at = this.#left.findIndex((key) => kinds.includes(key.kind) && wanted(key));
    const [found] = at === -1 ? [] : this.#left.splice(at, 1);
    if (found === undefined)
      throw new RangeError(`no key of ${kinds.join(', ')} is left; more keys are needed`);
    return found;
  }

  /** A time of the day between two hours. */
  hour(from: number, to: number): number {
    return this.day + this.draw.between(from, to) * 3_600_000;
  }
}

/** An episode of its calls: from the first to the last. */
export function episode(
  of: Omit<Episode, 'ips' | 'from' | 'to' | 'benign'> & { readonly benign?: boolean },
): Episode {
  const times = of.calls.map(({ time }) => time);
  const span = of.held ?? { from: Math.min(...times), to: Math.max(...times) };
  const ips = [...new Set(of.calls.map(({ ip }) => ip))];
  return { benign: false, ...of, ips, from: span.from, to: span.to };
}
