import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const PROGRAM = new URL('./child.suite.ts', import.meta.url).pathname;

/** What a process of {@link import('./child.suite.ts')} has said, and its end. */
export type Child = {
  readonly process: ChildProcess;
  readonly lines: readonly string[];
  /** Resolves once it has said that many lines, or has ended. */
  said(count: number): Promise<void>;
  /** Resolves with its lines once it has ended; `errors` is what it wrote on standard error. */
  ended(): Promise<{ readonly lines: readonly string[]; readonly errors: string }>;
};

/** Starts one; `limit` is the size in blocks of 512 bytes beyond which the system refuses it to write a file. */
export function startChild(
  job: 'hold' | 'write' | 'fill' | 'spool',
  file: string,
  { umask = '022', limit = 'unlimited' } = {},
): Child {
  const script = `ulimit -f ${limit} && exec "$@"`;
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, PROGRAM, job, file, umask], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  let errors = '';
  let news = Promise.withResolvers<void>();
  const closed = once(child, 'close');
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    news.resolve();
    news = Promise.withResolvers();
  });
  return {
    process: child,
    lines,
    async said(count) {
      const end = closed.then(() => true);
      while (lines.length < count) {
        if (await Promise.race([news.promise.then(() => false), end])) return;
      }
    },
    async ended() {
      await closed;
      return { lines, errors };
    },
  };
}
