import { describe, expect, test } from 'vitest';
import { MINUTE } from '../model/index.ts';
import { Repeats } from './repeats.ts';
import { list } from './stored.ts';

/** What a state would hold after this change. */
function stored(repeats: Repeats, kept = new Map<number, string>()): Map<number, string> {
  const { put, drop } = repeats.changes();
  for (const [serial, body] of put) kept.set(serial, JSON.stringify(body));
  for (const serial of drop) kept.delete(serial);
  return kept;
}

function reopened(kept: ReadonlyMap<number, string>): Repeats {
  const repeats = new Repeats();
  for (const [serial, body] of kept) repeats.admit(serial, JSON.parse(body));
  return repeats;
}

describe('repeats', () => {
  test('are known for fifteen minutes of the log’s time, in this process and the next', () => {
    const repeats = new Repeats();
    expect([repeats.first('a', 0), repeats.first('a', 15 * MINUTE)]).toEqual([true, false]);
    expect(reopened(stored(repeats)).first('a', 15 * MINUTE)).toBe(false);
  });

  test('are forgotten when nothing can come again, and their slices are deleted', () => {
    const repeats = new Repeats();
    repeats.first('a', 0);
    const kept = stored(repeats);
    for (let minute = 2; minute <= 40; minute += 2) repeats.first(`at-${minute}`, minute * MINUTE);
    stored(repeats, kept);
    expect(kept.size).toBeLessThanOrEqual(9);
    expect(reopened(kept).first('a', 40 * MINUTE)).toBe(true);
    expect(reopened(kept).first('at-40', 40 * MINUTE)).toBe(false);
  });

  test('cost a page no more than the ids that it brings, and no flood more than 42,000', () => {
    const repeats = new Repeats();
    const kept = new Map<number, string>();
    for (let page = 0; page < 100; page += 1) {
      for (let index = 0; index < 1_000; index += 1) repeats.first(`${page}-${index}`, page);
      const sizes = repeats.changes().put.map(([serial, body]) => {
        kept.set(serial, JSON.stringify(body));
        return list(list(body)[2]).length;
      });
      expect(Math.max(...sizes)).toBeLessThanOrEqual(2_000);
      expect(sizes.length).toBeLessThanOrEqual(2);
    }
    expect([repeats.first('99-0', 100), repeats.first('0-0', 100)]).toEqual([false, true]);
  });
});
