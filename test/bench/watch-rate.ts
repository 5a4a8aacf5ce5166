import { fileURLToPath } from 'node:url';
import { CidrSet } from '../../src/detectors/cidr.ts';
import type { Locate } from '../../src/detectors/contract.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import type { LogEvent } from '../../src/model/index.ts';
import { parseLogEvent } from '../../src/providers/frameflow/log-event.ts';
import { median, type Row, rounded } from './row.ts';
import { blocks, contextAt, type Lines } from './watch-lines.ts';

export const DATABASE = fileURLToPath(
  new URL(
    '../../node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb',
    import.meta.url,
  ),
);

/**
 * How fast a log is watched, on one core: from the lines to the findings, against what cannot be left out (lines taken
 * apart, parsed, their country and range looked up). Both over the same lines, taking turns; the ratio is that of two
 * neighbours. The watch has met the days before, and opens what it remembers of them in its time.
 *
 * @throws {Error} where not every line could be read: the figures would mean nothing
 */
export function rates(lines: Lines, locate: Locate, rounds: number): Row[] {
  const turns = Array.from({ length: rounds + 1 }, () => {
    const base = timed(() => parseAndLookUp(lines, locate));
    const whole = timed(() => watchAll(lines, locate));
    return { base, whole };
  });
  // The first compiles.
  const measured = turns.slice(1);
  const perSecond = (of: (turn: { base: number; whole: number }) => number) =>
    Math.round((lines.count / median(measured.map(of))) * 1_000);
  return [
    {
      name: 'watch: split, JSON.parse, country and CIDR alone',
      value: perSecond(({ base }) => base),
      unit: 'events/s',
    },
    { name: 'watch: from lines to findings', value: perSecond(({ whole }) => whole), unit: 'events/s' },
    {
      name: 'watch: from lines to findings, over the former',
      value: rounded(median(measured.map(({ base, whole }) => base / whole)), 2),
      unit: 'ratio',
      target: { atLeast: 0.5 },
    },
  ];
}

/** In time of the processor, of all threads, so that other work on the machine does not count; ms. */
function timed(run: () => number): number {
  const begun = process.cpuUsage();
  if (run() < 0) throw new Error('nothing was counted');
  const { user, system } = process.cpuUsage(begun);
  return (user + system) / 1_000;
}

/** Counts what it found, so that nothing is left out as of no use. */
function parseAndLookUp({ pages }: Lines, locate: Locate): number {
  const allowed = new CidrSet(blocks());
  let found = 0;
  for (const page of pages) {
    for (const line of page.split('\n')) {
      if (line === '') continue;
      const { ip } = JSON.parse(line) as { readonly ip: string };
      if (locate(ip)?.country === 'DE' && allowed.has(ip)) found += 1;
    }
  }
  return found;
}

/** What is remembered is tidied after so many polls. */
const TIDY = 60;

/** A poll for each page; what a poll commits is measured apart. */
function watchAll({ pages, count, rules, shelf }: Lines, locate: Locate): number {
  const watch = createWatch(rules);
  const state = shelf.open(watch);
  let told = 0;
  let seen = 0;
  let now = 0;
  let polls = 0;
  for (const page of pages) {
    const events: LogEvent[] = [];
    for (const line of page.split('\n')) {
      const event = line === '' ? null : parseLogEvent(JSON.parse(line));
      if (event === null) continue;
      events.push(event);
      if (event.time > now) now = event.time;
    }
    seen += events.length;
    const context = contextAt(now, locate);
    shelf.fetch(watch, state, events, context);
    told += watch.observe(state, events, context).length + watch.tick(state, context).length;
    polls += 1;
    // As in a replay: ids of events that can no longer be repeated go.
    if (polls % TIDY === 0) watch.changes(state);
  }
  if (seen !== count) throw new Error(`${count - seen} of ${count} lines were not read`);
  return told;
}
