import { type Paint, paint, printable } from './terminal.ts';

/** A cell's text, plain or with a colour for terminals. */
export type Cell = string | { readonly text: string; readonly how: Paint };

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Shown two columns wide: East Asian wide and fullwidth forms (UAX #11) and emoji. */
const WIDE =
  /^(?:\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6])/u;

/** How many columns of a terminal a text takes. */
export function widthOf(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += WIDE.test(segment) ? 2 : 1;
  return width;
}

/**
 * Rows under their headings, columns two blanks apart; nothing is cut, so that every name can be copied.
 *
 * @example table(['NAME', 'AGE'], [['frameflow-prod', '12d']])
 */
export function table(headings: readonly string[], rows: ReadonlyArray<readonly Cell[]>): string {
  const lines = [headings.map((text): Cell => ({ text, how: 'bold' })), ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => widthOf(textOf(line[column])))));
  return lines
    .map((line) =>
      line.map((cell, column) => padded(cell, widths[column] ?? 0, column === line.length - 1)).join('  '),
    )
    .join('\n');
}

function padded(cell: Cell, width: number, last: boolean): string {
  const text = textOf(cell);
  const shown = typeof cell === 'string' ? text : paint(cell.how, text);
  return last ? shown : shown + ' '.repeat(width - widthOf(text));
}

function textOf(cell: Cell | undefined): string {
  if (cell === undefined) return '';
  return printable(typeof cell === 'string' ? cell : cell.text);
}
