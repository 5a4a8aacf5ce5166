/** What was done and seen, with the time since the beginning: for whoever has to find out what went wrong. */
export class Trace {
  readonly #began = performance.now();
  readonly lines: string[] = [];

  note(what: string): void {
    this.lines.push(`${((performance.now() - this.#began) / 1_000).toFixed(3).padStart(8)} s  ${what}`);
  }
}
