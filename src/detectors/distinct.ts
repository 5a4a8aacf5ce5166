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
/** A character for each register. */
const PLACES = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_';
const CODES = new Array<number>(REGISTERS).fill(ZERO);

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
  /** Null until something is counted. */
  #registers: Uint8Array | null = null;
  #sum = REGISTERS;
  #zeros = REGISTERS;
  /** Null where it is to be worked out anew. */
  #count: number | null = 0;
  /** What {@link save} gave last; null where that has changed. */
  #saved: string | null = '';

  /** What {@link save} gave; anything else in it counts as nothing. */
  static load(stored: string): Distinct {
    const loaded = new Distinct();
    if (stored.length < REGISTERS) {
      for (let at = 0; at + 1 < stored.length; at += 2)
        loaded.#raise(PLACES.indexOf(stored.charAt(at)), rankOf(stored, at + 1));
      return loaded;
    }
    for (let index = 0; index < Math.min(stored.length, REGISTERS); index += 1)
      loaded.#raise(index, rankOf(stored, index));
    return loaded;
  }

  /** True where the count may have changed. */
  add(mark: number): boolean {
    const rank = Math.clz32((mark << CHOOSE) | (1 << (CHOOSE - 1))) + 1;
    const index = mark >>> (32 - CHOOSE);
    if (rank + ZERO <= (this.#registers?.[index] ?? 0)) return false;
    this.#raise(index, rank);
    return true;
  }

  #raise(index: number, rank: number): void {
    const had = (this.#registers?.[index] ?? ZERO) - ZERO;
    if (rank <= had || index < 0) return;
    this.#registers ??= new Uint8Array(REGISTERS).fill(ZERO);
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

  /** Begins anew, for those who count in turns. */
  clear(): void {
    if (this.#zeros === REGISTERS) return;
    this.#registers?.fill(ZERO);
    this.#sum = REGISTERS;
    this.#zeros = REGISTERS;
    this.#count = 0;
    this.#saved = '';
  }

  /** Takes in what another has counted; what both have seen counts once. */
  absorb(other: Distinct): void {
    const registers = other.#registers;
    if (registers === null) return;
    for (let index = 0; index < REGISTERS; index += 1) this.#raise(index, (registers[index] ?? ZERO) - ZERO);
  }

  /** At most 64 characters, none of which JSON escapes; none where nothing was counted, and two for each register where few are in use. */
  save(): string {
    this.#saved ??= 2 * (REGISTERS - this.#zeros) < REGISTERS ? this.#few() : this.#all();
    return this.#saved;
  }

  #few(): string {
    const codes: number[] = [];
    for (let index = 0; index < REGISTERS; index += 1) {
      const register = this.#registers?.[index] ?? ZERO;
      if (register > ZERO) codes.push(PLACES.charCodeAt(index), register);
    }
    return String.fromCharCode.apply(null, codes);
  }

  #all(): string {
    // A plain list is twice as fast as one of bytes.
    for (let index = 0; index < REGISTERS; index += 1) CODES[index] = this.#registers?.[index] ?? ZERO;
    return String.fromCharCode.apply(null, CODES);
  }
}

/** Whatever else the text holds is taken for the nearest. */
function rankOf(stored: string, index: number): number {
  return Math.min(Math.max(stored.charCodeAt(index) - ZERO, 0), 27);
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
