import { describe, expect, it } from 'vitest';
import { HOUR } from '../../model/index.ts';
import { Pool } from './pool.ts';
import { type Lesson, NO_LESSON, PRIORS } from './prior.ts';

const START = Date.UTC(2026, 9, 1);
const hour = (failures: number, squares = failures): Lesson => ({
  failures,
  bins: 60,
  squares,
  expected: failures,
});

function taught(rates: readonly number[], hours: number, scatter = 1): Pool {
  const pool = new Pool(undefined);
  for (let turn = 0; turn < hours; turn += 1) {
    for (const failures of rates)
      pool.learn([NO_HOUR, hour(failures, failures * scatter)], START + turn * HOUR);
  }
  return pool;
}

const NO_HOUR: Lesson = { ...NO_LESSON, bins: 60 };

describe('what a new key is believed to be', () => {
  it('is the plain guess where nothing is known, and for the first hours', () => {
    expect(new Pool(undefined).priors).toEqual(PRIORS);
    const pool = new Pool(undefined);
    pool.learn([NO_HOUR, hour(30)], START);
    pool.learn([NO_HOUR, hour(30)], START + HOUR);
    expect(pool.priors).toEqual(PRIORS);
  });

  it('is like the others where they are alike', () => {
    const [, known] = taught([30, 32, 28, 30], 800).priors;
    expect(known.failures).toBe(2);
    expect(known.failures / known.bins).toBeGreaterThan(0.3);
    expect(known.failures / known.bins).toBeLessThan(0.6);
  });

  it('is little believed where they are not', () => {
    const [, known] = taught([0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 120], 800).priors;
    expect(known.failures).toBeLessThan(0.3);
  });

  it('scatters as they do', () => {
    expect(taught([3, 3, 3, 3], 200, 9).priors[1].dispersion).toBeGreaterThan(8);
    expect(taught([3, 3, 3, 3], 200, 1).priors[1].dispersion).toBeLessThan(1.1);
  });

  it('is the same after it was stored', () => {
    const pool = taught([3, 5, 9], 50, 2);
    const again = new Pool(JSON.parse(JSON.stringify(pool.save())));
    expect(again.priors).toEqual(pool.priors);
    expect(again.save()).toEqual(pool.save());
  });
});
