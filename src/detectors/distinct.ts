const REGISTERS = 64;
/** Bits of a mark that choose the register. */
const CHOOSE = 6;
/** The bias of the estimate at 64 registers, by the paper. */
const BIAS = 0.709;
/** The estimate by the number of registers that are still zero, where few were counted. */
const LINEAR = Array.from({ length: REGISTERS + 1 }, (_, zeros) =>
  zeros === 0 ? 0 : Math.round(REGISTERS * Math.log(REGISTERS / zeros)),
);
/** Registers are characters, from this one on: so they are stored as they stand. */
const ZERO = 48;
const TEXT = new TextDecoder();

/**
 * How many different events there were, in 64 registers: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier 2007), with
 * linear counting below 160. A repeat changes nothing, and neither does the order, at no memory of single events. The
 * standard error is 13 %; up to some 30 it is off by one or two.
 *
 * @example
 * const calls = new Distinct();
 * calls.add(markOf('evt_1'));
 * calls.count // 1
 */
export class Distinct {
  readonly #registers = new Uint8Array(REGISTERS).fill(ZERO);
  #sum = REGISTERS;
  #zeros = REGISTERS;
  /** Null where it is to be worked out anew. */
  #count: number | null = 0;
  /** What {@link save} gave last; null where that has changed. */
  #saved: string | null = '';

  /** What {@link save} gave; anything else in it counts as nothing. */
  static load(stored: string): Distinct {
    const loaded = new Distinct();
    for (let index = 0; index < Math.min(stored.length, REGISTERS); index += 1)
      loaded.#raise(index, Math.min(Math.max(stored.charCodeAt(index) - ZERO, 0), 27));
    return loaded;
  }

  /** True where the count may have changed. */
  add(mark: number): boolean {
    const rank = Math.clz32((mark << CHOOSE) | (1 << (CHOOSE - 1))) + 1;
    const index = mark >>> (32 - CHOOSE);
    if (rank + ZERO <= (this.#registers[index] ?? 0)) return false;
    this.#raise(index, rank);
    return true;
  }

  #raise(index: number, rank: number): void {
    const had = (this.#registers[index] ?? 0) - ZERO;
    if (rank <= had) return;
    if (had === 0) this.#zeros -= 1;
    this.#sum += 1 / (1 << rank) - 1 / (1 << had);
    this.#registers[index] = rank + ZERO;
    this.#count = null;
    this.#saved = null;
  }

  #estimate(): number {
    const raw = (BIAS * REGISTERS ** 2) / this.#sum;
    const few = raw <= 2.5 * REGISTERS && this.#zeros > 0;
    return few ? (LINEAR[this.#zeros] ?? 0) : Math.round(raw);
  }

  get count(): number {
    this.#count ??= this.#estimate();
    return this.#count;
  }

  /** Takes in what another has counted; what both have seen counts once. */
  absorb(other: Distinct): void {
    for (const [index, register] of other.#registers.entries()) this.#raise(index, register - ZERO);
  }

  /** At most 64 characters; none where nothing was counted. */
  save(): string {
    this.#saved ??= TEXT.decode(this.#registers);
    return this.#saved;
  }
}

/** 32 bits that stand for an event: a hash of its id, no defence against somebody who picks the ids. */
export function markOf(id: string): number {
  let mark = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1)
    mark = Math.imul(mark ^ id.charCodeAt(index), 0x01000193);
  mark = Math.imul(mark ^ (mark >>> 16), 0x85ebca6b);
  mark = Math.imul(mark ^ (mark >>> 13), 0xc2b2ae35);
  return (mark ^ (mark >>> 16)) >>> 0;
}
