import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import {
  addStay,
  attend,
  distanceOf,
  hadHabit,
  isPoint,
  loadStays,
  nearest,
  type Stays,
  saveStays,
  stayAt,
  use,
} from './stays.ts';
import { randomFrom } from './testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);

function point(latitude: number, longitude: number, city: string | null = 'here', country = 'DE') {
  return { country, city, latitude, longitude };
}

function fresh(): Stays {
  return { places: [], spans: [] };
}

describe('a stay', () => {
  it('finds the nearest uses before and after a minute, as late as events come, in whatever order', () => {
    const random = randomFrom(9);
    const wrong: unknown[] = [];
    for (let turn = 0; turn < 300; turn += 1) {
      const every = [1, 4, 30, 300][turn % 4] ?? 1;
      let reached = START;
      const uses: number[] = [];
      const stays = fresh();
      const stay = addStay(stays, point(50, 8), '10.0.0.1', START);
      if (stay === null) throw new TypeError('there is room');
      uses.push(START);
      for (let step = 0; step < 60; step += 1) {
        const at = reached + Math.floor((random() * 2 - 0.5) * every * MINUTE);
        const used = Math.max(START, at, reached - 5 * MINUTE);
        reached = Math.max(reached, used);
        uses.push(used);
        use(stay, 'here', '10.0.0.1', used);
        const asked = Math.floor((reached - random() * 5 * MINUTE) / MINUTE);
        const minutes = uses.map((time) => Math.floor(time / MINUTE));
        const earlier = Math.max(...minutes.filter((minute) => minute <= asked));
        const later = Math.min(...minutes.filter((minute) => minute > asked));
        const expected = [earlier, later].filter(Number.isFinite);
        const found = nearest(stay, asked);
        if (String(found) !== String(expected)) wrong.push([turn, step, found, expected]);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is a cell of one degree in a country, of a city or not, and bears its first use', () => {
    const stays = fresh();
    const stay = addStay(stays, point(50.4, 8.2, 'Frankfurt'), '10.0.0.2', START + HOUR);
    expect(stayAt(stays, point(49.6, 7.6, 'Mainz'))).toBe(stay);
    for (const other of [
      point(50.6, 8.2),
      point(50.4, 8.6),
      point(50.4, 8.2, null),
      point(50.4, 8.2, 'here', 'FR'),
    ]) {
      expect(stayAt(stays, other)).toBeUndefined();
    }
    if (stay !== null) use(stay, 'Mainz', '10.0.0.1', START);
    expect(stay).toMatchObject({ city: 'Mainz', ip: '10.0.0.1', first: START });
    expect(loadStays(JSON.parse(JSON.stringify(saveStays(stays))))).toEqual(stays);
    expect(() => loadStays([[], [[50, 8]]])).toThrow(TypeError);
  });

  it('has room beside seven others, or in place of one unused for 90 days', () => {
    const stays = fresh();
    for (let index = 0; index < 8; index += 1)
      addStay(stays, point(index, 0), '10.0.0.1', START + index * DAY);
    expect(addStay(stays, point(50, 0), '10.0.0.1', START + 89 * DAY)).toBeNull();
    expect(addStay(stays, point(50, 0), '10.0.0.1', START + 91 * DAY)).not.toBeNull();
    expect([stays.places.length, stayAt(stays, point(0, 0))]).toEqual([8, undefined]);
    expect(JSON.stringify(saveStays(stays)).length).toBeLessThan(800);
  });

  it('is as far from another as the great circle says, less both accuracies', () => {
    const stays = fresh();
    const at = (latitude: number, longitude: number, city: string | null = 'here') => {
      const stay =
        stayAt(stays, point(latitude, longitude, city)) ??
        addStay(stays, point(latitude, longitude, city), '', START);
      if (stay === null) throw new TypeError('there is room');
      return stay;
    };
    // A quarter of the equator, and pole to pole: 10,007.5 and 20,015 km.
    expect(distanceOf(at(0, 0), at(0, 90))).toBeCloseTo(10_007.5 - 2 * 179, 0);
    expect(distanceOf(at(90, 0), at(-90, 0))).toBeCloseTo(20_015.1 - 2 * 179, 0);
    expect(distanceOf(at(0, 0), at(0, 90, null))).toBeCloseTo(10_007.5 - 179 - 1_079, 0);
    expect(distanceOf(at(0, 179), at(0, -179))).toBe(0);
    expect(distanceOf(at(0, 0), at(0, 1))).toBe(0);
  });

  it('needs both coordinates', () => {
    expect([
      isPoint(point(0, 0)),
      isPoint({ ...point(0, 0), latitude: null }),
      isPoint({ ...point(0, 0), longitude: null }),
    ]).toEqual([true, false, false]);
  });
});

describe('a habit', () => {
  it('is six spans of ten minutes, whatever their order', () => {
    const times = [0, 1, 5, 20, 21, 50, 70, 300, 400, 500].map((minute) => START + minute * MINUTE);
    for (const order of [times, times.toReversed()]) {
      const stays = fresh();
      for (const at of order) attend(stays, at);
      // The sixth is the one of 400 min.
      expect([414, 415].map((minute) => hadHabit(stays, START + minute * MINUTE))).toEqual([false, true]);
    }
    const few = fresh();
    for (const at of times.slice(0, 7)) attend(few, at);
    expect(hadHabit(few, START + 9 * DAY)).toBe(false);
  });
});
