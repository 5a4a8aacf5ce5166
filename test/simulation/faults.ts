import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import { Stream } from './streams.ts';

/** What the engine does to the world, and where a fault can strike. */
export const EFFECTS = [
  'commit',
  'mint',
  'verify',
  'readLog',
  'preflight',
  'readBack',
  'publish',
  'deliver',
  'hook',
  /** A commit about a grant or a client of grants. */
  'grantCommit',
  'refresh',
  'revoke',
  /** An application asks for an access token. */
  'handOut',
] as const;
export type Effect = (typeof EFFECTS)[number];

/** Of these there are some only where a seed has grants. */
export const GRANT_EFFECTS: readonly Effect[] = ['grantCommit', 'refresh', 'revoke', 'handOut'];

export const FAULTS = [
  /** It was not done, and that is said. */
  'refused',
  /** The process dies before it is sent. */
  'crash-before',
  /** It is done, and the process dies before it hears of that. */
  'applied-crash',
  /** It is done, and the answer never comes. */
  'answer-lost',
  /** No answer comes; hours later it is done after all. */
  'late',
  'twice',
  /** This destination, and no other, cannot be reached for a long time. */
  'partial',
  /** It answers as of a while ago. */
  'stale',
  'garbage',
  /** It says yes and keeps nothing. */
  'forgets',
  /** It keeps the value and, some time later, brings back what stood there before. */
  'reverts',
  /** A fresh key is refused for longer than it ought to be. */
  'unsettled',
  /** The process is paused right before it is sent, for up to days, and then goes on. */
  'stall',
  /** The wall clock is set wrong by up to five days, either way. */
  'clock-step',
  /** It may be done; the process dies and stays down for days. */
  'down',
  /** The state is put back to a backup that is up to two days old. */
  'restore',
  /** 429: it was not done, and is not to be asked for again before a time. */
  'rate-limited',
  /** The server takes the client's own secret for wrong, for hours. */
  'client-refused',
] as const;
export type Fault = (typeof FAULTS)[number];

/** An effect of another engine on the same state: counted among the pairs, though nothing strikes. */
export const SECOND_ENGINE = 'second engine';

/** What can happen to each effect: a commit to a local database gets no late answers, a read cannot be done twice. */
export const APPLICABLE: Readonly<Record<Effect, readonly Fault[]>> = {
  commit: ['refused', 'crash-before', 'applied-crash', 'stall', 'clock-step', 'down', 'restore'],
  mint: [
    'refused',
    'crash-before',
    'applied-crash',
    'answer-lost',
    'late',
    'twice',
    'garbage',
    'stall',
    'clock-step',
    'down',
    'restore',
  ],
  verify: [
    'refused',
    'crash-before',
    'answer-lost',
    'stale',
    'garbage',
    'unsettled',
    'stall',
    'clock-step',
    'down',
  ],
  readLog: ['refused', 'crash-before', 'answer-lost', 'stale', 'garbage', 'stall', 'clock-step', 'down'],
  preflight: ['refused', 'crash-before', 'answer-lost', 'partial', 'stall', 'clock-step', 'down'],
  readBack: [
    'refused',
    'crash-before',
    'answer-lost',
    'partial',
    'stale',
    'garbage',
    'stall',
    'clock-step',
    'down',
  ],
  publish: [
    'refused',
    'crash-before',
    'applied-crash',
    'answer-lost',
    'late',
    'twice',
    'partial',
    'forgets',
    'reverts',
    'stall',
    'clock-step',
    'down',
    'restore',
  ],
  hook: ['refused', 'crash-before', 'applied-crash', 'answer-lost', 'stall', 'clock-step', 'down'],
  grantCommit: ['refused', 'crash-before', 'applied-crash', 'stall', 'clock-step', 'down', 'restore'],
  refresh: [
    'refused',
    'crash-before',
    'applied-crash',
    'answer-lost',
    'late',
    'twice',
    'garbage',
    'stall',
    'clock-step',
    'down',
    'restore',
    'rate-limited',
    'client-refused',
  ],
  revoke: [
    'refused',
    'crash-before',
    'applied-crash',
    'answer-lost',
    'late',
    'twice',
    'garbage',
    'stall',
    'clock-step',
    'down',
    'rate-limited',
    'client-refused',
  ],
  handOut: ['crash-before', 'applied-crash', 'answer-lost', 'stall', 'clock-step', 'down', 'restore'],
  deliver: [
    'refused',
    'crash-before',
    'applied-crash',
    'answer-lost',
    'late',
    'twice',
    'garbage',
    'stall',
    'clock-step',
    'down',
  ],
};

