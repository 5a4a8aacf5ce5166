import type { Clock } from '../model/index.ts';

/** The longest delay a Node timer takes (24.8 days): a longer one would fire at once. */
const LONGEST = 2 ** 31 - 1;

/** The machine's own time. */
export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    monotonic: () => performance.now(),
    steady: () => performance.now(),
    after: (ms, task) => clampedTimer(ms, task),
  };
}

/**
 * A clock that starts at `origin` and runs `speed` times as fast as the machine's: for the demonstration.
 * Its monotonic time stays the machine's, so that network deadlines do not shrink.
 */
export function fastClock(origin: number, speed: number): Clock {
  const started = performance.now();
  return {
    now: () => Math.floor(origin + (performance.now() - started) * speed),
    monotonic: () => performance.now(),
    steady: () => performance.now() * speed,
    after: (ms, task) => clampedTimer(ms / speed, task),
  };
}

function clampedTimer(ms: number, task: () => void): () => void {
  const ends = performance.now() + ms;
  let timer: NodeJS.Timeout;
  const arm = () => {
    const left = Math.max(0, ends - performance.now());
    timer = left > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(task, Math.ceil(left));
  };
  arm();
  return () => clearTimeout(timer);
}
