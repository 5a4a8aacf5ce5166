import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';
import { nextRotationAt } from './schedule.ts';
import { fits, lastOpening, nextOpening } from './slots.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { parseWindow } from './window.ts';

const time = (text: string) => Date.parse(text);
const iso = (at: number | null) => (at === null ? null : new Date(at).toISOString());
const slots = (window: string, overlapEnd: 'any' | 'weekdays' = 'any') => ({
  window: parseWindow(window),
  overlapEnd,
  overlap: 3 * DAY,
});

/** When the successor of a key made on Thursday 2026-10-01 at 09:00 UTC is due, asked at `now`. */
function due(policy: Partial<RotationPolicy>, now = START, spread = 0): string | null {
  const world = World.managing({ policy, spread });
  return iso(nextRotationAt(world.policy, world.memory.snapshot(), spread, now));
}

describe('without a window', () => {
  test('a key is replaced when its age reaches `every`', () => {
    const world = World.managing();
    world.advance(90 * DAY - 1);
    expect(world.provider.calls).toEqual([]);
    world.advance(1);
    expect(world.provider.calls.map(({ at, trigger }) => [at, trigger])).toEqual([
      [START + 90 * DAY, 'scheduled'],
    ]);
  });

  test.each([
    [0, 0],
    [0.25, 1.5 * HOUR],
    [0.999_999_999, 6 * HOUR - 1],
  ])('a jitter of 6 h at %d of it brings the rotation forward by %d ms, never back', (spread, early) => {
    const world = World.managing({ policy: { jitter: 6 * HOUR }, spread });
    expect(world.dueAt).toBe(START + 90 * DAY - early);
  });

  test('the same key falls on the same moment however often and whenever it is asked', () => {
    const asked = [START, START + HOUR, START + 80 * DAY].map((now) => due({ jitter: 6 * HOUR }, now, 0.5));
    expect(new Set(asked)).toEqual(new Set([iso(START + 90 * DAY - 3 * HOUR)]));
  });

  test('a rotation that fell due while nothing ran begins as soon as something does', () => {
    const world = World.managing();
    world.sleep('100d');
    world.wake();
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START + 100 * DAY]);
  });

  test('overlaps that may end on weekdays only begin on the last day that suits', () => {
    // 90 days on is Wednesday 30 December; three days from it is a Saturday.
    expect(due({ overlapEnd: 'weekdays' })).toBe('2026-12-29T09:00:00.000Z');
    expect(due({ overlapEnd: 'any' })).toBe('2026-12-30T09:00:00.000Z');
  });
});

