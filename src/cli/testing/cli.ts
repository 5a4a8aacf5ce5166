import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const BIN = fileURLToPath(new URL('../../keywarden.js', import.meta.url));

/** What became of one command. */
export type Ended = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type CliOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input, then its end. */
  readonly input?: string | Buffer;
  /** Arguments of Node before the script. */
  readonly node?: readonly string[];
  /** Another path to the script. */
  readonly bin?: string;
};

/** A started command. */
export type Running = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Resolves with the first whole line of standard output or standard error that `wanted` finds; fails where the process ends first. */
  line(wanted: RegExp): Promise<string>;
  readonly ended: Promise<Ended>;
  /** What it has written until now, both streams. */
  output(): string;
};

/** Starts the real command line; the environment holds what is given and nothing else of ours. */
export function start(args: readonly string[], options: CliOptions = {}): Running {
  const { env = {}, cwd, input, node = [], bin = BIN } = options;
  const child = spawn(process.execPath, [...node, bin, ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input ?? '');
  const written = { stdout: '', stderr: '' };
  const all = () => written.stdout + written.stderr;
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      for (const look of waiting) look();
    });
  }
  const ended = once(child, 'close').then(
    ([code, signal]): Ended => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      ...written,
    }),
  );
  const line = (wanted: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = all()
          .split('\n')
          .slice(0, -1)
          .find((each) => wanted.test(each));
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void ended.then(() => reject(new Error(`it ended before ${wanted} came:\n${all()}`)));
    });
  return { child, pid: child.pid ?? 0, line, ended, output: all };
}

/** Runs the command line to its end. */
export function cli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}
