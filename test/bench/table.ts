import { isMet, type Row, ratioOf } from './row.ts';

/** What one run measured, and on what. */
export type Report = {
  readonly rows: readonly Row[];
  /** Versions, the machine and seeds, by name. */
  readonly facts: Readonly<Record<string, string>>;
};

const HEAD = ['measure', 'figure', 'target', 'ratio', 'met?'] as const;

/** The report as people read it. */
export function tableOf({ rows, facts }: Report): string {
  const lines = [HEAD, ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const drawn = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 1 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  const notes = Object.entries(facts).map(([name, value]) => `${name}: ${value}`);
  return `${[...drawn, '', ...notes].join('\n')}\n`;
}

function cells(row: Row): readonly string[] {
  const { name, value, unit, target } = row;
  const ratio = ratioOf(row);
  const met = isMet(row);
  const promised =
    target === undefined ? '' : 'atMost' in target ? `≤ ${target.atMost}` : `≥ ${shown(target.atLeast)}`;
  return [
    name,
    `${shown(value)} ${unit}`,
    promised,
    ratio === null ? '' : ratio.toFixed(2),
    met === null ? '' : met ? 'yes' : 'NO',
  ];
}

function shown(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 2 });
}
