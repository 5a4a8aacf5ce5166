import { attempt } from './attempt.ts';
import { runProgram } from './program.ts';

/** Runs one command of the command line and gives its exit code; whatever it throws is told on standard error. */
export function main(args: readonly string[]): Promise<number> {
  return attempt(() => runProgram(args));
}
