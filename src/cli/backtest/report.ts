import { formatDuration, formatTime, SECOND } from '../../model/index.ts';
import { type Cell, table } from '../table.ts';
import { type Paint, printable } from '../terminal.ts';
import { moment, span } from '../when.ts';
import { byKind, type Found } from './found.ts';
import type { LogFiles, Places } from './log.ts';
import { attacksOf, benignPaged, missedIn, type Outcome, type Score } from './score.ts';

const COLOURS: Readonly<Record<Found['severity'], Paint>> = {
  critical: 'red',
  warning: 'yellow',
  info: 'dim',
};

/** A row for each finding. */
export function findingsTable(all: readonly Found[]): string {
  if (all.length === 0) return 'No findings.';
  return table(
    ['TIME', 'SEVERITY', 'KIND', 'KEY', 'SOURCES', 'TITLE'],
    all.map(({ begun, latest, severity }): Cell[] => [
      moment(formatTime(begun.at)),
      { text: severity, how: COLOURS[severity] },
      latest.kind,
      latest.keyId ?? '-',
      sources(latest.ips),
      latest.title,
    ]),
  );
}

function sources([first, ...others]: readonly string[]): string {
  if (first === undefined) return '-';
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}

/** One finding as a machine reads it; public, see the README. */
export function findingJson({ begun, latest, severity }: Found): Readonly<Record<string, unknown>> {
  return {
    kind: latest.kind,
    severity,
    at: formatTime(begun.at),
    keyId: latest.keyId,
    ips: latest.ips,
    firstEventAt: formatTime(Math.min(begun.firstEventAt, latest.firstEventAt)),
    lastEventAt: formatTime(Math.max(begun.lastEventAt, latest.lastEventAt)),
    title: latest.title,
    evidence: latest.evidence,
  };
}

/** What was read, in how long, and what of it was not understood. */
export function readingLines(log: LogFiles, tookMs: number): readonly string[] {
  const rate = Math.round((log.events * 1_000) / Math.max(1, tookMs));
  const when =
    log.from === null || log.to === null
      ? ''
      : ` from ${moment(formatTime(log.from))} to ${moment(formatTime(log.to))}`;
  return [
    `${plural(log.events, 'event')}${when}, read in ${tookMs < SECOND ? formatDuration(tookMs) : span(tookMs)} (${grouped(rate)} a second)`,
    ...(log.unreadable.count === 0
      ? []
      : [
          `warning: ${plural(log.unreadable.count, 'line')} left out, no JSON or no event of the log endpoint: ${where(log.unreadable)}`,
        ]),
    ...(log.disordered.count === 0
      ? []
      : [
          `warning: ${plural(log.disordered.count, 'event')} more than 15 minutes behind those before, and so not judged as they would have been: ${where(log.disordered)}; give the files in the order of time, and sort a log that is not`,
        ]),
  ];
}

export function findingsLine(all: readonly Found[]): string {
  if (all.length === 0) return 'no findings';
  const kinds = byKind(all).map(([kind, count]) => `${grouped(count)} ${kind}`);
  return `${plural(all.length, 'finding')}: ${kinds.join(', ')}`;
}

function where({ count, first }: Places): string {
  const more = count - first.length;
  return printable(first.join(', ')) + (more > 0 ? ` and ${grouped(more)} more` : '');
}

export const plural = (count: number, noun: string): string =>
  `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;

export const grouped = (count: number): string => count.toLocaleString('en');

/** Each episode with what found it and when, then what it comes to. */
export function scoreLines(of: Score): readonly string[] {
  const attacks = attacksOf(of);
  const missed = missedIn(of);
  const paged = benignPaged(of);
  const explained = of.pages.length - of.falsePages.length;
  return [
    table(
      ['EPISODE', 'FOUND BY', 'DELAY', 'PAGES'],
      of.outcomes.map((outcome) => outcomeRow(outcome)),
    ),
    '',
    `recall     ${share(attacks.length - missed.length, attacks.length)} episodes found`,
    `precision  ${share(explained, of.pages.length)} pages about a labelled attack`,
    ...(missed.length === 0 ? [] : [`missed: ${names(missed)}`]),
    ...(paged.length === 0 ? [] : [`benign and paged: ${names(paged)}`]),
  ];
}

function outcomeRow({ label, pages, by }: Outcome): Cell[] {
  const quiet = label.benign && pages.length === 0;
  const nothing: Cell = label.benign ? { text: 'benign', how: 'dim' } : { text: 'missed', how: 'red' };
  return [
    label.episode,
    by === null || quiet ? nothing : by.latest.kind,
    by === null || quiet ? '-' : span(Math.max(0, by.toldAt - label.from)),
    { text: `${pages.length}`, how: label.benign && pages.length > 0 ? 'red' : 'dim' },
  ];
}

const names = (outcomes: readonly Outcome[]) =>
  printable(outcomes.map(({ label }) => label.episode).join(', '));

function share(part: number, whole: number): string {
  const percent = whole === 0 ? '' : ` (${((100 * part) / whole).toFixed(1)} %)`;
  return `${grouped(part)} of ${grouped(whole)}${percent}`;
}
