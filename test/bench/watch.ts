import { openGeo } from '../../src/geo/index.ts';
import type { Row } from './row.ts';
import { delays } from './watch-delay.ts';
import { linesOf, logOf } from './watch-lines.ts';
import { memoryOfReplay } from './watch-memory.ts';
import { DATABASE, rates } from './watch-rate.ts';
import { commits, stateSize } from './watch-state.ts';

/** What is measured, each by itself. */
export const PARTS = ['rate', 'state', 'memory', 'commit', 'delay'] as const;

type Part = (typeof PARTS)[number];

export type WatchOptions = {
  readonly parts?: readonly Part[];
  /** Lines of the log whose rate is measured. */
  readonly lines?: number;
  /** Calls of the day that they are of, and of each day before it. */
  readonly calls?: number;
  /** Days of habit before it. */
  readonly days?: number;
  readonly rounds?: number;
  /** Lines of the log that is replayed in a process of its own. */
  readonly replayed?: number;
  /** Keys of the account whose state is weighed. */
  readonly keys?: number;
  /** Pages that are committed. */
  readonly pages?: number;
  /** Alerts whose delay is taken. */
  readonly alerts?: number;
};

export const SEED = 1;

/** What it costs to watch a log: time and memory for each event, state for each key, and how soon somebody is told. */
export async function bench({
  parts = PARTS,
  lines = 200_000,
  calls = 1_000_000,
  days = 2,
  rounds = 5,
  replayed = 1_000_000,
  keys = 100_000,
  pages = 60,
  alerts = 4,
}: WatchOptions = {}): Promise<Row[]> {
  const { rules } = logOf({ seed: SEED, calls: 1, days: 0 });
  const measure: Readonly<Record<Part, () => Promise<readonly Row[]>>> = {
    async rate() {
      const { locate } = await openGeo({ path: DATABASE });
      return rates(linesOf({ seed: SEED, lines, calls, days }, locate), locate, rounds);
    },
    state: async () => [stateSize(rules, keys)],
    memory: () => memoryOfReplay(SEED, replayed),
    commit: () => commits(rules, pages),
    delay: () => delays(alerts),
  };
  const rows: Row[] = [];
  for (const part of parts) rows.push(...(await measure[part]()));
  return rows;
}
