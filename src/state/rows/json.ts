import type { Failure } from '../../model/index.ts';
import { StateError } from '../contract.ts';

/** What a JSON column holds. The parser's own message would quote the text: it is not passed on. */
export function parseJson<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch {
    throw new StateError(
      'state_corrupt',
      `${where} in the state is not readable; restore the database from a backup`,
    );
  }
}

/** A record in a column that may be empty. */
export function jsonText(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

export function jsonFrom<T>(text: string | null, where: string): T | null {
  return text === null ? null : parseJson<T>(text, where);
}

export function failureFrom(text: string | null, where: string): Failure | null {
  return jsonFrom<Failure>(text, where);
}
