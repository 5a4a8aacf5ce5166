import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { type Clock, DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { systemClock } from './clock.ts';
import { startSchedule } from './schedule.ts';

/** Wall and monotonic time that the test moves; a timer fires when monotonic time reaches it. */
class HandClock implements Clock {
  #monotonic = 0;
  #wall: number;
  #timers: Array<{ at: number; task: () => void }> = [];
  #armed = Promise.withResolvers<void>();

  constructor(wall: string) {
    this.#wall = Date.parse(wall);
  }

  now = () => this.#wall;
  monotonic = () => this.#monotonic;
  steady = () => this.#monotonic;
  after = (ms: number, task: () => void) => {
    const timer = { at: this.#monotonic + ms, task };
    this.#timers.push(timer);
    this.#armed.resolve();
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  };

  get timers(): number {
    return this.#timers.length;
  }

  /** Resolves when a timer is set. */
  armed(): Promise<void> {
    this.#armed = Promise.withResolvers();
    return this.#armed.promise;
  }

  /** The wall clock alone, as an operator sets it, or as a machine finds it that was suspended. */
  set(ms: number): void {
    this.#wall += ms;
  }

  /** Both go on, from one timer to the next. */
  pass(ms: number): void {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = Math.min(end, ...this.#timers.map(({ at }) => at));
      this.#wall += next - this.#monotonic;
      this.#monotonic = next;
      const due = this.#timers.filter(({ at }) => at <= next);
      if (due.length === 0) return;
      this.#timers = this.#timers.filter(({ at }) => at > next);
      for (const { task } of due) task();
    }
  }
}

const stops: Array<() => void> = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A schedule that has begun, on a clock of the test's own, and when its tasks ran. */
async function begun({
  wall = '2026-10-01T08:59:59.250Z',
  timezone = 'UTC',
  reconcile = '*/10 * * * * *',
  pollLogs = '0 * * * * *',
}) {
  const clock = new HandClock(wall);
  const runs = { reconcile: [] as string[], pollLogs: [] as string[] };
  const note = (list: string[]) => () => void list.push(new Date(clock.now()).toISOString());
  const tasks = { reconcile: note(runs.reconcile), pollLogs: note(runs.pollLogs) };
  const { stop } = startSchedule({ timezone, reconcile, pollLogs }, tasks, clock);
  stops.push(stop);
  const armed = clock.armed();
  clock.pass(SECOND);
  await armed;
  const taken = () => ({ reconcile: runs.reconcile.splice(0), pollLogs: runs.pollLogs.splice(0) });
  return { clock, stop, taken };
}

test('both tasks are called at the times of their expressions, from a second after the start on', async () => {
  const [reconciled, polled] = [Promise.withResolvers<number>(), Promise.withResolvers<number>()];
  const begun = performance.now();
  const schedule = startSchedule(
    { timezone: 'UTC', reconcile: '* * * * * *', pollLogs: '*/2 * * * * *' },
    {
      reconcile: () => reconciled.resolve(performance.now() - begun),
      pollLogs: () => polled.resolve(performance.now() - begun),
    },
    systemClock(),
  );
  try {
    for (const after of await Promise.all([reconciled.promise, polled.promise])) {
      expect(after).toBeGreaterThan(990);
    }
  } finally {
    schedule.stop();
  }
});

test('each time is met to the millisecond, once', async () => {
  const { clock, taken } = await begun({});
  clock.pass(MINUTE);
  expect(taken()).toEqual({
    reconcile: ['10', '20', '30', '40', '50']
      .map((s) => `2026-10-01T09:00:${s}.000Z`)
      .concat('2026-10-01T09:01:00.000Z'),
    pollLogs: ['2026-10-01T09:01:00.000Z'],
  });
});

test('a wall clock that goes a week forward costs one run each, no time and no line, and they go on', async () => {
  const lines = vi.spyOn(console, 'warn');
  onTestFinished(() => lines.mockRestore());
  const { clock, taken } = await begun({ pollLogs: '50 8 8 10 *' });
  clock.pass(2 * SECOND);
  clock.set(7 * DAY);
  const before = performance.now();
  clock.pass(5 * SECOND);
  expect(performance.now() - before).toBeLessThan(200);
  expect(taken()).toMatchObject({ reconcile: { length: 1 }, pollLogs: { length: 1 } });
  clock.pass(MINUTE);
  expect(taken()).toMatchObject({ reconcile: { length: 6 }, pollLogs: [] });
  expect(lines).not.toHaveBeenCalled();
});

test('a wall clock that goes back is noticed within five seconds, and the tasks keep their pace', async () => {
  const { clock, taken } = await begun({});
  clock.pass(2 * SECOND);
  clock.set(-HOUR);
  clock.pass(5 * SECOND);
  expect(taken()).toMatchObject({ reconcile: { length: 1 }, pollLogs: { length: 1 } });
  clock.pass(10 * MINUTE);
  expect(taken()).toMatchObject({ reconcile: { length: 60 }, pollLogs: { length: 10 } });
});

test('a time that a late timer went past is made up once', async () => {
  const { clock, taken } = await begun({ reconcile: '* * * * * *', pollLogs: '0 0 9 2 10 *' });
  clock.set(30 * SECOND);
  clock.pass(SECOND);
  expect(taken()).toEqual({ reconcile: [expect.any(String)], pollLogs: [] });
});

test.each([
  ['2026-03-28T07:59:50Z', ['2026-03-28T08:00:00.000Z']],
  ['2026-03-29T06:59:50Z', ['2026-03-29T07:00:00.000Z']],
  ['2026-10-24T06:59:50Z', ['2026-10-24T07:00:00.000Z']],
  ['2026-10-25T06:59:50Z', []],
  ['2026-10-25T07:59:50Z', ['2026-10-25T08:00:00.000Z']],
])('nine in the morning is Berlin’s, before and after its clocks change: from %s', async (wall, expected) => {
  const { clock, taken } = await begun({ wall, timezone: 'Europe/Berlin', pollLogs: '0 9 * * *' });
  clock.pass(MINUTE);
  expect(taken().pollLogs).toEqual(expected);
});

test('in the hour that the clocks pass twice, the tasks keep their pace both times', async () => {
  const { clock, taken } = await begun({ wall: '2026-10-24T23:59:58Z', timezone: 'Europe/Berlin' });
  clock.pass(2 * HOUR);
  expect(taken()).toMatchObject({ reconcile: { length: 720 }, pollLogs: { length: 120 } });
});

test('an expression that no day matches never runs', async () => {
  const { clock, taken } = await begun({ pollLogs: '0 0 30W 2 *' });
  clock.pass(HOUR);
  expect(taken()).toMatchObject({ pollLogs: [], reconcile: { length: 360 } });
});

test('once stopped nothing runs and no timer is left', async () => {
  const { clock, stop, taken } = await begun({});
  stop();
  expect(clock.timers).toBe(0);
  clock.pass(HOUR);
  expect(taken()).toEqual({ reconcile: [], pollLogs: [] });
});

test.each([
  ['before it has begun', 0],
  ['while it begins', SECOND],
])('stopped %s, it never does', async (_, after) => {
  const clock = new HandClock('2026-10-01T09:00:00Z');
  const tasks = { reconcile: () => undefined, pollLogs: () => undefined };
  const { stop } = startSchedule(
    { timezone: 'UTC', reconcile: '* * * * * *', pollLogs: '* * * * *' },
    tasks,
    clock,
  );
  clock.pass(after);
  stop();
  await vi.dynamicImportSettled();
  expect(clock.timers).toBe(0);
});
