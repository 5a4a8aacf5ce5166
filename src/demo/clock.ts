import { fastClock } from '../engine/clock.ts';
import type { Clock } from '../model/index.ts';

/** A clock whose pace can be changed while it runs; wall time and `steady` never jump. */
export type GearedClock = Clock & {
  /** @param speed ms that pass in a millisecond of the machine's */
  shift(speed: number): void;
};

type Timer = { readonly endsAt: number; readonly task: () => void; cancel: () => void };

/**
 * Starts at `origin`, at the machine's own pace: what people do (consent, for one) takes them real time.
 *
 * @example
 * const clock = gearedClock(Date.now());
 * clock.shift(86_400); // from now on a day passes every second
 */
export function gearedClock(origin: number): GearedClock {
  const timers = new Set<Timer>();
  let gear = fastClock(origin, 1);
  let shiftedAt = { steady: 0, gear: gear.steady() };
  const steady = () => shiftedAt.steady + gear.steady() - shiftedAt.gear;

  const arm = (timer: Timer) => {
    timer.cancel = gear.after(Math.max(0, timer.endsAt - steady()), () => {
      timers.delete(timer);
      timer.task();
    });
  };

  return {
    now: () => gear.now(),
    monotonic: () => gear.monotonic(),
    steady,
    after(ms, task) {
      const timer: Timer = { endsAt: steady() + ms, task, cancel: () => undefined };
      timers.add(timer);
      arm(timer);
      return () => {
        timers.delete(timer);
        timer.cancel();
      };
    },
    shift(speed) {
      const passed = steady();
      gear = fastClock(gear.now(), speed);
      shiftedAt = { steady: passed, gear: gear.steady() };
      for (const timer of timers) {
        timer.cancel();
        arm(timer);
      }
    },
  };
}
