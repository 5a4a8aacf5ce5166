import { DAY, HOUR } from '../model/index.ts';
import { type Json, list, numbers } from './stored.ts';

/** Hours kept of a key. */
const HOURS = 6;
/** So many recoveries make it usual, those of the last 14 days. */
const USUAL = 3;
const KEEP = (14 * DAY) / HOUR;

type Recovered = { readonly hour: number; clients: number; most: number };

/**
 * What is usual for one key: new addresses that failed and then got in, as those of cloud functions do when their token
 * expires. Only who holds the key can teach it.
 *
 * Memory: the last six hours that had any, some 15 bytes each.
 */
export class Recoveries {
  readonly #hours: Recovered[];

  constructor(hours: Recovered[] = []) {
    this.#hours = hours;
  }

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Recoveries {
    if (stored === undefined) return new Recoveries();
    return new Recoveries(
      list(stored).map((entry) => {
        const [hour = 0, clients = 0, most = 0] = numbers(entry, 3);
        return { hour, clients, most };
      }),
    );
  }

  save(): Json {
    return this.#hours.map(({ hour, clients, most }) => [hour, clients, most]);
  }

  /** A new address got in at that time after so many failures. */
  add(at: number, failures: number): void {
    const hour = Math.floor(at / HOUR);
    const found = this.#hours.find((other) => other.hour === hour);
    if (found !== undefined) {
      found.clients += 1;
      found.most = Math.max(found.most, failures);
      return;
    }
    this.#hours.push({ hour, clients: 1, most: failures });
    this.#hours.sort((a, b) => a.hour - b.hour);
    if (this.#hours.length > HOURS) this.#hours.shift();
  }

  /** How often such a client fails at most; null where there are none as a rule. By hours that are long over: whatever has arrived since, the answer is the same. */
  usual(at: number): number | null {
    const before = Math.floor(at / HOUR) - 1;
    const past = this.#hours.filter(({ hour }) => hour < before && hour > before - KEEP);
    if (past.reduce((sum, { clients }) => sum + clients, 0) < USUAL) return null;
    return Math.max(...past.map(({ most }) => most));
  }
}
