import { EdgeError, type Failure } from '../model/index.ts';

/** A run that failed and said something. */
export class HookFailedError extends EdgeError {
  /** The last 4 KB of it, redacted: for the log, and kept nowhere else. */
  readonly output: string;

  constructor(failure: Failure, output: string) {
    super(failure);
    this.name = 'HookFailedError';
    this.output = output;
  }
}

/** What the log line of a failed run has beside its failure. */
export function saidIn(error: unknown): { readonly output?: string } {
  return error instanceof HookFailedError && error.output !== '' ? { output: error.output } : {};
}
