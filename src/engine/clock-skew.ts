import { formatDuration, MINUTE, type Signal } from '../model/index.ts';
import type { Provider, SeenClock } from '../providers/contract.ts';

/** Clocks that are further apart are not just imprecise: one of them is wrong, ms. */
const TOLERATED = 2 * MINUTE;

/** A single answer may come from a cache, or have been made while our clock was being set. */
const ANSWERS = 3;

type Watched = {
  /** When its last answer came, by the steady clock. */
  readonly steady: number;
  /** Answers in succession by which the clocks are apart. */
  readonly apart: number;
};

/**
 * Sees that our clock and a provider's are far apart, by the Date header of its answers: in so many looks in succession
 * that found a new one. Neither is believed; a person says which is wrong.
 */
export class ClockSkew {
  readonly #providers: ReadonlyMap<string, Pick<Provider, 'seenClock'>>;
  readonly #watched = new Map<string, Watched>();
  /** What was said of each; nothing: it is not known what was said before the start. */
  readonly #said = new Map<string, Signal['type']>();

  constructor(providers: ReadonlyMap<string, Pick<Provider, 'seenClock'>>) {
    this.#providers = providers;
  }

  /** `clock-skew`, or its end, where either is news; hand them to {@link told} once they are committed. */
  news(now: number): Signal[] {
    return Array.from(this.#providers, ([name, provider]) =>
      this.#look(name, provider.seenClock(), now),
    ).filter((signal) => signal !== null);
  }

  told(signals: readonly Signal[]): void {
    for (const { type, condition } of signals) this.#said.set(condition, type);
  }

  #look(name: string, seen: SeenClock | null, now: number): Signal | null {
    if (seen === null) return null;
    const known = this.#watched.get(name);
    const ahead = aheadOf(seen);
    const isApart = Math.abs(ahead) > TOLERATED;
    const apart = !isApart ? 0 : (known?.apart ?? 0) + (known?.steady === seen.steady ? 0 : 1);
    this.#watched.set(name, { steady: seen.steady, apart });
    const said = this.#said.get(name);
    if (apart === 0 && said !== 'resolve') return { type: 'resolve', ...about(name, now) };
    return apart >= ANSWERS && said !== 'raise' ? raise(name, ahead, now) : null;
  }
}

/** How far the provider's clock is ahead of ours at least, ms: it was read at some time between call and answer. */
function aheadOf({ date, sent, wall }: SeenClock): number {
  if (date > wall) return date - wall;
  return date < sent ? date - sent : 0;
}

function about(provider: string, at: number) {
  return { kind: 'clock-skew', condition: provider, at } as const;
}

function raise(provider: string, ahead: number, now: number): Signal {
  const offset = formatDuration(Math.abs(ahead));
  return {
    type: 'raise',
    ...about(provider, now),
    severity: 'warning',
    title: `This machine's clock is ${offset} ${ahead > 0 ? 'behind' : 'ahead of'} that of ${provider}`,
    summary: `The last ${ANSWERS} answers of ${provider} bear a time (Date) that is ${offset} ${ahead > 0 ? 'later' : 'earlier'} than ours. The life of its keys is measured by its clock; the times of alerts and logs here are ours.`,
    action:
      'Compare with a third clock: `date -u`. If ours is wrong, repair its time service: `timedatectl status`',
    deadline: null,
    evidence: { provider, offset, ours: ahead > 0 ? 'behind' : 'ahead' },
  };
}
