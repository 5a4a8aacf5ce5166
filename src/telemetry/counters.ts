type Labels = Readonly<Record<string, string>>;

/** One counted series. */
export type Series = { readonly labels: Labels; readonly value: number };

/** One observed distribution: how many, and their sum. */
export type Observed = { readonly labels: Labels; readonly values: readonly number[] };

/** At most this many observations of a series are kept between two scrapes. */
const KEEP = 10_000;

/**
 * Counts what happens, cheaply: the metrics library is loaded at the first scrape and fed from here,
 * so that a daemon that nobody scrapes does not carry it.
 */
export class Counters {
  readonly #counts = new Map<string, Map<string, { labels: Labels; value: number }>>();
  readonly #observations = new Map<string, Map<string, { labels: Labels; values: number[] }>>();

  /** Adds to a counter. Names are without the prefix `keywarden_`. */
  count(name: string, labels: Labels, by = 1): void {
    const series = entry(this.#counts, name, labels, () => ({ labels, value: 0 }));
    series.value += by;
  }

  /** Sets a gauge that only its source can know. */
  set(name: string, labels: Labels, value: number): void {
    entry(this.#counts, name, labels, () => ({ labels, value: 0 })).value = value;
  }

  /** Notes one value of a distribution, in its base unit (seconds). */
  observe(name: string, labels: Labels, value: number): void {
    const series = entry(this.#observations, name, labels, () => ({ labels, values: [] as number[] }));
    if (series.values.length < KEEP) series.values.push(value);
  }

  counted(name: string): readonly Series[] {
    return [...(this.#counts.get(name)?.values() ?? [])];
  }

  /** Takes the observations since the last call. */
  takeObserved(name: string): readonly Observed[] {
    const taken = [...(this.#observations.get(name)?.values() ?? [])];
    this.#observations.delete(name);
    return taken;
  }
}

function entry<T>(all: Map<string, Map<string, T>>, name: string, labels: Labels, make: () => T): T {
  const key = JSON.stringify(labels);
  let byLabels = all.get(name);
  if (byLabels === undefined) {
    byLabels = new Map();
    all.set(name, byLabels);
  }
  let found = byLabels.get(key);
  if (found === undefined) {
    found = make();
    byLabels.set(key, found);
  }
  return found;
}
