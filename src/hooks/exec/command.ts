import { type ChildProcess, spawn } from 'node:child_process';
import { type Output, outputOf, Tail } from './output.ts';

/** How a command came to its end. */
export type Ending =
  | { readonly how: 'exited'; readonly status: number }
  | { readonly how: 'killed'; readonly signal: string }
  /** By us: it took too long, or Keywarden stops. */
  | { readonly how: 'stopped'; readonly why: 'timeout' | 'closed' }
  /** It never ran; the operating system's name for the reason, `ENOENT`. */
  | { readonly how: 'unstarted'; readonly errno: string };

export type Ended = { readonly ending: Ending; readonly output: Output };

/** In ms of the machine's own timers: the time of a simulated or hastened clock is not the command's. */
export type Limits = {
  readonly timeout: number;
  /** Between SIGTERM and SIGKILL. */
  readonly grace: number;
};

/** How long the output of a command that has exited is waited for, where a process it left behind holds it open, ms. */
const DRAIN = 500;

/**
 * One run of a command, without a shell: in `/`, in a process group of its own, with an empty standard input and with
 * no environment but `env`.
 *
 * It is over when the command itself has exited. What it left running in the background goes on, without anybody who
 * reads its output. At the timeout the whole group is stopped.
 *
 * @example
 * const command = new Command(['systemctl', 'reload', 'footage'], env, { timeout: 30_000, grace: 2_000 });
 * const { ending, output } = await command.ended;
 */
export class Command {
  /** Never rejects. */
  readonly ended: Promise<Ended>;
  readonly #resolve: (ended: Ended) => void;
  readonly #grace: number;
  readonly #stdout = new Tail();
  readonly #stderr = new Tail();
  #child: ChildProcess | null = null;
  #timer: NodeJS.Timeout | undefined;
  #ending: Ending | null = null;
  #settled = false;

  constructor(argv: readonly string[], env: Readonly<Record<string, string>>, limits: Limits) {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    this.ended = promise;
    this.#resolve = resolve;
    this.#grace = limits.grace;
    try {
      this.#child = spawned(argv, env);
      this.#listen(this.#child);
      this.#timer = setTimeout(() => this.stop('timeout'), limits.timeout);
    } catch (error) {
      this.#unstarted(error);
    }
  }

  /** Stops the whole group: SIGTERM, then SIGKILL. Without effect on a command that has exited. */
  stop(why: 'timeout' | 'closed'): void {
    if (this.#ending !== null) return;
    this.#ending = { how: 'stopped', why };
    this.#signal('SIGTERM');
    this.#wait(this.#grace);
  }

  #listen(child: ChildProcess): void {
    child.once('error', (error) => this.#unstarted(error));
    child.once('exit', (status, signal) => this.#exited(status, signal));
    child.once('close', () => this.#settle());
    // There are none where no file descriptor was left for them.
    child.stdout?.on('data', (chunk: Buffer) => this.#stdout.add(chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#stderr.add(chunk));
    for (const stream of [child.stdout, child.stderr]) stream?.on('error', () => stream.destroy());
  }

  #unstarted(error: unknown): void {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no error code';
    this.#ending ??= { how: 'unstarted', errno: code };
    this.#settle();
  }

  #exited(status: number | null, signal: string | null): void {
    if (this.#ending !== null) return;
    this.#ending =
      status === null ? { how: 'killed', signal: signal ?? 'no signal' } : { how: 'exited', status };
    this.#wait(DRAIN);
  }

  /** For the streams to close, which is the end, and no longer than this. */
  #wait(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#settle(), ms);
  }

  #settle(): void {
    if (this.#settled || this.#ending === null) return;
    this.#settled = true;
    clearTimeout(this.#timer);
    // Some of the group may outlive its leader, or have closed its output.
    if (this.#ending.how === 'stopped') this.#signal('SIGKILL');
    this.#child?.stdout?.destroy();
    this.#child?.stderr?.destroy();
    this.#resolve({ ending: this.#ending, output: outputOf(this.#stdout, this.#stderr) });
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // Nobody is left, or it runs as another user (sudo) and cannot be stopped by us.
    }
  }
}

function spawned(
  [command = '', ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  return spawn(command, args, {
    cwd: '/',
    env: { ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}
