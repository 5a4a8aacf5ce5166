import { formatTime } from '../../src/model/index.ts';
import type { Outcome, Page, Score } from './score.ts';

/** A score for a person; `verbose`: with every page of the days before. */
export function reportOf(score: Score, verbose: boolean): string {
  const attacks = score.outcomes.filter(({ episode }) => !episode.benign);
  const alike = score.outcomes.filter(({ episode }) => episode.benign);
  const most = Math.max(...attacks.map(({ alerts }) => alerts.length));
  return [
    `seed ${score.seed}: ${score.events} events`,
    ...attacks.map(lineOf),
    ...alike.map(lineOf),
    ...score.benignPages.map((page) => `  false page: ${wordsOf(page)}`),
    ...(verbose ? score.earlierPages.map((page) => `  page of the days before: ${wordsOf(page)}`) : []),
    `  found ${attacks.filter(({ polls }) => polls !== null).length} of ${attacks.length}, ` +
      `${score.benignPages.length} benign pages, at most ${most} alerts an episode, ` +
      `${score.earlierPages.length} pages in the days before`,
    '',
  ].join('\n');
}

function lineOf({ episode, polls, alerts }: Outcome): string {
  const told = polls === null ? 'MISSED' : `poll ${polls}`;
  const verdict = episode.benign ? (alerts.length === 0 ? 'quiet' : 'TOLD') : told;
  return `  ${episode.name.padEnd(44)} ${verdict.padEnd(9)} ${alerts.join(', ')}`.trimEnd();
}

function wordsOf({ finding, polledAt }: Page): string {
  return `${formatTime(polledAt)} ${finding.kind} (${finding.severity}) ${finding.title}`;
}
