import type { Rules } from '../../src/detectors/contract.ts';
import { DAY, type LogEvent, MINUTE, SECOND } from '../../src/model/index.ts';
import { type Account, accountOf } from './account.ts';
import { BREACHES } from './breaches.ts';
import type { Call } from './call.ts';
import { Draw } from './draw.ts';
import { type Episode, Stage } from './episode.ts';
import { GUESSING } from './guessing.ts';
import { burstsOf, minuteOf } from './habits.ts';
import { LOOK_ALIKES } from './look-alikes.ts';
import { dormantAfter, rulesOf } from './rules.ts';

export type TrafficOptions = {
  readonly seed: number;
  /** In all; all but the last are ordinary. */
  readonly days?: number;
  readonly keys?: number;
  /** Mean accepted calls of a day, of all keys. */
  readonly calls?: number;
};

export const DEFAULTS = { days: 15, keys: 240, calls: 60_000 } as const;

/** The log of one account, days of habit and a day with episodes in it. */
export type Traffic = {
  readonly rules: Rules;
  readonly from: number;
  /** When the day of the episodes begins. */
  readonly day: number;
  readonly until: number;
  readonly episodes: readonly Episode[];
  /** Minute by minute, what arrived in it, in its order of arrival. To be run through once. */
  readonly minutes: Generator<Arrived>;
};

export type Arrived = { readonly until: number; readonly events: readonly LogEvent[] };

/** A Monday; a seed's first day is one of the week after it. */
const MONDAY = Date.UTC(2026, 8, 14);

/** Dormant keys are used for this part of the time before the day. */
const AWAKE = 0.1;

/**
 * What the seed says. A day of a million calls is never at hand as a whole: of ordinary traffic there is a minute, and
 * some ten of what arrives late.
 *
 * @throws {RangeError} where there are too few keys for the day's episodes
 */
export function trafficOf(options: TrafficOptions): Traffic {
  const { seed, days, keys, calls } = { ...DEFAULTS, ...options };
  const account = accountOf(seed, keys);
  const from = MONDAY + (seed % 7) * DAY;
  const day = from + (days - 1) * DAY;
  const stage = new Stage(account, { day, calls, draw: new Draw(seed * 7_919 + 2) });
  const episodes = [...GUESSING, ...BREACHES, ...LOOK_ALIKES].map((shape) => shape(stage));
  const span = { from, day, until: day + DAY };
  const dormantFrom = from + AWAKE * (day - from);
  const rules = rulesOf(account, dormantAfter(dormantFrom, day));
  const plan: Plan = { account, seed, calls, dormantFrom, episodes, ...span };
  return { rules, episodes, ...span, minutes: arrivals(plan) };
}

type Plan = {
  readonly account: Account;
  readonly seed: number;
  readonly calls: number;
  readonly dormantFrom: number;
  readonly episodes: readonly Episode[];
  readonly from: number;
  readonly day: number;
  readonly until: number;
};

/** What happened in each minute, in order. */
function* calls({
  account,
  seed,
  calls: mean,
  dormantFrom,
  episodes,
  from,
  day,
  until,
}: Plan): Generator<Call[]> {
  const draw = new Draw(seed * 7_919 + 3);
  const rare = new Map<number, Call[]>();
  for (let at = from; at < until; at += MINUTE) {
    if ((at - from) % DAY === 0) {
      const planted = at === day ? episodes.flatMap((each) => each.calls) : [];
      for (const call of [...burstsOf(account, at, draw), ...planted]) {
        const minute = Math.floor(call.time / MINUTE) * MINUTE;
        const others = rare.get(minute);
        if (others === undefined) rare.set(minute, [call]);
        else others.push(call);
      }
    }
    const steady = minuteOf(account, at, mean, dormantFrom, draw);
    yield [...steady, ...(rare.get(at) ?? [])].sort((a, b) => a.time - b.time);
    rare.delete(at);
  }
}

/** In a hundred calls two come late, by less than five minutes; one in two hundred comes again within ten. */
const LATE = { share: 0.02, most: 5 * MINUTE } as const;
const AGAIN = { share: 0.005, most: 10 * MINUTE } as const;
const PROMPT = 3 * SECOND;
/** The provider does not say of each call from where it came. */
const PLACELESS = 0.03;

type Arrival = { readonly at: number; readonly event: LogEvent };

function* arrivals(plan: Plan): Generator<Arrived> {
  const draw = new Draw(plan.seed * 7_919 + 4);
  const held = plan.episodes.flatMap((each) => (each.held === undefined ? [] : [each.held]));
  const pending = new Map<number, Arrival[]>();
  let serial = 0;
  const arrive = (at: number, event: LogEvent) => {
    const minute = Math.floor(at / MINUTE) * MINUTE;
    const others = pending.get(minute);
    if (others === undefined) pending.set(minute, [{ at, event }]);
    else others.push({ at, event });
  };
  const flush = (minute: number): Arrived => {
    const events = (pending.get(minute) ?? []).sort((a, b) => a.at - b.at).map(({ event }) => event);
    pending.delete(minute);
    return { until: minute + MINUTE, events };
  };
  let minute = plan.from;
  for (const made of calls(plan)) {
    for (const call of made) {
      serial += 1;
      const geo = draw.chance(PLACELESS) ? null : call.geo;
      const event = {
        ...call,
        geo,
        id: `evt_${plan.seed}_${serial}`,
        requestId: `req_${plan.seed}_${serial}`,
      };
      const delay = draw.chance(LATE.share) ? draw.between(0, LATE.most) : draw.between(0, PROMPT);
      const release = held.find(({ from, to }) => call.time >= from && call.time < to)?.to ?? 0;
      const at = Math.max(call.time + delay, release);
      arrive(at, event);
      if (draw.chance(AGAIN.share)) arrive(at + draw.between(0, AGAIN.most), event);
    }
    yield flush(minute);
    minute += MINUTE;
  }
}
