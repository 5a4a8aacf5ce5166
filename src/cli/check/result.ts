import { failureOf, KeywardenError } from '../../model/index.ts';

/** One line of `check`. */
export type Result = {
  readonly level: 'ok' | 'warn' | 'FAIL';
  /** What was tried: `credential frameflow-prod`, `store vault`, …. */
  readonly about: string;
  readonly message: string;
};

/** Tries something; what it throws is a line, with our own words only. */
export async function tried(
  about: string,
  work: () => Promise<string>,
  otherwise: Result['level'] = 'FAIL',
): Promise<Result> {
  try {
    return { level: 'ok', about, message: await work() };
  } catch (error) {
    const message = error instanceof KeywardenError ? error.message : failureOf(error).message;
    return { level: otherwise, about, message };
  }
}
