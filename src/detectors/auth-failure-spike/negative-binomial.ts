const HALF_LN_2PI = 0.918_938_533_204_672_8;

/**
 * The error of Stirling's formula, ln Γ(x+1) − (x+½)·ln x + x − ½·ln 2π, for x > 0.
 * Series: NIST Digital Library of Mathematical Functions, 5.11.1.
 */
export function stirlingError(x: number): number {
  let shift = 0;
  let y = x;
  // Below 16 the series is too short; the recurrence of Γ leads up to it without cancellation.
  for (; y < 16; y += 1) shift += (y + 0.5) * Math.log1p(1 / y) - 1;
  const z = 1 / (y * y);
  return shift + (1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z / 1188)))) / y;
}

/**
 * x·ln(x/m) + m − x without cancellation where x is near m: the deviance part of Loader's saddle-point
 * expansion (C. Loader, Fast and Accurate Computation of Binomial Probabilities, 2000).
 */
export function deviance(x: number, m: number): number {
  const v = (x - m) / (x + m);
  if (Math.abs(v) > 0.1) return x * Math.log(x / m) + m - x;
  let sum = (x - m) * v;
  let power = 2 * x * v;
  for (let odd = 3; odd < 100; odd += 2) {
    power *= v * v;
    const next = sum + power / odd;
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/** ln P(X = n) of the negative binomial distribution with the given mean and size r (variance mean + mean²/r); n ≥ 1. */
function logMass(n: number, mean: number, r: number): number {
  const all = n + r;
  const share = mean / (r + mean);
  return (
    Math.log(r / all) +
    stirlingError(all) -
    stirlingError(n) -
    stirlingError(r) -
    deviance(n, all * share) -
    deviance(r, all * (r / (r + mean))) -
    HALF_LN_2PI +
    0.5 * Math.log(all / (n * r))
  );
}

/**
 * P(X ≥ n) of the negative binomial distribution with the given mean and size r, for whole n above the mean:
 * the mass at n by the saddle-point expansion, then the tail's terms, all positive, each by its ratio to the one before.
 * Relative error under 1e-12.
 *
 * @throws {RangeError} where n is not a whole number above the mean, or mean or r is not positive and finite
 * @example upperTail(3, 1, 1) // 0.125: with r = 1 it is geometric
 */
export function upperTail(n: number, mean: number, r: number): number {
  if (!(Number.isSafeInteger(n) && n > mean && mean > 0 && r > 0 && Number.isFinite(r))) {
    throw new RangeError(`no upper tail at n=${n}, mean=${mean}, r=${r}`);
  }
  const q = mean / (r + mean);
  let term = 1;
  let sum = 1;
  for (let k = n; term > sum * 1e-17; k += 1) {
    term *= (q * (k + r)) / (k + 1);
    sum += term;
  }
  return Math.exp(logMass(n, mean, r)) * sum;
}
