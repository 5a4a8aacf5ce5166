import type { Locate, Rules, WatchContext } from '../../src/detectors/contract.ts';
import { Shelf } from '../../src/detectors/testing/shelf.ts';
import { createWatch } from '../../src/detectors/watch.ts';
import { HOUR } from '../../src/model/index.ts';
import { lineOf } from '../traffic/line.ts';
import { type Traffic, trafficOf } from '../traffic/traffic.ts';

/** Events of a page, as the daemon reads it. */
export const PAGE = 1_000;

const BLOCKS = 1_000;
const KEYS = 240;

export type LogOptions = {
  readonly seed: number;
  /** Lines of the log that are kept. */
  readonly lines: number;
  /** Mean calls of a day. */
  readonly calls: number;
  /** Of habit, before the day that the lines are of. */
  readonly days: number;
};

/** A log in pages of lines, the rules of its account, and what a watch remembers of the days before. */
export type Lines = {
  readonly pages: readonly string[];
  readonly count: number;
  readonly rules: Rules;
  readonly shelf: Shelf;
};

/** The log of 240 keys, with a thousand blocks in the monitor's allowlist. */
export function logOf({ seed, calls, days }: Omit<LogOptions, 'lines'>): Traffic {
  const traffic = trafficOf({ seed, days: days + 1, keys: KEYS, calls });
  return { ...traffic, rules: { ...traffic.rules, ipAllowlist: blocks() } };
}

/** The first lines of a day, after the watch has met the days before. */
export function linesOf(options: LogOptions, locate: Locate): Lines {
  const { minutes, rules, day } = logOf(options);
  const watch = createWatch(rules);
  const shelf = new Shelf();
  const state = shelf.open(watch);
  const pages: string[] = [];
  let page: string[] = [];
  let count = 0;
  for (const { events, until } of minutes) {
    if (until <= day) {
      const context = contextAt(until, locate);
      watch.observe(state, events, context);
      watch.tick(state, context);
      if (until % HOUR === 0) shelf.keep(watch, state);
      continue;
    }
    for (const event of events.slice(0, options.lines - count)) {
      page.push(lineOf(event));
      count += 1;
      if (page.length < PAGE && count < options.lines) continue;
      pages.push(`${page.join('\n')}\n`);
      page = [];
    }
    if (count === options.lines) break;
  }
  return { pages, count, rules, shelf };
}

export function contextAt(now: number, locate: Locate): WatchContext {
  return { monitor: 'bench', keys: NO_KEYS, now, locate, feed: { caughtUp: true, trouble: null } };
}

const NO_KEYS = [] as const;

/** A thousand blocks that hold all from where the account is used. */
export function blocks(): string[] {
  const lands = ['3.120', '3.80', '91.10', '73.20', '109.144', '90.10'];
  const used = lands.flatMap((land) =>
    Array.from({ length: 128 }, (_, index) => `${land}.${2 * index}.0/23`),
  );
  const others = Array.from({ length: BLOCKS - used.length }, (_, index) => `10.${index}.0.0/16`);
  return [...used, ...others];
}
