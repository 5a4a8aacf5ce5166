const COLOURS: Readonly<Record<string, number>> = { debug: 90, info: 36, warn: 33, error: 31 };

/** Control characters, line separators, and the marks that turn the direction of text around on a terminal. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * One line for people from one JSON line of the log.
 *
 * @example
 * 2026-10-01T09:00:00.000Z WARN  destination is down  destination=vault:footage/frameflow#api_key attempts=3
 */
export function prettyLine(json: string, colour: boolean): string {
  const { time, level, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const name = String(level);
  const parts = [paint(90, String(time)), paint(COLOURS[name] ?? 0, name.toUpperCase().padEnd(5))];
  const facts = Object.entries(fields).map(
    ([key, value]) => `${paint(90, `${escaped(key)}=`)}${shown(value)}`,
  );
  return `${[...parts, escaped(String(msg ?? ''))].join(' ')}${facts.length === 0 ? '' : `  ${facts.join(' ')}`}\n`;
}

function shown(value: unknown): string {
  if (typeof value === 'string' && value !== '' && !/[\s"=]/.test(value)) return escaped(value);
  return escaped(JSON.stringify(value));
}

function escaped(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (sign) => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
