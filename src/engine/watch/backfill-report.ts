import { type AlertKind, type Finding, formatDuration, type Raise, type Resolve } from '../../model/index.ts';

/** The one kind that judges by habit alone, of which nothing is known at the first start. */
export const KIND: AlertKind = 'auth-failure-spike';
const CONDITION = 'backfill';

/** So many findings are shown, and so many addresses and keys. */
const SHOWN = 10;
const ADDRESSES = 100;

/** What the first reading of a log found; those of `open` go on. */
export type Found = { readonly open: readonly Finding[]; readonly over: readonly Finding[] };

type Around = {
  readonly monitor: string;
  readonly now: number;
  /** How many more are told by themselves. */
  readonly alone: number;
};

/** All of them in one alert. It is critical where no habit excuses one of them, and open while one goes on. */
export function reportOf(found: Found, { monitor, now, alone }: Around): Raise {
  const { open, over } = found;
  const all = [...open, ...over];
  const gotIn = all.filter(hasGotIn);
  const graver = [...new Set([...gotIn, ...all])];
  const keys = [...new Set(all.flatMap(({ keyId }) => keyId ?? []))];
  const from = Math.min(...all.map(({ firstEventAt }) => firstEventAt));
  const since = formatDuration(now - from);
  const bursts = `${alone === 0 ? '' : 'further '}burst${all.length === 1 ? '' : 's'}`;
  return {
    type: 'raise',
    kind: KIND,
    severity: pressing(found).length > 0 ? 'critical' : 'warning',
    monitor,
    condition: CONDITION,
    at: now,
    title: `${all.length} ${bursts} of refused logins on ${keys.length} key${keys.length === 1 ? '' : 's'} in the ${since} before ${monitor} was first read; in ${gotIn.length} a source got in, ${open.length} go on`,
    summary:
      'What is usual was not known yet. Most of them will be habit, and for that they are told together; one that goes on and grows is told by itself.',
    action:
      'Look at those in which a source got in: a key whose token expires looks like that, and so does guessing that succeeded. `keywarden backtest` over the log of that time tells each by itself.',
    deadline: null,
    evidence: {
      bursts: graver.slice(0, SHOWN).map(({ title }) => title),
      count: all.length,
      keys: keys.slice(0, ADDRESSES),
      ips: [...new Set(graver.flatMap(({ ips }) => ips))].slice(0, ADDRESSES),
    },
    ...(open.length === 0 ? { transient: true } : {}),
  };
}

/** None of those in the report goes on without an alert of its own. */
export function endOfReport(monitor: string, now: number): Resolve {
  return { type: 'resolve', kind: KIND, condition: CONDITION, at: now, monitor };
}

/** What no habit excuses, the gravest first: a source got in, or it is critical and goes on. */
export function pressing({ open, over }: Found): Finding[] {
  const critical = open.filter(({ severity }) => severity === 'critical');
  return [...new Set([...[...open, ...over].filter(hasGotIn), ...critical])];
}

function hasGotIn({ evidence }: Finding): boolean {
  return evidence.gotIn !== undefined;
}
