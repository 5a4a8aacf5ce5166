import type { Rules } from '../../detectors/contract.ts';
import { DAY } from '../../model/index.ts';
import { type Cell, table } from '../table.ts';
import { type Found, isPage } from './found.ts';
import type { Label } from './labels.ts';
import { grouped, plural } from './report.ts';
import { attacksOf, benignPaged, missedIn, score } from './score.ts';

const MONTH = 30 * DAY;

/** The same rules with another budget of false pages. */
export function withBudget(rules: Rules, falseAlarmsPerKeyYear: number): Rules {
  return { ...rules, detectors: { ...rules.detectors, 'auth-failure-spike': { falseAlarmsPerKeyYear } } };
}

/** What a log came to at one budget. */
export type Trial = { readonly budget: number; readonly found: readonly Found[] };

export type Tuning = {
  readonly trials: readonly Trial[];
  /** What the configuration says. */
  readonly configured: number;
  /** From the first event to the last, ms. */
  readonly spanMs: number;
  readonly keys: number;
  readonly labels: readonly Label[] | null;
};

/** Pages a month of each detector, a column for each budget. */
export function tuningLines(tuning: Tuning): readonly string[] {
  const { trials, configured, spanMs, keys, labels } = tuning;
  const kinds = [
    ...new Set(trials.flatMap(({ found }) => found.filter(isPage).map(({ latest }) => latest.kind))),
  ];
  const row = (title: string, of: (trial: Trial) => string): Cell[] => [title, ...trials.map(of)];
  const rows = [
    ...kinds.sort().map((kind) => row(kind, ({ found }) => aMonth(pagesOf(found, kind), spanMs))),
    row('all pages', ({ found }) => aMonth(found.filter(isPage).length, spanMs)),
    row('false ones allowed', ({ budget }) => perMonth((budget * keys) / 12)),
    ...(labels === null ? [] : labelRows(labels, row)),
  ];
  const heads = trials.map(({ budget }) => (budget === configured ? `${budget}*` : `${budget}`));
  const short = spanMs < MONTH ? `; from ${days(spanMs)} of log, so take it for an estimate` : '';
  return [
    table(['PAGES A MONTH', ...heads], rows),
    '',
    `Columns: falseAlarmsPerKeyYear of auth-failure-spike, false pages a key and year${heads.some((head) => head.endsWith('*')) ? '; * is what is configured' : ` (configured: ${configured})`}.`,
    `A month is 30 days; ${plural(keys, 'key')} in the log${short}. The other detectors judge by rules and have no budget.`,
  ];
}

function labelRows(
  labels: readonly Label[],
  row: (title: string, of: (trial: Trial) => string) => Cell[],
): Cell[][] {
  const scored = (trial: Trial) => score(trial.found, labels);
  return [
    row('episodes missed', (trial) => {
      const of = scored(trial);
      return `${missedIn(of).length} of ${attacksOf(of).length}`;
    }),
    row('benign and paged', (trial) => `${benignPaged(scored(trial)).length}`),
  ];
}

/** One object for each budget. */
export function tuningJson({ trials, spanMs, keys, labels }: Tuning): readonly object[] {
  return trials.map(({ budget, found }) => {
    const kinds = [...new Set(found.filter(isPage).map(({ latest }) => latest.kind))].sort();
    const of = labels === null ? null : score(found, labels);
    return {
      falseAlarmsPerKeyYear: budget,
      pagesPerMonth: Object.fromEntries(
        kinds.map((kind) => [kind, (pagesOf(found, kind) * MONTH) / Math.max(1, spanMs)]),
      ),
      falsePagesAllowedPerMonth: (budget * keys) / 12,
      ...(of === null
        ? {}
        : {
            episodes: attacksOf(of).length,
            missed: missedIn(of).map(({ label }) => label.episode),
            benignPaged: benignPaged(of).map(({ label }) => label.episode),
          }),
    };
  });
}

function pagesOf(found: readonly Found[], kind: string): number {
  return found.filter((each) => isPage(each) && each.latest.kind === kind).length;
}

const aMonth = (count: number, spanMs: number) => perMonth((count * MONTH) / Math.max(1, spanMs));

/** Whole numbers where they are large, else two digits that count. */
function perMonth(value: number): string {
  return value >= 10 ? grouped(Math.round(value)) : `${Number(value.toPrecision(2))}`;
}

const days = (ms: number) => `${Number((ms / DAY).toPrecision(2))} days`;
