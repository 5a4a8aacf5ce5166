import { type ChildProcess, spawn } from 'node:child_process';

export type Environment = Readonly<Record<string, string | undefined>>;

/** How a command came to its end. */
export type Ending =
  | { readonly how: 'exited'; readonly code: number }
  | { readonly how: 'killed'; readonly signal: NodeJS.Signals }
  /** It never ran; the operating system's name for the reason, `ENOENT`. */
  | { readonly how: 'unstarted'; readonly errno: string };

export type ApplicationOptions = {
  readonly command: readonly [string, ...string[]];
  readonly stopSignal: NodeJS.Signals;
  /** Between the stop signal and SIGKILL, ms. */
  readonly grace: number;
};

/** After one of these a person or a supervisor wants it to end: it is not started again. */
const ENDING: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/**
 * A command that runs until it ends by itself, and that may be started anew in between. It has our standard input, output
 * and error, and stays in our process group, so that it can use the terminal.
 *
 * @example
 * const application = new Application({ command: ['node', 'server.js'], stopSignal: 'SIGTERM', grace: 10_000 });
 * application.start(env);
 * const ending = await application.ended;
 */
export class Application {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  readonly #options: ApplicationOptions;
  readonly #end: (ending: Ending) => void;
  #child: ChildProcess | null = null;
  #replaced: (() => void) | null = null;
  #over = false;

  constructor(options: ApplicationOptions) {
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<Ending>();
    this.ended = promise;
    this.#end = resolve;
  }

  get started(): boolean {
    return this.#child !== null;
  }

  /** False before its start, and once it has ended or was told to. */
  get goesOn(): boolean {
    return this.#child !== null && !this.#over;
  }

  start(env: Environment): void {
    const [program, ...args] = this.#options.command;
    try {
      const child = spawn(program, args, { env: { ...env }, stdio: 'inherit' });
      this.#child = child;
      // It is emitted too where a signal cannot be delivered, to a program that runs as another user.
      child.on('error', (error) => {
        if (child.pid === undefined) this.#finish({ how: 'unstarted', errno: errnoOf(error) });
      });
      child.once('exit', (code, signal) => this.#exited(code, signal));
    } catch (error) {
      this.#finish({ how: 'unstarted', errno: errnoOf(error) });
    }
  }

  /** To the command, if it runs. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Somebody has sent us this signal; `passOn` is false where the command has got it too. */
  told(signal: NodeJS.Signals, passOn: boolean): void {
    if (ENDING.includes(signal)) this.#over = true;
    if (passOn) this.signal(signal);
  }

  /**
   * Stops it and starts it with what `env` gives once it has stopped. Resolves then, or, where it ends for good meanwhile,
   * never.
   */
  async replace(env: () => Environment): Promise<void> {
    const { stopSignal, grace } = this.#options;
    const stopped = new Promise<void>((resolve) => {
      this.#replaced = resolve;
    });
    this.signal(stopSignal);
    const kill = setTimeout(() => this.signal('SIGKILL'), grace).unref();
    await stopped;
    clearTimeout(kill);
    this.#replaced = null;
    this.start(env());
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#replaced !== null && !this.#over) this.#replaced();
    else this.#finish(signal === null ? { how: 'exited', code: code ?? 1 } : { how: 'killed', signal });
  }

  #finish(ending: Ending): void {
    this.#over = true;
    this.#end(ending);
  }
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
}
