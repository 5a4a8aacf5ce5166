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

export function failureText(failure: Failure | null): string | null {
  return failure === null ? null : JSON.stringify(failure);
}

export function failureFrom(text: string | null, where: string): Failure | null {
  return text === null ? null : parseJson<Failure>(text, where);
}
