import { HOUR } from '../../model/index.ts';
import { type Json, list, number, numbers } from '../stored.ts';
import { type Lesson, PRIORS, type Prior, type Priors } from './prior.ts';

/** What the keys have taught is taken over every six hours: what a new key is believed to be must not hang on the order of arrival. */
const TERM = 6 * HOUR;
/** It fades by half in 14 days. */
const KEEP = 0.5 ** (1 / 56);
/** What is believed of an account of which nothing is known is believed as much as three days of one key. */
const WEIGHT = 3 * 1_440;
/** A prior's failures, and its dispersion, whatever the keys are like. */
const SHAPE = { least: 0.1, most: 2 } as const;
const DISPERSION = { most: 20, weight: 20 } as const;

/** Of one stream of all keys: Σ failures, Σ bins, Σ failures²/bins, and the scatter over ten bins with what was expected. */
type Sums = readonly number[];

const NOTHING: Sums = [0, 0, 0, 0, 0];

/**
 * What the keys of an account are like, to go by where one is new: their mean rate, how far they and their hours lie
 * apart (a gamma distribution, by its moments), and their dispersion. Keys that never failed teach nothing, since a
 * prior is first wanted when a key fails.
 */
export class Pool {
  #term: number;
  #sums: [Sums, Sums];
  #taken: readonly [Sums, Sums];
  #priors: Priors;

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json | undefined) {
    const [term, ...sums] = stored === undefined ? [0, NOTHING, NOTHING, NOTHING, NOTHING] : list(stored);
    const [fresh, known, freshTaken, knownTaken] = sums.map((sum) => numbers(sum, 5));
    this.#term = number(term);
    this.#sums = [fresh ?? NOTHING, known ?? NOTHING];
    this.#taken = [freshTaken ?? NOTHING, knownTaken ?? NOTHING];
    this.#priors = priorsOf(this.#taken);
  }

  save(): Json {
    return [this.#term, ...this.#sums, ...this.#taken];
  }

  /** What a new key is believed to be. */
  get priors(): Priors {
    return this.#priors;
  }

  /** Takes in what a key has taught. */
  learn([fresh, known]: readonly [Lesson, Lesson], settled: number): void {
    if (fresh.bins === 0) return;
    const term = Math.floor(settled / TERM);
    if (term > this.#term) {
      this.#term = term;
      this.#taken = this.#sums;
      this.#priors = priorsOf(this.#taken);
      this.#sums = [this.#sums[0].map(fade), this.#sums[1].map(fade)];
    }
    this.#sums = [add(this.#sums[0], fresh), add(this.#sums[1], known)];
  }
}

const fade = (sum: number): number => short(sum * KEEP, 6);

function add([failures = 0, bins = 0, apart = 0, squares = 0, expected = 0]: Sums, lesson: Lesson): Sums {
  return [
    failures + lesson.failures,
    bins + lesson.bins,
    apart + lesson.failures ** 2 / lesson.bins,
    squares + lesson.squares,
    expected + lesson.expected,
  ].map((sum) => short(sum, 6));
}

function priorsOf([fresh, known]: readonly [Sums, Sums]): Priors {
  return [priorOf(fresh, PRIORS[0]), priorOf(known, PRIORS[1])];
}

function priorOf([failures = 0, bins = 0, apart = 0, squares = 0, expected = 0]: Sums, base: Prior): Prior {
  const rate = base.failures / base.bins;
  const mean = (failures + WEIGHT * rate) / (bins + WEIGHT);
  const second = (apart + WEIGHT * rate ** 2 * (1 + 1 / base.failures)) / (bins + WEIGHT);
  const shape = Math.min(SHAPE.most, Math.max(SHAPE.least, mean ** 2 / Math.max(second - mean ** 2, 1e-12)));
  const dispersion = (squares + DISPERSION.weight * base.dispersion) / (expected + DISPERSION.weight);
  return {
    failures: short(shape, 2),
    bins: short(shape / mean, 2),
    dispersion: short(Math.min(DISPERSION.most, Math.max(1, dispersion)), 2),
  };
}

const short = (value: number, digits: number): number => Number(value.toPrecision(digits));