describe('with a window', () => {
  const berlin = parseWindow('Mon-Tue 09:00-16:00 Europe/Berlin');

  test('the last opening before the bound is taken', () => {
    expect(due({ window: berlin })).toBe('2026-12-29T08:00:00.000Z');
  });

  test('a bound inside the window is taken as it is', () => {
    expect(due({ window: berlin, every: 89 * DAY })).toBe('2026-12-29T09:00:00.000Z');
  });

  test('its opening must let the overlap end on a weekday', () => {
    const window = parseWindow('Mon-Fri 09:00-16:00 Europe/Berlin');
    expect(due({ window, overlapEnd: 'weekdays' })).toBe('2026-12-29T08:00:00.000Z');
    expect(due({ window, overlapEnd: 'any' })).toBe('2026-12-30T09:00:00.000Z');
  });

  test('a slot missed while nothing ran is made up for in the next opening, not outside of it', () => {
    const world = World.managing({ policy: { window: berlin } });
    world.sleep('92d');
    world.wake();
    expect([iso(world.now), iso(world.dueAt)]).toEqual([
      '2027-01-01T09:00:00.000Z',
      '2027-01-04T08:00:00.000Z',
    ]);
    world.advance('4d');
    expect(world.provider.calls.map(({ at }) => iso(at))).toEqual(['2027-01-04T08:00:00.000Z']);
  });

  test('a slot missed by less than the window is taken at once', () => {
    const world = World.managing({ policy: { window: berlin } });
    world.sleep('89d');
    world.wake();
    expect(world.provider.calls.map(({ at }) => iso(at))).toEqual(['2026-12-29T09:00:00.000Z']);
  });

  test('where no opening lies between a key and its bound, the first one after it is taken', () => {
    const world = World.managing({ policy: { window: berlin, every: 2 * DAY, overlap: DAY } });
    expect(iso(world.dueAt)).toBe('2026-10-05T07:00:00.000Z');
    world.advance('5d');
    expect(world.provider.calls.map(({ at }) => iso(at))).toEqual(['2026-10-05T07:00:00.000Z']);
  });

  test('every rotation of three years is inside the window, on time, and ends on a weekday', () => {
    const world = World.managing({
      policy: { window: berlin, overlapEnd: 'weekdays', jitter: 6 * HOUR },
      spread: 0.3,
    });
    world.advance('1095d');
    const mints = world.provider.calls.map(({ at }) => at);
    expect(mints).toHaveLength(12);
    let made = START;
    for (const at of mints) {
      expect(lastOpening(at, slots('Mon-Tue 09:00-16:00 Europe/Berlin', 'weekdays'))).toBe(at);
      expect(at - made).toBeLessThanOrEqual(90 * DAY);
      expect(at - made).toBeGreaterThan(82 * DAY);
      made = at;
    }
  });

  test('what a person asks for does not wait for it', () => {
    const world = World.managing({ policy: { window: berlin } });
    world.rotate();
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START]);
  });
});

describe('an opening', () => {
  test.each([
    ['2026-10-05T22:00:00Z', true],
    ['2026-10-06T01:59:00Z', true],
    ['2026-10-06T02:00:00Z', false],
    ['2026-10-05T21:59:00Z', false],
    ['2026-10-06T22:30:00Z', false],
    ['2026-10-05T01:00:00Z', false],
  ])('of a window from Monday evening over midnight includes %s: %s', (at, included) => {
    expect(fits(time(at), slots('Mon 22:00-02:00 UTC'))).toBe(included);
  });

  test('over midnight belongs to the day on which it begins', () => {
    const night = slots('Mon 22:00-02:00 UTC');
    expect(iso(lastOpening(time('2026-10-07T12:00:00Z'), night))).toBe('2026-10-05T22:00:00.000Z');
    expect(iso(nextOpening(time('2026-10-07T12:00:00Z'), night))).toBe('2026-10-12T22:00:00.000Z');
  });

  test.each([
    ['2026-10-20T12:00:00Z', '2026-10-18T07:00:00.000Z', 'in summer time'],
    ['2026-10-27T12:00:00Z', '2026-10-25T08:00:00.000Z', 'on the day of the change back'],
    ['2026-03-30T12:00:00Z', '2026-03-29T07:00:00.000Z', 'on the day of the change forth'],
  ])('before %s is at nine by the clock on the wall in Berlin, %s (%s)', (before, opening) => {
    expect(iso(lastOpening(time(before), slots('Sun 09:00-16:00 Europe/Berlin')))).toBe(opening);
  });

  test('at an hour that the change of clocks leaves out is as far behind the change', () => {
    const skipped = slots('Sun 02:30-06:00 Europe/Berlin');
    expect(iso(lastOpening(time('2026-03-30T12:00:00Z'), skipped))).toBe('2026-03-29T01:30:00.000Z');
  });

  test('on a day of 23 hours is not stepped over', () => {
    const evening = slots('Sun 20:00-22:00 Europe/Berlin');
    // Monday 00:30 by the clock on the wall; 24 hours before it was still Saturday.
    expect(iso(lastOpening(time('2026-03-29T22:30:00Z'), evening))).toBe('2026-03-29T18:00:00.000Z');
    // Saturday 23:30; 24 hours after it is Monday already.
    expect(iso(nextOpening(time('2026-03-28T22:30:00Z'), evening))).toBe('2026-03-29T18:00:00.000Z');
  });

  test('that never suits is not found', () => {
    const never = { ...slots('Wed 09:00-10:00 UTC', 'weekdays') };
    expect([lastOpening(START, never), nextOpening(START, never)]).toEqual([null, null]);
  });
});

