/** Something that happens at a moment of the world's time. */
export type Happening = { readonly at: number; readonly sequence: number; readonly run: () => void };

/** All that is yet to happen, ordered by time and, within one moment, by when it was put in. */
export class Heap {
  readonly #items: Happening[] = [];
  #sequence = 0;

  get next(): number | null {
    return this.#items[0]?.at ?? null;
  }

  push(at: number, run: () => void): void {
    this.#sequence += 1;
    this.#items.push({ at, sequence: this.#sequence, run });
    this.#rise(this.#items.length - 1);
  }

  pop(): Happening | null {
    const [first] = this.#items;
    const last = this.#items.pop();
    if (first === undefined || last === undefined) return null;
    if (this.#items.length > 0) {
      this.#items[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#before(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #sink(from: number): void {
    let index = from;
    for (;;) {
      const [left, right] = [2 * index + 1, 2 * index + 2];
      let least = index;
      if (left < this.#items.length && this.#before(left, least)) least = left;
      if (right < this.#items.length && this.#before(right, least)) least = right;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #before(a: number, b: number): boolean {
    const [first, second] = [this.#items[a], this.#items[b]];
    if (first === undefined || second === undefined) return false;
    return first.at !== second.at ? first.at < second.at : first.sequence < second.sequence;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#items[a], this.#items[b]];
    if (first === undefined || second === undefined) return;
    this.#items[a] = second;
    this.#items[b] = first;
  }
}
