import { describe, expect, it } from 'vitest';
import { type Clock, EdgeError } from '../model/index.ts';
import { RateLimit } from './rate-limit.ts';
import { Throttle } from './throttle.ts';

/** Time that moves only by `advance`, and the timers on it. */
function handClock() {
  let now = 0;
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    now: () => now,
    monotonic: () => now,
    steady: () => now,
    after(ms, task) {
      timers.set(task, now + ms);
      return () => timers.delete(task);
    },
  };
  return {
    clock,
    pending: () => timers.size,
    async advance(ms: number) {
      now += ms;
      const due = [...timers].filter(([, at]) => at <= now).toSorted(([, a], [, b]) => a - b);
      for (const [task] of due) {
        timers.delete(task);
        task();
        await new Promise(setImmediate);
      }
    },
  };
}

function throttle(patienceMs: number) {
  const hand = handClock();
  const limit = new RateLimit(60, 1 / 30);
  return { ...hand, limit, throttle: new Throttle({ limit, clock: hand.clock, patienceMs }) };
}

describe('a throttle', () => {
  it('lets calls go at once while there are tokens, then in the order in which they came', async () => {
    const { throttle: gate, advance } = throttle(120_000);
    const gone: number[] = [];
    const all = [0, 1, 2, 3].map(async (index) => {
      await gate.enter('k', 'GET /x', false);
      gone.push(index);
    });
    await new Promise(setImmediate);
    expect(gone).toEqual([0, 1]);
    await advance(30_000);
    expect(gone).toEqual([0, 1, 2]);
    await advance(30_000);
    await Promise.all(all);
    expect(gone).toEqual([0, 1, 2, 3]);
  });

  it('says how long it would take where that is too long', async () => {
    const { throttle: gate } = throttle(29_999);
    await gate.enter('k', 'GET /x', false);
    await gate.enter('k', 'GET /x', false);
    const error = await gate.enter('k', 'GET /x', false).catch((reason: unknown) => reason);
    expect(error instanceof EdgeError && error.failure).toMatchObject({
      code: 'rate_limited',
      verdict: 'retryable',
      retryAfterMs: 30_000,
    });
  });

  it('keeps back a call that already waits when the provider refuses another', async () => {
    const { throttle: gate, advance, limit, clock } = throttle(45_000);
    await gate.enter('k', 'GET /x', false);
    await gate.enter('k', 'GET /x', false);
    let outcome = 'waits';
    const third = gate.enter('k', 'GET /x', false).then(
      () => {
        outcome = 'gone';
      },
      (reason: unknown) => {
        outcome = reason instanceof EdgeError ? reason.code : 'broken';
      },
    );
    await advance(20_000);
    limit.refused('k', clock.monotonic(), 22_000);
    await advance(10_000);
    expect(outcome).toBe('waits');
    await advance(12_000);
    await third;
    expect(outcome).toBe('gone');
  });

  it('says where the provider asked for the wait', async () => {
    const { throttle: gate, limit } = throttle(20_000);
    limit.hold('k', 0, 30_000);
    const error = await gate.enter('k', 'GET /x', false).catch((reason: unknown) => reason);
    expect(error instanceof EdgeError && error.failure).toEqual({
      code: 'rate_limited',
      verdict: 'retryable',
      retryAfterMs: 30_000,
      message: 'GET /x was not sent: the provider asked for no call with this key for another 30s; waiting',
    });
  });

  it('leaves no timer behind when it is closed', async () => {
    const { throttle: gate, pending } = throttle(120_000);
    await gate.enter('k', 'GET /x', false);
    await gate.enter('k', 'GET /x', false);
    const waiting = gate.enter('k', 'GET /x', false);
    expect(pending()).toBe(1);
    gate.close();
    await expect(waiting).rejects.toMatchObject({ code: 'closed' });
    expect(pending()).toBe(0);
  });
});