/** These take days, and more than a few of them in a month leave nothing to be said of the rest. */
const HEAVY: readonly Fault[] = ['partial', 'stall', 'clock-step', 'down', 'restore'];
const HEAVY_LIMIT = 3;
/** Those that strike what concerns grants are counted apart: what strikes the keys is the same with grants and without. */
const HEAVY_LIMIT_OF_GRANTS = 2;

/**
 * A fault that struck, and where: at the `nth` effect of its kind. A failing seed is shrunk by leaving some out, so
 * that one is counted among its own kind only.
 */
export type Struck = { readonly effect: Effect; readonly nth: number; readonly fault: Fault };

/** How long a fault lasts, or how far it steps, ms; each fault draws it from a stream of its own. */
export function extent(fault: Fault, stream: Stream, overlap: number): number {
  switch (fault) {
    case 'stall':
    case 'down':
      return stream.spread(10 * MINUTE, 4 * DAY);
    case 'partial':
      // Every minute of it is an attempt: only a short overlap is outlasted.
      return overlap < DAY && stream.chance(0.6)
        ? stream.spread(overlap * 0.95, overlap * 1.5)
        : stream.spread(10 * MINUTE, 12 * HOUR);
    case 'clock-step': {
      const far = stream.chance(0.5) ? stream.spread(DAY, 5 * DAY) : stream.spread(MINUTE, DAY);
      return stream.chance(0.5) ? far : -far;
    }
    case 'client-refused':
      return stream.spread(5 * MINUTE, 12 * HOUR);
    case 'late':
      return stream.spread(10 * MINUTE, 12 * HOUR);
    case 'reverts':
      return stream.spread(5 * MINUTE, 12 * HOUR);
    case 'unsettled':
      return stream.spread(5_000, 20 * MINUTE);
    default:
      return stream.spread(1_000, 2 * MINUTE);
  }
}

/** Says which fault strikes the `nth` effect of a kind, if any. */
export type Chooser = (effect: Effect, nth: number) => Fault | null;

export type FaultPlan = {
  readonly seed: number;
  /** The faults that this seed has turned on, each with its probability at one effect. */
  readonly rates: Partial<Readonly<Record<Fault, number>>>;
};

/** An effect is struck at most so often: a provider that never mints is nobody's fault but its own. */
const MOST_STRUCK = 0.5;

/** At random, by the seed's rates. */
export function randomly({ seed, rates }: FaultPlan): Chooser {
  const heavy = { keys: 0, grants: 0 };
  const rateOf = (effect: Effect, fault: Fault) =>
    (rates[fault] ?? 0) * AIM[effect] * (effect === 'publish' && fault === 'partial' ? AT_PUBLICATION : 1);
  return (effect, nth) => {
    const stream = new Stream(seed, `fault ${effect} ${nth}`);
    const total = APPLICABLE[effect].reduce((sum, fault) => sum + rateOf(effect, fault), 0);
    let left = stream.next() * Math.max(1, total / MOST_STRUCK);
    for (const fault of APPLICABLE[effect]) {
      left -= rateOf(effect, fault);
      if (left >= 0) continue;
      if (!HEAVY.includes(fault)) return fault;
      const whose = GRANT_EFFECTS.includes(effect) ? 'grants' : 'keys';
      heavy[whose] += 1;
      return heavy[whose] > (whose === 'grants' ? HEAVY_LIMIT_OF_GRANTS : HEAVY_LIMIT) ? null : fault;
    }
    return null;
  };
}

/** Commits and log reads are many, revocations few; mints and publications are what this is about. */
const AIM: Readonly<Record<Effect, number>> = {
  commit: 0.1,
  mint: 3,
  verify: 0.7,
  readLog: 0.15,
  preflight: 1,
  readBack: 0.5,
  publish: 2,
  deliver: 0.5,
  hook: 1,
  grantCommit: 0.1,
  refresh: 1,
  revoke: 40,
  handOut: 0.6,
};

/** A destination that is lost right at a publication is what an overlap is for. */
const AT_PUBLICATION = 6;

/** Those and no others: a replay. */
export function exactly(struck: readonly Struck[]): Chooser {
  const known = new Map(struck.map(({ effect, nth, fault }) => [`${effect} ${nth}`, fault]));
  return (effect, nth) => known.get(`${effect} ${nth}`) ?? null;
}

/** One fault, at the `nth` effect of its kind. */
export function once(effect: Effect, fault: Fault, nth: number): Chooser {
  return exactly([{ effect, nth, fault }]);
}
