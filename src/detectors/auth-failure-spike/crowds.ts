import { type Json, text } from '../stored.ts';
import { pack, unpack } from './codec.ts';

/** Minutes of a block: those who fail in one, or in two that follow each other, fail together. */
export const BLOCK = 10;
/** Addresses told apart in a block; a further one is not counted. */
const ADDRESSES = 128;
/** Bits of a mark that are not needed to tell so many apart. */
const SPARE = 8;

/** The new addresses that failed with a key in ten minutes by the clock. */
type Block = {
  readonly block: number;
  /** Addresses in this block and the one before. */
  crowd: number;
  /** The most failures of one address in both. */
  bout: number;
  /** The failures of each address, by its mark; null once all that can be in it has arrived. */
  seen: Map<number, number> | null;
};

/** Who failed together, as far as it is not learnt yet. */
export class Crowds {
  #blocks: Block[] = [];

  /** @throws {TypeError} where what is stored is damaged */
  static load(stored: Json | undefined): Crowds {
    const loaded = new Crowds();
    if (stored === undefined) return loaded;
    const values = unpack(text(stored));
    let at = 0;
    const next = (): number => {
      const value = values[at];
      if (value === undefined) throw new TypeError('the stored crowds are damaged: they end too soon');
      at += 1;
      return value;
    };
    let block = 0;
    while (at < values.length) {
      block += next();
      const [crowd, bout, size] = [next(), next(), next()];
      const seen = size === 0 ? null : new Map<number, number>();
      for (let left = size; left > 0; left -= 1) seen?.set(next(), next());
      loaded.#blocks.push({ block, crowd, bout, seen });
    }
    return loaded;
  }

  save(): Json {
    const values: number[] = [];
    let last = 0;
    for (const { block, crowd, bout, seen } of this.#blocks) {
      values.push(block - last, crowd, bout, seen?.size ?? 0);
      for (const [mark, count] of seen ?? []) values.push(mark, count);
      last = block;
    }
    return pack(values);
  }

  /** Counts a failure of a new address, by its mark. */
  failed(minute: number, mark: number): void {
    this.#count(minute, mark >>> SPARE);
  }

  #count(minute: number, mark: number): void {
    const number = Math.floor(minute / BLOCK);
    const index = this.#place(number);
    const block = this.#blocks[index];
    const seen = block?.seen;
    if (block === undefined || seen === undefined || seen === null) return;
    const had = seen.get(mark) ?? 0;
    if (had === 0 && seen.size >= ADDRESSES) return;
    seen.set(mark, had + 1);
    const before = this.#countIn(index - 1, number - 1, mark);
    if (had + before === 0) block.crowd += 1;
    block.bout = Math.max(block.bout, had + 1 + before);
    const after = this.#blocks[index + 1];
    if (after === undefined || after.block !== number + 1) return;
    const later = after.seen?.get(mark) ?? 0;
    if (had + later === 0) after.crowd += 1;
    after.bout = Math.max(after.bout, had + 1 + later);
  }

  #countIn(index: number, number: number, mark: number): number {
    const block = this.#blocks[index];
    return block?.block === number ? (block.seen?.get(mark) ?? 0) : 0;
  }

  /** The block's place; a new one takes those of the block before with it. */
  #place(number: number): number {
    const blocks = this.#blocks;
    let index = blocks.length;
    while ((blocks[index - 1]?.block ?? Number.NEGATIVE_INFINITY) > number) index -= 1;
    if (blocks[index - 1]?.block === number) return index - 1;
    const before = blocks[index - 1]?.block === number - 1 ? blocks[index - 1]?.seen : null;
    const crowd = before?.size ?? 0;
    const bout = Math.max(0, ...(before?.values() ?? []));
    blocks.splice(index, 0, { block: number, crowd, bout, seen: new Map() });
    return index;
  }

  /** The addresses of what has settled are needed no more: nothing of it, and of what follows, can change. */
  settle(minute: number): void {
    // All of them: one that came late may lie before such as were emptied long ago.
    for (const block of this.#blocks) if (minute >= (block.block + 2) * BLOCK) block.seen = null;
  }

  /** How many failed together up to the end of the block of that minute, and how often the one that did most. */
  at(minute: number): readonly [crowd: number, bout: number] {
    const number = Math.floor(minute / BLOCK);
    const block = this.#blocks.findLast((each) => each.block === number);
    return block === undefined ? [0, 0] : [block.crowd, block.bout];
  }

  /** What was counted in an hour but for the blocks that `leave` names by their first minute in it. */
  during(hour: number, leave: (offset: number) => boolean): readonly [crowds: number[], bouts: number[]] {
    const first = hour * (60 / BLOCK);
    const blocks = this.#blocks.filter(
      ({ block }) => block >= first && block < first + 60 / BLOCK && !leave((block - first) * BLOCK),
    );
    return [blocks.map(({ crowd }) => crowd), blocks.map(({ bout }) => bout)];
  }

  /** The hours before this one are learnt. */
  drop(hour: number): void {
    const kept = this.#blocks.findIndex(({ block }) => block >= hour * (60 / BLOCK));
    this.#blocks.splice(0, kept === -1 ? this.#blocks.length : kept);
  }
}
