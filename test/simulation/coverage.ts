import { APPLICABLE, EFFECTS, FAULTS, SECOND_ENGINE } from './faults.ts';

/** What many runs reached, and how often: `mint`, `mint late`. */
export class Coverage {
  readonly #reached = new Map<string, number>();

  add(reached: ReadonlyMap<string, number>): void {
    for (const [name, count] of reached) this.#reached.set(name, (this.#reached.get(name) ?? 0) + count);
  }

  /** 12. The pairs of effect and fault that no run reached. */
  get missing(): string[] {
    return EFFECTS.flatMap((effect) =>
      [...APPLICABLE[effect], SECOND_ENGINE]
        .map((fault) => `${effect} ${fault}`)
        .filter((pair) => !this.#reached.has(pair)),
    );
  }

  /** For people: a row for each fault, a column for each effect; `-` where it cannot be. */
  table(): string {
    const rows = [...FAULTS, SECOND_ENGINE].map((fault) => [
      fault,
      ...EFFECTS.map((effect) => {
        const possible = fault === SECOND_ENGINE || APPLICABLE[effect].some((each) => each === fault);
        return possible ? String(this.#reached.get(`${effect} ${fault}`) ?? 0) : '-';
      }),
    ]);
    return [['', ...EFFECTS], ...rows]
      .map(([name = '', ...cells]) => name.padEnd(15) + cells.map((cell) => cell.padStart(10)).join(''))
      .join('\n');
  }
}
