import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BIN, type CliOptions } from './cli.ts';

/** A command on a terminal: what a person sees and types. */
export type Terminal = {
  /** Resolves once `wanted` stands there; fails where the command ends first. */
  shows(wanted: string): Promise<void>;
  /** As from the keyboard; the Enter key is `\r`. */
  type(text: string): void;
  /** Everything that was shown, and the exit code. */
  readonly ended: Promise<{ readonly code: number | null; readonly screen: string }>;
};

/**
 * Starts the real command line on a pseudo-terminal that shows what is typed, as a person's does, unless the command
 * turns that off. Its other end is held by `script` (util-linux; in Debian's `bsdutils`, which every Debian has).
 */
export function onTerminal(
  args: readonly string[],
  { env = {}, cwd }: Pick<CliOptions, 'env' | 'cwd'>,
): Terminal {
  const command = [process.execPath, BIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const child = spawn('script', ['-qe', '-E', 'always', '-c', command.join(' '), '/dev/null'], {
    cwd,
    env: { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const looking = new Set<() => void>();
  let screen = '';
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
    for (const look of looking) look();
  });
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, screen }));
  const shows = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!screen.includes(wanted)) return;
        looking.delete(look);
        resolve();
      };
      looking.add(look);
      look();
      ended.then(() => reject(new Error(`it ended before “${wanted}” was shown:\n${screen}`)), reject);
    });
  return { shows, type: (text) => void child.stdin.write(text), ended };
}
