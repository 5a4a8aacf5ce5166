import { EXIT, exitCodeOf, explain } from './exit.ts';
import { runProgram } from './program.ts';
import { paint, tell } from './terminal.ts';

/** Runs one command of the command line and gives its exit code; whatever it throws is told on standard error. */
export async function main(args: readonly string[]): Promise<number> {
  // `keywarden history | head`: a reader that has had enough is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  });
  try {
    return await runProgram(args);
  } catch (error) {
    tell(`${paint('red', 'error:', process.stderr)} ${explain(error)}`);
    return exitCodeOf(error);
  }
}
