import { createHash } from 'node:crypto';

/** So many lines are kept for a person to read. */
const KEPT = 400;

/** What happened, in order. Two runs of one seed have one hash, or something has leaked into the simulation. */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #kept: number;

  constructor(kept = KEPT) {
    this.#kept = kept;
  }

  add(line: string): void {
    this.#hash.update(line).update('\n');
    this.#lines.push(line);
    if (this.#lines.length > 2 * this.#kept) this.#lines.splice(0, this.#kept);
  }

  /** Ends the trace. */
  digest(): string {
    return this.#hash.digest('hex').slice(0, 16);
  }

  tail(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}
