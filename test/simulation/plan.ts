import { DAY, HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import { type Effect, FAULTS, type Fault } from './faults.ts';
import { Stream } from './streams.ts';

/** What people do to the daemon and behind its back. */
export const ACTS = [
  'rotate',
  'emergency',
  'adopt',
  'import',
  'acknowledge',
  'revoke-retiring',
  'revoke-current',
  'foreign-mint',
  'tamper',
  'compromise',
  'rollback',
  'pause',
  'resume',
  'retry',
  'abandon',
] as const;
/** What users do to their grants: at the provider, or in an application, which has it forgotten. */
export const GRANT_ACTS = ['disconnect', 'forget'] as const;
export type Act = (typeof ACTS)[number] | (typeof GRANT_ACTS)[number];

/** `at`: ms after the world's begin; with `during`, while the first such effect after that is under way. */
export type PlannedAct = { readonly at: number; readonly act: Act; readonly during: Effect | null };

export type Place = {
  readonly name: 'vault' | 'aws' | 'file';
  readonly lag: number;
  readonly required: boolean;
};

/** The OAuth grants of a seed, and how their authorization server is. Durations in ms. */
export type GrantsPlan = {
  /** Users, one grant each; 0: the configuration has no client. */
  readonly users: number;
  readonly grace: number;
  readonly accessLife: number;
  readonly refreshLife: number;
  readonly slides: boolean;
  readonly tells: boolean;
  /** How often an application asks for each user's token. */
  readonly askEvery: number;
};

/** All that a seed decides before anything happens. */
export type Plan = {
  readonly seed: number;
  readonly days: number;
  /** Engines on one state. */
  readonly engines: number;
  /** How long a superseded key stays valid. */
  readonly overlap: number;
  readonly every: number;
  readonly places: readonly Place[];
  /** Whether the provider remembers Idempotency-Keys. */
  readonly remembers: boolean;
  /** A fresh key is accepted everywhere after so long at most. */
  readonly settles: number;
  readonly pollEvery: number;
  readonly useEvery: number;
  readonly onDrift: 'alert' | 'overwrite';
  /** Whether somebody tries again what needs attention. */
  readonly attentive: boolean;
  readonly rates: Partial<Readonly<Record<Fault, number>>>;
  readonly acts: readonly PlannedAct[];
  readonly grants: GrantsPlan;
};

/** Faults stop after this share of the run; then everything must settle. */
export const HEALED_AT = 0.6;

/** The world of one seed. The same number, the same world. */
export function planOf(seed: number, days = 30): Plan {
  const stream = new Stream(seed, 'plan');
  const overlap = stream.chance(0.5) ? 3 * DAY : stream.spread(6 * HOUR, 3 * DAY);
  const names = ['vault', 'aws', 'file'] as const;
  const count = stream.whole(2, 3);
  const grants = grantsOf(new Stream(seed, 'grants'));
  return {
    seed,
    days,
    engines: stream.chance(0.7) ? 1 : stream.whole(2, 3),
    overlap,
    every: 5 * DAY,
    places: names.slice(0, count).map((name, index) => ({
      name,
      lag: stream.chance(0.3) ? 0 : stream.spread(SECOND, Math.min(2 * HOUR, overlap / 8)),
      required: index === 0 || stream.chance(0.7),
    })),
    remembers: stream.chance(0.7),
    settles: stream.spread(SECOND, 30 * SECOND),
    // Who mints with our key is seen in the log alone, and has to be seen within the overlap.
    pollEvery: Math.min(stream.spread(8 * HOUR, 24 * HOUR), Math.round(overlap / 3)),
    useEvery: stream.spread(4 * HOUR, 12 * HOUR),
    onDrift: stream.chance(0.5) ? 'alert' : 'overwrite',
    attentive: stream.chance(0.5),
    rates: ratesOf(new Stream(seed, 'rates')),
    acts: [
      ...actsOf(new Stream(seed, 'acts'), days),
      ...(grants.users === 0 ? [] : grantActsOf(new Stream(seed, 'grant acts'), days)),
    ],
    grants,
  };
}

/** A random subset of the faults, rare or frequent. */
function ratesOf(stream: Stream): Plan['rates'] {
  const rates: Partial<Record<Fault, number>> = {};
  const share = stream.next();
  for (const fault of FAULTS) {
    const rate = stream.spread(3_000, 100_000) / 1e6;
    if (stream.chance(share)) rates[fault] = rate;
  }
  return rates;
}

/** So many seeds have grants. */
const WITH_GRANTS = 0.5;

function grantsOf(stream: Stream): GrantsPlan {
  return {
    users: stream.chance(WITH_GRANTS) ? stream.whole(1, 3) : 0,
    grace: stream.chance(0.5) ? 0 : stream.whole(30, 120) * SECOND,
    accessLife: stream.whole(18, 36) * HOUR,
    refreshLife: 20 * DAY,
    slides: stream.chance(0.7),
    tells: stream.chance(0.5),
    askEvery: stream.spread(8 * HOUR, 30 * HOUR),
  };
}

function grantActsOf(stream: Stream, days: number): PlannedAct[] {
  return Array.from({ length: stream.whole(1, 4) }, () => ({
    at: stream.whole(HOUR, days * HEALED_AT * DAY),
    act: stream.pick(GRANT_ACTS),
    during: stream.chance(0.5) ? 'refresh' : null,
  }));
}

/** Where a command can come between what was read and what is committed. */
const DURING: readonly Effect[] = ['mint', 'verify', 'publish', 'preflight', 'readBack'];

function actsOf(stream: Stream, days: number): PlannedAct[] {
  const count = stream.chance(0.3) ? 0 : stream.whole(1, 6);
  return Array.from({ length: count }, () => ({
    at: stream.whole(HOUR, days * HEALED_AT * DAY),
    act: stream.pick(ACTS),
    during: stream.chance(0.6) ? stream.pick(DURING) : null,
  })).toSorted((a, b) => a.at - b.at);
}

/**
 * A world without any fault or act, for single faults: the shortest in which every effect is reached.
 *
 * @param users of grants; then one of them disconnects, too
 */
export function calmPlan(seed: number, days: number, users = 0): Plan {
  return {
    ...planOf(seed, days),
    engines: 1,
    rates: {},
    acts: users === 0 ? [] : FORGOTTEN,
    grants: { ...grantsOf(new Stream(seed, 'grants')), users, accessLife: DAY },
    overlap: 3 * DAY,
    pollEvery: 6 * HOUR,
    settles: 5 * SECOND,
    useEvery: 8 * HOUR + MINUTE,
  };
}

/** Four times, so that a revocation can be struck that is not the first. */
const FORGOTTEN: readonly PlannedAct[] = [2, 4, 6, 8].map((day) => ({
  at: day * DAY,
  act: 'forget',
  during: null,
}));
