import { performance } from 'node:perf_hooks';

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * One Ctrl-C arrives more than once: from the terminal, and again from npm or from a launcher that passes it on.
 * What follows the first within this time is the same wish.
 */
const SAME_WISH = 400;

/** Waits for a person or supervisor to end us. */
export type StopSignals = {
  /** The first of them, whenever it comes. */
  readonly first: Promise<NodeJS.Signals>;
  /** Signals have their usual effect again. */
  release(): void;
};

/**
 * Takes SIGTERM and SIGINT: the first resolves `first`, a second one calls `force`.
 *
 * @example
 * const signals = stopSignals(() => process.exit(1));
 * await signals.first;
 */
export function stopSignals(force: (signal: NodeJS.Signals) => void): StopSignals {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let firstAt: number | null = null;
  const take = (signal: NodeJS.Signals) => {
    const now = performance.now();
    if (firstAt === null) {
      firstAt = now;
      resolve(signal);
    } else if (now - firstAt > SAME_WISH) {
      force(signal);
    }
  };
  for (const signal of STOP_SIGNALS) process.on(signal, take);
  return {
    first: promise,
    release: () => {
      for (const signal of STOP_SIGNALS) process.off(signal, take);
    },
  };
}

/** Those who want the configuration to be loaded anew. */
export type Hangups = {
  /** From now on each SIGHUP calls `take`; those that came before count as one. */
  each(take: () => void): void;
};

/** Takes SIGHUP, which would end the process otherwise. */
export function hangups(): Hangups {
  let came = false;
  let take = () => {
    came = true;
  };
  process.on('SIGHUP', () => take());
  return {
    each: (next) => {
      take = next;
      if (came) next();
    },
  };
}
