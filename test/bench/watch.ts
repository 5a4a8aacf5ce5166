import { openGeo } from '../../src/geo/index.ts';
import type { Row } from './row.ts';
import { delays } from './watch-delay.ts';
import { linesOf } from './watch-lines.ts';
import { memoryOfReplay } from './watch-memory.ts';
import { DATABASE, rates } from './watch-rate.ts';
import { commits, stateSize } from './watch-state.ts';

export type WatchOptions = {
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
  lines: count = 200_000,
  calls = 1_000_000,
  days = 2,
  rounds = 5,
  replayed = 1_000_000,
  keys = 100_000,
  pages = 60,
  alerts = 4,
}: WatchOptions = {}): Promise<Row[]> {
  const { locate } = await openGeo({ path: DATABASE });
  const lines = linesOf({ seed: SEED, lines: count, calls, days }, locate);
  return [
    ...rates(lines, locate, rounds),
    stateSize(lines.rules, keys),
    ...(await memoryOfReplay(SEED, replayed)),
    ...(await commits(lines.rules, pages)),
    ...(await delays(alerts)),
  ];
}
