import { DAY, type Finding, MINUTE } from '../../model/index.ts';
import type { Locate, ManagedKey, PlaceRules, Rules } from '../contract.ts';
import { createWatch, type WatchState } from '../watch.ts';
import { Shelf } from './shelf.ts';
import type { Arrival } from './traffic.ts';

export const NOWHERE: PlaceRules = { geolocations: null, ipAllowlist: null };

/** Rules under which the key that the generator uses is known and every detector is on. */
export function rulesWith(over: Partial<Rules> = {}): Rules {
  return {
    ...NOWHERE,
    perCredential: {},
    otherKeys: { key_9Xc1: { ...NOWHERE, owner: 'data team', retired: false } },
    detectors: {
      'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
      'unregistered-geolocation': {},
      'outside-allowlist': {},
      'unknown-key': {},
      'retired-key-use': {},
      'log-silence': { after: 15 * MINUTE },
    },
    learn: null,
    rotate: {},
    ...over,
  };
}

/** Every detector with its defaults. */
export const ALL_DETECTORS: Required<Rules['detectors']> = {
  'auth-failure-spike': { falseAlarmsPerKeyYear: 0.2 },
  'failures-then-success': {},
  'unregistered-geolocation': {},
  'outside-allowlist': {},
  'impossible-travel': { speedKmh: 1_000, minimumKm: 500 },
  'retired-key-use': {},
  'unknown-key': {},
  'dormant-key': { after: 30 * DAY },
  'rate-limit-saturation': { window: 5 * MINUTE, share: 0.2 },
  'plaintext-attempt': {},
  'volume-surge': {},
  'new-client': {},
  'log-silence': { after: 15 * MINUTE },
};

export type Play = {
  readonly rules?: Rules;
  readonly keys?: readonly ManagedKey[];
  /** The first poll. */
  readonly from: number;
  /** No poll after it. */
  readonly until: number;
  readonly every?: number;
  readonly locate?: Locate;
  /** One poll is made under a clock that is set wrong. */
  readonly wrong?: { readonly at: number; readonly ahead: number };
  /** Whether the state goes through its stored form after every poll. */
  readonly restart?: boolean;
  /** Whether every detector is heard by itself, whatever others say of the same doing. */
  readonly apart?: boolean;
};

/** The same state with every detector heard by itself, whatever others say of the same doing. */
export function apart(state: WatchState): WatchState {
  const stories = {
    tell: (findings: readonly Finding[]) => [...findings],
    changes: () => ({ put: [], drop: [] }),
  };
  return { ...state, stories };
}

/** A finding with the poll that told it. */
export type Told = { readonly finding: Finding; readonly polledAt: number };

/** Polls a log that shows the arrivals, as the engine does: observe, tick, save. */
export function play(arrivals: readonly Arrival[], script: Play): Told[] {
  const {
    rules = rulesWith(),
    keys = [],
    from,
    until,
    every = MINUTE,
    restart = false,
    locate = () => null,
  } = script;
  const watch = createWatch(rules);
  const shelf = new Shelf();
  const open = () => (script.apart === true ? apart(shelf.open(watch)) : shelf.open(watch));
  let state = open();
  const told: Told[] = [];
  let next = 0;
  for (let now = from; now <= until; now += every) {
    const begun = next;
    while ((arrivals[next]?.at ?? Number.POSITIVE_INFINITY) < now) next += 1;
    const page = arrivals.slice(begun, next).map(({ event }) => event);
    const clock = script.wrong?.at === now ? now + script.wrong.ahead : now;
    const context = { monitor: 'log', keys, now: clock, locate, feed: { caughtUp: true, trouble: null } };
    shelf.fetch(watch, state, page, context);
    const findings = [...watch.observe(state, page, context), ...watch.tick(state, context)];
    told.push(...findings.map((finding) => ({ finding, polledAt: now })));
    if (!restart) continue;
    shelf.keep(watch, state);
    state = open();
  }
  return told;
}

export function begun(told: readonly Told[]): Finding[] {
  const open = new Set<string>();
  return told.flatMap(({ finding }) => {
    const identity = `${finding.kind} ${finding.condition}`;
    if (finding.ended === true) open.delete(identity);
    else if (!open.has(identity)) {
      open.add(identity);
      return [finding];
    }
    return [];
  });
}

/** The episodes that are over, each with what is known of it at last, in an order of their own. */
export function episodes(told: readonly Told[]): string[] {
  return told
    .filter(({ finding }) => finding.ended === true)
    .map(({ finding: { kind, condition, severity, firstEventAt, lastEventAt, ips, evidence } }) =>
      JSON.stringify({
        kind,
        condition,
        severity,
        firstEventAt,
        lastEventAt,
        ips: ips.toSorted(),
        count: evidence.count,
      }),
    )
    .sort();
}
