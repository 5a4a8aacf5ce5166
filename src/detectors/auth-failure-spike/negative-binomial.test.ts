import { describe, expect, it } from 'vitest';
import { deviance, stirlingError, upperTail } from './negative-binomial.ts';

/** Computed with mpmath 1.3 at 40 digits: the regularised incomplete beta function I(n, r) at mean/(r + mean). */
const TAILS: readonly (readonly [n: number, mean: number, r: number, tail: number])[] = [
  [5, 0.0034722, 0.25, 3.9376426234270315e-11],
  [6, 0.01, 0.0066, 0.00011208832778847455],
  [20, 0.25, 0.333, 3.15582441813575e-9],
  [12, 1.5, 0.7, 0.004940899833478176],
  [30, 2, 1e6, 5.857537742216235e-25],
  [51, 20, 3.5, 0.018428833252370446],
  [100, 60, 8.25, 0.05346888742067822],
  [480, 360, 720, 7.069008512513283e-7],
  [1500, 1440, 40, 0.3794541402477555],
  [10, 9.5, 1e9, 0.47817397745403656],
  [7, 6.9, 15.9, 0.511105383962752],
  [2000, 1, 0.001, 4.9078562250609264e-5],
  [5, 1e-7, 0.5, 7.87499278125402e-35],
];

/** Computed in the same way from ln Γ. */
const STIRLING: readonly (readonly [x: number, error: number])[] = [
  [0.001, 2.5422704679670947],
  [0.25, 0.27251040121343206],
  [1, 0.08106146679532726],
  [2.5, 0.033162873519936284],
  [7, 0.01189670994589177],
  [15.5, 0.005375599032926835],
  [16, 0.0052076559196096404],
  [100, 0.0008333305556349147],
  [12_345.678, 6.75000055202382e-6],
  [1e9, 8.333333333333333e-11],
];

/**
 * P(X ≥ n) for whole r: of n + r - 1 trials, each won with the chance p, fewer than r are lost (N. L. Johnson, A. W. Kemp,
 * S. Kotz, Univariate Discrete Distributions, 5.6). Summed in whole numbers, and divided once.
 */
function exactTail(n: number, r: number, [won, of]: readonly [number, number]): number {
  const trials = n + r - 1;
  let ways = 1n;
  let sum = 0n;
  for (let lost = 0; lost < r; lost += 1) {
    sum += ways * BigInt(won) ** BigInt(trials - lost) * BigInt(of - won) ** BigInt(lost);
    ways = (ways * BigInt(trials - lost)) / BigInt(lost + 1);
  }
  const all = BigInt(of) ** BigInt(trials);
  const scale = 10n ** BigInt(all.toString().length - sum.toString().length + 20);
  return Number(`${(sum * scale) / all}e-${scale.toString().length - 1}`);
}

const relative = (found: number, expected: number) => Math.abs(found / expected - 1);

describe('the negative binomial tail', () => {
  it.each(TAILS)('is right to 1e-10 at n=%s, mean=%s, r=%s', (n, mean, r, tail) => {
    expect(relative(upperTail(n, mean, r), tail)).toBeLessThan(1e-10);
  });

  it('is what whole numbers give exactly, where r is one and the chance a fraction', () => {
    for (const [n, r, p] of [
      [7, 3, [1, 5]],
      [20, 4, [1, 3]],
      [60, 12, [3, 7]],
      [200, 40, [9, 20]],
      [35, 9, [1, 100]],
    ] as const) {
      expect(relative(upperTail(n, (r * p[0]) / (p[1] - p[0]), r), exactTail(n, r, p))).toBeLessThan(1e-10);
    }
  });

  it('is a power where r is 1, the geometric distribution', () => {
    for (const mean of [0.5, 3, 40]) {
      for (const n of [41, 60, 200]) {
        expect(relative(upperTail(n, mean, 1), (mean / (1 + mean)) ** n)).toBeLessThan(1e-10);
      }
    }
  });

  it('refuses what it cannot answer', () => {
    for (const [n, mean, r] of [
      [1, 2, 1],
      [2.5, 1, 1],
      [3, 0, 1],
      [3, 1, 0],
      [3, 1, Number.POSITIVE_INFINITY],
      [3, Number.NaN, 1],
    ] as const) {
      expect(() => upperTail(n, mean, r)).toThrow(RangeError);
    }
  });
});

describe("the error of Stirling's formula", () => {
  it.each(STIRLING)('is right to 1e-10 at %s', (x, error) => {
    expect(Math.abs(stirlingError(x) - error)).toBeLessThan(1e-12 * Math.max(1, error));
  });
});

describe('the deviance', () => {
  it('agrees with its formula where that is exact enough, and loses nothing near zero', () => {
    expect(relative(deviance(3, 1), 3 * Math.log(3) - 2)).toBeLessThan(1e-14);
    // (x − m)²/(2m) − (x − m)³/(6m²) + …, by hand
    expect(relative(deviance(1e6 + 1, 1e6), 5e-7 - 1 / 6e12 + 1 / 12e18)).toBeLessThan(1e-12);
    expect(deviance(5, 5)).toBe(0);
  });
});
