const LONGEST = 200;

/** So many characters without a gap are a token, or nothing that a person reads. */
const UNBROKEN = /[^ ]{24,}/g;

/**
 * A text of the server's for people to read: printable, one line, at most 200 characters, and without anything that is one of
 * `secrets` or could be a token. Null where nothing is left. It is a claim of the other side's and is shown as one; whoever
 * puts it on a page escapes it.
 *
 * @example safeText('bad\nrefresh token r3fr3sh', ['r3fr3sh']) // 'bad refresh token …'
 */
export function safeText(value: unknown, secrets: readonly string[]): string | null {
  if (typeof value !== 'string') return null;
  let text = value;
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '…');
  text = text
    .slice(0, 10 * LONGEST)
    // Controls, and what reverses or hides text.
    .replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S}]+/gu, ' ')
    .replace(UNBROKEN, '…')
    .replaceAll('"', "'")
    .trim();
  const characters = Array.from(text);
  if (characters.length > LONGEST) return `${characters.slice(0, LONGEST - 1).join('')}…`;
  return text === '' ? null : text;
}

/** ` (it says: "…")`, to be put behind what is known for certain; empty where it says nothing. */
export function itSays(value: unknown, secrets: readonly string[]): string {
  const text = safeText(value, secrets);
  return text === null ? '' : ` (it says: "${text}")`;
}
