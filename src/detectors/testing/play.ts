import { type Finding, MINUTE } from '../../model/index.ts';
import type { ManagedKey, PlaceRules, Rules } from '../contract.ts';
import { createWatch } from '../watch.ts';
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
    ...over,
  };
}

export type Play = {
  readonly rules?: Rules;
  readonly keys?: readonly ManagedKey[];
  /** The first poll. */
  readonly from: number;
  /** No poll after it. */
  readonly until: number;
  readonly every?: number;
  /** Whether the state goes through its stored form after every poll. */
  readonly restart?: boolean;
};

/** A finding with the poll that told it. */
export type Told = { readonly finding: Finding; readonly polledAt: number };

/** Polls a log that shows the arrivals, as the engine does: observe, tick, save. */
export function play(arrivals: readonly Arrival[], script: Play): Told[] {
  const { rules = rulesWith(), keys = [], from, until, every = MINUTE, restart = false } = script;
  const watch = createWatch(rules);
  let state = watch.restore(null);
  const told: Told[] = [];
  let next = 0;
  for (let now = from; now <= until; now += every) {
    const begun = next;
    while ((arrivals[next]?.at ?? Number.POSITIVE_INFINITY) < now) next += 1;
    const page = arrivals.slice(begun, next).map(({ event }) => event);
    const context = { monitor: 'log', keys, now, feed: { caughtUp: true, trouble: null } };
    const findings = [...watch.observe(state, page, context), ...watch.tick(state, context)];
    told.push(...findings.map((finding) => ({ finding, polledAt: now })));
    if (restart) state = watch.restore(watch.save(state));
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
