import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';

/** What is passed on. Node would take SIGUSR1 as a wish for its debugger, in a process that holds secrets. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH'] as const;

/** What a terminal sends to every process in its foreground by itself. */
const TYPED: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGWINCH'];

/** What ends a process that does not care, and leaves no image of its memory behind. */
const PLAIN: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGKILL'];

/** So long the own end by a signal is waited for, ms. */
const OWN_END = 1_000;

/**
 * Takes every signal that is to be passed on; `take` is told whether the command got it from the terminal too. What it
 * gives back ends that.
 */
export function takeSignals(take: (signal: NodeJS.Signals, fromTerminal: boolean) => void): () => void {
  const listener = (signal: NodeJS.Signals) => take(signal, TYPED.includes(signal) && inForeground());
  for (const signal of PASSED_ON) process.on(signal, listener);
  return () => {
    for (const signal of PASSED_ON) process.off(signal, listener);
  };
}

/** True where our process group is the one that a terminal's keys act upon. */
function inForeground(): boolean {
  try {
    return isForeground(readFileSync('/proc/self/stat', 'utf8'));
  } catch {
    return [0, 1, 2].some((fd) => isatty(fd));
  }
}

/** The same, from what Linux tells of a process: proc_pid_stat(5). The name in parentheses may hold anything. */
export function isForeground(stat: string): boolean {
  const [, , group, , terminal, foreground] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return terminal !== '0' && group === foreground;
}

/**
 * Ends this process by the signal that ended the command, so that whoever waits for it sees the same; systemd, for one,
 * takes SIGTERM for a clean end, and the code 143 for a failure. Gives the exit code where that cannot be: process 1 of a
 * container does not die of its own signals, and others of them would write our memory to a file.
 */
export async function endBy(signal: NodeJS.Signals): Promise<number> {
  if (PLAIN.includes(signal)) {
    process.kill(process.pid, signal);
    await sleep(OWN_END);
  }
  return 128 + constants.signals[signal];
}
