import type { Config } from '../config/types.ts';
import { type Clock, MINUTE, SECOND } from '../model/index.ts';

/** Every record is due at the start anyway, so that no start has to wait for node-cron and for Intl beneath it, ms. */
const BEGINS_AFTER = SECOND;

/** The longest sleep, ms: so late is a step of the wall clock noticed. */
const LOOKS_EVERY = 5 * SECOND;

/** The longest gap whose seconds are looked at one by one, ms. */
const LONGEST_WALK = MINUTE;

/**
 * The clockwork beneath the loop. node-cron reads the expressions and the time zone and says whether a second matches;
 * its own timers are not used, for they sleep through a wall clock that is set back and walk every missed time of one
 * that is set forward.
 *
 * Where the wall clock was stepped or the machine slept, each task runs once, and goes on from the new time: what was
 * missed is made up, and a run too many does no harm. A time that a change to summer time leaves out is left out.
 *
 * @param clock the one whose wall time the expressions mean: the machine's, also where the daemon's own runs faster
 */
export function startSchedule(
  { timezone, reconcile, pollLogs }: Config['schedule'],
  tasks: { readonly reconcile: () => void; readonly pollLogs: () => void },
  clock: Clock,
): { stop(): void } {
  let entries: readonly Entry[] = [];
  let stopped = false;
  let seen = 0;
  const arm = () => clock.after(untilNext(entries, clock.now()), look);
  const look = () => {
    const now = wholeSecond(clock.now());
    const due = entries.filter((entry) => isDue(entry, seen, now));
    seen = now;
    cancel = arm();
    for (const { run } of due) run();
  };
  const begin = async () => {
    const { createTask } = await import('node-cron');
    if (stopped) return;
    const entry = (expression: string, run: () => void): Entry => {
      const task = createTask(expression, run, { timezone });
      return { matches: (at) => task.match(new Date(at)), run, forget: () => void task.destroy() };
    };
    entries = [entry(reconcile, tasks.reconcile), entry(pollLogs, tasks.pollLogs)];
    seen = wholeSecond(clock.now());
    cancel = arm();
  };
  let cancel = clock.after(BEGINS_AFTER, () => void begin());
  return {
    stop: () => {
      stopped = true;
      cancel();
      for (const { forget } of entries) forget();
    },
  };
}

type Entry = {
  /** @param at a whole second, ms since the epoch */
  readonly matches: (at: number) => boolean;
  readonly run: () => void;
  /** Takes it out of node-cron's register. */
  readonly forget: () => void;
};

function isDue({ matches }: Entry, seen: number, now: number): boolean {
  const stepped = now < seen || now - seen > LONGEST_WALK;
  return stepped || secondsAfter(seen, now).some(matches);
}

/** How long to sleep: until the next second that anything waits for, ms. */
function untilNext(entries: readonly Entry[], now: number): number {
  const from = wholeSecond(now);
  const next = secondsAfter(from, from + LOOKS_EVERY).find((at) =>
    entries.some(({ matches }) => matches(at)),
  );
  return (next ?? from + LOOKS_EVERY) - now;
}

/** The whole seconds after `from`, up to and with `to`. */
function secondsAfter(from: number, to: number): number[] {
  return Array.from({ length: (to - from) / SECOND }, (_, index) => from + (index + 1) * SECOND);
}

function wholeSecond(at: number): number {
  return Math.floor(at / SECOND) * SECOND;
}