describe('the first rotation', () => {
  test('with `first: now` follows the adoption at once, and is the only one that does', () => {
    const world = World.managing({ policy: { first: 'now' } });
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START]);
    world.advance('10d');
    expect([world.history, world.dueAt]).toEqual([['completed'], START + 90 * DAY]);
  });

  test('counts from `issuedAt` where that is known', () => {
    const world = World.managing({ policy: { issuedAt: START - 80 * DAY } });
    expect([world.current.createdAt, world.dueAt]).toEqual([START - 80 * DAY, START + 10 * DAY]);
  });

  test('of a key that is older than `every` is due at once', () => {
    const world = World.managing({ policy: { issuedAt: START - 91 * DAY } });
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START]);
  });
});

describe('a current key that has an end', () => {
  function dying(world: World): World {
    world.provider.rotate('first', 'somebody-else', world.now);
    world.memory.apply({
      type: 'version.put',
      version: { ...world.current, expiresAt: world.now + 3 * DAY },
    });
    return world;
  }

  test('is replaced at once, window or not', () => {
    const world = dying(World.managing({ policy: { window: parseWindow('Mon 09:00-10:00 UTC') } }));
    world.wake();
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START]);
    expect(world.open?.state).toBe('verifying');
  });

  test('still rests after a failure', () => {
    const world = dying(World.managing());
    world.provider.mints = ({ count }) => (count === 1 ? failure('permanent') : null);
    world.wake();
    world.advance('59m');
    expect(world.provider.calls).toHaveLength(1);
    world.advance('1m');
    expect(world.provider.calls).toHaveLength(2);
  });
});

describe('after a failure', () => {
  test('it is tried again after an hour, doubling to a day', () => {
    const world = World.managing();
    world.provider.mints = () => failure('permanent');
    world.advance('94d');
    const at = world.provider.calls.map((call) => (call.at - START - 90 * DAY) / HOUR);
    expect(at).toEqual([0, 1, 3, 7, 15, 31, 55, 79]);
    expect(world.current).toMatchObject({ number: 1, expiresAt: null });
  });

  test('the provider may ask for more than an hour', () => {
    const world = World.managing();
    world.provider.mints = () => failure('permanent', 'quota', 5 * HOUR);
    world.advance('90d');
    expect(world.memory.record.retryAt).toBe(world.now + 5 * HOUR);
  });

  test('one that a person asked for is tried again too, long before the schedule would', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => (count === 1 ? failure('permanent') : null);
    world.rotate();
    world.advance('2h');
    expect(world.history).toEqual(['failed', 'overlap']);
  });

  test('the next try waits for the window', () => {
    const world = World.managing({ policy: { window: parseWindow('Mon-Tue 09:00-16:00 Europe/Berlin') } });
    world.provider.mints = ({ count }) => (count <= 4 ? failure('permanent') : null);
    world.advance('100d');
    expect(world.provider.calls.map(({ at }) => iso(at))).toEqual([
      '2026-12-29T08:00:00.000Z',
      '2026-12-29T09:00:00.000Z',
      '2026-12-29T11:00:00.000Z',
      '2027-01-04T08:00:00.000Z',
      '2027-01-05T08:00:00.000Z',
    ]);
  });

  test('success ends the series: the next failure rests for an hour again', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => (count === 3 ? null : failure('permanent'));
    world.rotate();
    world.advance('5d');
    expect(world.memory.record).toMatchObject({ attempts: 0, retryAt: null, lastError: null });
    world.rotate();
    expect(world.memory.record).toMatchObject({ attempts: 1, retryAt: world.now + HOUR });
  });
});
