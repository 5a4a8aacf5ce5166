/** Longest name of a client that is kept. */
const NAME = 60;
/** Longest text that is looked at. */
const TEXT = 512;
/** Names remembered: the same texts come again and again. */
const REMEMBERED = 4_096;

/**
 * The name of a client without what changes as it is deployed: versions, build numbers, comments.
 *
 * @example clientOf('Footage/1.4.2 (Linux; x86_64) python-requests/2.32.3') // 'footage python-requests'
 */
export function clientOf(userAgent: string): string {
  const names = userAgent
    .slice(0, TEXT)
    .toLowerCase()
    .replace(/\([^()]*\)?/g, ' ')
    // A product's version stands after a slash (RFC 9110, 10.1.5), in whatever form.
    .replace(/\/[^\s]*/g, ' ')
    .replace(/(?<![^\s\-_.])v?\d[^\s]*/g, ' ');
  return names
    .replace(/[\s\-_.]+(?=\s|$)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, NAME);
}

/** A function's answers for texts, kept for as many as come in a while. */
export function remembered<T>(of: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = of(text);
    if (answers.size >= REMEMBERED) answers.clear();
    answers.set(text, answer);
    return answer;
  };
}
