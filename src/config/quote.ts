import { nearest } from '../model/nearest.ts';

/** What stands at the start of common API keys and tokens. */
const KEY_PREFIX =
  /(^|[^A-Za-z])(([a-z]{2}_(live|test)_)|hvs\.|hvb\.|s\.[A-Za-z0-9]{20}|xox[a-z]-|AKIA|ASIA|gh[a-z]_|eyJ)/;

/**
 * True where `text` may be a secret that was written where none belongs: it has a known key's prefix, a URL's
 * password, or a long run of letters mixed with digits. Errs on the side of silence.
 */
export function looksSecret(text: string): boolean {
  if (KEY_PREFIX.test(text) || text.includes('@') || text.length > 80) return true;
  return text
    .split(/[^A-Za-z0-9]+/)
    .some((run) => run.length >= 16 && /\d/.test(run) && /[A-Za-z]/.test(run));
}

/** The type of a value in words, without its content: safe in the place of a secret. */
export function typeOf(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'no value';
  if (typeof value === 'string')
    return value === '' ? 'an empty string' : `a string of ${value.length} characters`;
  if (typeof value === 'number') return 'a number';
  if (typeof value === 'boolean') return 'a boolean';
  const kind = Array.isArray(value) ? 'list' : 'mapping';
  return typeof value === 'object' && Object.keys(value).length === 0 ? `an empty ${kind}` : `a ${kind}`;
}

/** A value as a message may show it: short and harmless text in quotes, numbers and booleans as they are, else its type. */
export function quote(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'string' && value !== '' && !looksSecret(value)) return JSON.stringify(value);
  return typeOf(value);
}

/** `did you mean "every"?`, else what there is to choose from, else null. */
export function suggestion(text: string, candidates: readonly string[]): string | null {
  const near = nearest(text, candidates);
  if (near !== null) return `did you mean "${near}"?`;
  if (candidates.length === 0 || candidates.length > 24) return null;
  return `known here: ${candidates.join(', ')}`;
}
