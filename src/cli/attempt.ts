import { EXIT, exitCodeOf, explain } from './exit.ts';
import { paint, tell } from './terminal.ts';

/** Runs one command and gives its exit code; whatever it throws is told on standard error. */
export async function attempt(run: () => Promise<number>): Promise<number> {
  // `keywarden history | head`: a reader that has had enough is no fault.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  });
  try {
    return await run();
  } catch (error) {
    tell(`${paint('red', 'error:', process.stderr)} ${explain(error)}`);
    return exitCodeOf(error);
  }
}
