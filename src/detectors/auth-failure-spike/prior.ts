import { type Json, list, numbers } from '../stored.ts';

/** What is believed of a stream before it has shown anything: so many failures in so many bins, and their dispersion. */
export type Prior = { readonly failures: number; readonly bins: number; readonly dispersion: number };

/** Of the streams of a key: failures from new addresses, and from known ones. */
export type Priors = readonly [Prior, Prior];

/**
 * A key of which nothing is known, in an account of which nothing is: ten failures a day, believed as much as half an hour
 * of watching. Most keys hardly ever fail and some do all day, so that a key's first hours say more than any guess; where
 * many would be a page each on the first day of an account, a key that is calm is known for it the day after. From new
 * addresses they come in twos and threes; a known client whose token has lapsed tries again and again.
 */
export const PRIORS: Priors = [
  { failures: 0.2, bins: 29, dispersion: 1.5 },
  { failures: 0.2, bins: 29, dispersion: 4 },
];

/** What a stream of one key has taught in some hours: its failures, and how they scattered over ten bins. */
export type Lesson = {
  readonly failures: number;
  readonly bins: number;
  readonly squares: number;
  readonly expected: number;
};

export const NO_LESSON: Lesson = { failures: 0, bins: 0, squares: 0, expected: 0 };

export function savePriors(priors: Priors): Json {
  return priors.map(({ failures, bins, dispersion }) => [failures, bins, dispersion]);
}

/** @throws {TypeError} where they are damaged */
export function loadPriors(stored: Json | undefined): Priors {
  const [fresh, known] = list(stored);
  return [loadPrior(fresh), loadPrior(known)];
}

function loadPrior(stored: Json | undefined): Prior {
  const [failures = 0, bins = 0, dispersion = 0] = numbers(stored, 3);
  return { failures, bins, dispersion };
}
