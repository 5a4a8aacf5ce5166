import type { Locate, Rules, WatchContext } from '../../src/detectors/contract.ts';
import { Shelf } from '../../src/detectors/testing/shelf.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import { type AlertKind, type Finding, HOUR, type LogEvent, MINUTE } from '../../src/model/index.ts';
import type { Episode } from './episode.ts';
import { locate as databaseOf } from './lands.ts';
import { MONITOR } from './rules.ts';
import { type TrafficOptions, trafficOf } from './traffic.ts';

/** An alert as somebody is told it: a finding at its first telling. */
export type Page = {
  readonly finding: Finding;
  readonly polledAt: number;
  /** Its own kind and those that it lists, then and later, with the poll that told them. */
  readonly kinds: Map<AlertKind, number>;
};

export type Outcome = {
  readonly episode: Episode;
  /** The kinds of its alerts, in the order in which they were told. */
  readonly alerts: readonly AlertKind[];
  /**
   * Polls from its first call until an expected kind was told, by itself or listed in another alert: 1, in the poll that
   * showed it. Null: not found.
   */
  readonly polls: number | null;
};

export type Score = {
  readonly seed: number;
  readonly outcomes: readonly Outcome[];
  /** Warnings and criticals of the day that belong to no attack. */
  readonly benignPages: readonly Page[];
  /** Warnings and criticals of the days before, which are ordinary. */
  readonly earlierPages: readonly Page[];
  readonly events: number;
};

/** What is told so long after an episode's end can still be about it: the longest windows are of twelve hours. */
const AFTER = 12 * HOUR;
/** Days before are polled more seldom, to save time: detectors go by the events' times. */
const SELDOM = 10 * MINUTE;

/** Runs the watch over a seed's log, in polls of a minute on the day of the episodes. */
export function scoreOf(options: TrafficOptions): Score {
  const traffic = trafficOf(options);
  const poll = pollsOf(traffic.rules, databaseOf);
  const pages: Page[] = [];
  let events: LogEvent[] = [];
  let count = 0;
  for (const minute of traffic.minutes) {
    count += minute.events.length;
    events = events.length === 0 ? [...minute.events] : events.concat(minute.events);
    if (minute.until <= traffic.day && minute.until % SELDOM !== 0) continue;
    pages.push(...poll(events, minute.until, minute.until === traffic.day));
    events = [];
  }
  return { seed: options.seed, events: count, ...judged(traffic, pages) };
}

/** Polls of one watch; each gives the alerts that it opened. `restart`: what it remembers goes through its stored form. */
function pollsOf(rules: Rules, locate: Locate) {
  const watch = createWatch(rules);
  const shelf = new Shelf();
  const open = new Map<string, Page>();
  let state = shelf.open(watch);
  return (events: readonly LogEvent[], now: number, restart: boolean): Page[] => {
    const feed = { caughtUp: true, trouble: null };
    const context: WatchContext = { monitor: MONITOR, keys: [], now, locate, feed };
    shelf.fetch(watch, state, events, context);
    const findings = [...watch.observe(state, events, context), ...watch.tick(state, context)];
    // What is no longer needed is dropped when what is remembered is written.
    if (restart || now % HOUR === 0) shelf.keep(watch, state);
    if (restart) state = shelf.open(watch);
    return findings.flatMap((finding) => {
      const identity = `${finding.kind} ${finding.condition}`;
      const known = open.get(identity);
      if (finding.ended === true) open.delete(identity);
      else if (known === undefined) {
        const page = { finding, polledAt: now, kinds: new Map() };
        listKinds(page, finding, now);
        open.set(identity, page);
        return [page];
      } else listKinds(known, finding, now);
      return [];
    });
  };
}

function listKinds({ kinds }: Page, { kind, also = [] }: Finding, now: number): void {
  for (const each of [kind, ...also.map((other) => other.kind)]) if (!kinds.has(each)) kinds.set(each, now);
}

type Judged = Pick<Score, 'outcomes' | 'benignPages' | 'earlierPages'>;

function judged(
  { episodes, day }: { readonly episodes: readonly Episode[]; readonly day: number },
  pages: readonly Page[],
): Judged {
  const attacks = episodes.filter(({ benign }) => !benign);
  const ofTheDay = pages.filter(({ polledAt }) => polledAt > day);
  const isPage = ({ finding }: Page) => finding.severity !== 'info';
  return {
    outcomes: episodes.map((episode) =>
      outcomeOf(
        episode,
        ofTheDay.filter((page) => isAbout(page, episode) && !isOfAnother(page, episode, attacks)),
      ),
    ),
    benignPages: ofTheDay.filter(
      (page) => isPage(page) && !attacks.some((episode) => isAbout(page, episode)),
    ),
    earlierPages: pages.filter((page) => isPage(page) && page.polledAt <= day),
  };
}

function outcomeOf(episode: Episode, pages: readonly Page[]): Outcome {
  const expected: readonly AlertKind[] = episode.kinds;
  const told = pages.flatMap(({ kinds }) =>
    [...kinds].filter(([kind]) => expected.includes(kind)).map(([, polledAt]) => polledAt),
  );
  return {
    episode,
    alerts: pages.map(({ finding }) => finding.kind),
    polls: told.length === 0 ? null : Math.ceil((Math.min(...told) - episode.from) / MINUTE),
  };
}

/** Of attacks on many keys, what is told of a key that has an attack of its own at the time is about that one. */
function isOfAnother(page: Page, { keyId }: Episode, attacks: readonly Episode[]): boolean {
  const about = page.finding.keyId;
  if (keyId !== null || about === null) return false;
  return attacks.some((other) => other.keyId === about && isAbout(page, other));
}

/** The same key, where both name one; one of its addresses; and its time. */
function isAbout({ finding, polledAt }: Page, { keyId, ips, from, to }: Episode): boolean {
  if (polledAt <= from || polledAt > to + AFTER) return false;
  if (keyId !== null && finding.keyId !== null && finding.keyId !== keyId) return false;
  // Nobody's in particular: then the key decides.
  if (finding.ips.length === 0) return keyId !== null && finding.keyId === keyId;
  return ips.some((ip) => finding.ips.includes(ip));
}
