import { describe, expect, it } from 'vitest';
import { RateLimit } from './rate-limit.ts';

const ASK = { urgent: false, patienceMs: 60_000 };
const URGENT = { urgent: true, patienceMs: 60_000 };

/** Waits granted to `count` calls in a row at `now`; null for a refusal. */
function waits(limit: RateLimit, count: number, now: number, ask = ASK): (number | null)[] {
  return Array.from({ length: count }, () => {
    const { granted, waitMs } = limit.reserve('k', now, ask);
    return granted ? waitMs : null;
  });
}

describe('a key’s bucket', () => {
  it('holds a minute’s share, then gives one token after the other, in order', () => {
    const limit = new RateLimit(120, 0.1);
    expect(waits(limit, 12, 0)).toEqual(Array(12).fill(0));
    expect(waits(limit, 3, 0)).toEqual([5_000, 10_000, 15_000]);
    expect(waits(limit, 1, 15_000)).toEqual([5_000]);
  });

  it('fills up to a minute’s share and no further', () => {
    const limit = new RateLimit(120, 0.1);
    waits(limit, 12, 0);
    expect(waits(limit, 13, 3_600_000)).toEqual([...Array(12).fill(0), 5_000]);
  });

  it('refuses what would wait too long, and then takes nothing', () => {
    const limit = new RateLimit(120, 0.1);
    waits(limit, 12, 0);
    const impatient = { urgent: false, patienceMs: 4_999 };
    expect(limit.reserve('k', 0, impatient)).toEqual({ granted: false, waitMs: 5_000 });
    expect(limit.reserve('k', 0, impatient)).toEqual({ granted: false, waitMs: 5_000 });
    expect(limit.reserve('k', 1, impatient)).toEqual({ granted: true, waitMs: 4_999 });
  });

  it('is each key’s own', () => {
    const limit = new RateLimit(6, 0.2);
    expect(limit.reserve('a', 0, ASK).waitMs).toBe(0);
    expect(limit.reserve('b', 0, ASK).waitMs).toBe(0);
    expect(limit.reserve('a', 0, ASK).waitMs).toBeGreaterThan(0);
  });

  it('leaves one call a minute to the smallest share', () => {
    expect(waits(new RateLimit(5, 0.01), 2, 0)).toEqual([0, 60_000]);
  });

  it('gives an urgent call the whole limit, which ordinary calls count against', () => {
    const limit = new RateLimit(10, 0.2);
    expect(waits(limit, 3, 0)).toEqual([0, 0, 30_000]);
    expect(waits(limit, 8, 0, URGENT)).toEqual([...Array(7).fill(0), 6_000]);
    expect(limit.reserve('k', 0, { urgent: false, patienceMs: 60_000 }).waitMs).toBe(60_000);
  });

  it('is forgotten for the oldest key once there are very many', () => {
    const limit = new RateLimit(6, 0.2);
    limit.told('first', 0, 3);
    for (let index = 0; index < 256; index += 1) limit.reserve(`k${index}`, 0, ASK);
    expect(limit.remaining('first')).toBe(null);
  });
});

describe('a refusal by the provider', () => {
  it('empties the bucket until it says, for urgent calls too', () => {
    const limit = new RateLimit(120, 0.1);
    limit.refused('k', 0, 20_000);
    expect(limit.blockedMs('k', 5_000)).toBe(15_000);
    expect(waits(limit, 2, 5_000)).toEqual([15_000, 20_000]);
    expect(limit.reserve('k', 5_000, URGENT).waitMs).toBeGreaterThan(15_000);
    expect(limit.reserve('other', 5_000, ASK).waitMs).toBe(0);
  });

  it('is never shortened by a later one', () => {
    const limit = new RateLimit(120, 0.1);
    limit.refused('k', 0, 20_000);
    limit.refused('k', 1_000, 1_000);
    expect(limit.blockedMs('k', 1_000)).toBe(19_000);
    expect(limit.blockedMs('k', 20_000)).toBe(0);
  });

  it('leaves nothing of what the provider last counted', () => {
    const limit = new RateLimit(120, 0.1);
    expect(limit.remaining('k')).toBe(null);
    limit.told('k', 0, 42);
    expect(limit.remaining('k')).toBe(42);
    limit.refused('k', 0, 1_000);
    expect(limit.remaining('k')).toBe(0);
  });
});

describe('a wait that the provider asks for without refusing for the limit’s sake', () => {
  it('holds every call with the key and leaves its tokens as they were', () => {
    const limit = new RateLimit(120, 0.1);
    limit.told('k', 0, 42);
    limit.hold('k', 0, 30_000);
    expect(limit.reserve('k', 10_000, URGENT).waitMs).toBe(20_000);
    expect(limit.blockedMs('other', 10_000)).toBe(0);
    expect(limit.remaining('k')).toBe(42);
    expect(waits(limit, 12, 30_000)).toEqual(Array(12).fill(0));
  });
});
