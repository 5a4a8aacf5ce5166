/** Everything that is invisible, moves the cursor or turns the direction of writing, and halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * One line of text that shows what it holds: line breaks become spaces, control and invisible characters their code.
 *
 * @example printable('a\nb\u001b[2J') // 'a b\\u{1b}[2J'
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) =>
    char === '\n' || char === '\t' ? ' ' : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** {@link printable}, at most `max` UTF-16 units long; a cut is marked by `…` and never halves a character. */
export function bounded(text: string, max: number): string {
  // Escaping only lengthens, so what lies beyond the limit need not be looked at.
  const safe = printable(text.slice(0, max + 1));
  if (safe.length <= max) return safe;
  return `${safe.slice(0, max - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

/** An item of a list is an address or a name. */
const ITEM = 100;

/**
 * Up to `most` items, the rest counted.
 *
 * @example listed(['a', 'b', 'c'], 2) // 'a, b and 1 more'
 */
export function listed(items: readonly string[], most: number): string {
  const shown = items
    .slice(0, most)
    .map((item) => bounded(item, ITEM))
    .join(', ');
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
