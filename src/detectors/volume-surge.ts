import { DAY, type Finding, formatTime, HOUR, type Why } from '../model/index.ts';
import { GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { Evidence, sourcesPhrase } from './evidence.ts';
import { replaceOrder } from './orders.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, numberOrNull, textOrNull } from './stored.ts';
import type { VolumeHabit } from './volume-surge-habit.ts';
import { type Hour, STREAMS, type StreamName, type Usual, type Window } from './volume-surge-hour.ts';
import { VolumeNotes } from './volume-surge-notes.ts';

/** Below so many in a window nothing is a surge, whatever is usual. */
const LEAST: Readonly<Record<StreamName, number>> = { calls: 200, downloads: 50 };
/** A surge is so many times what is usual, and beyond chance. */
const TIMES = 4;
/** Four judgements an hour (two streams, two windows): 0.02 false pages a key and year. ln of the chance allowed to each. */
const LN_CHANCE = Math.log(0.02 / (4 * 8_766));
/** Of a key known for less than 14 days, only what is so many times its busiest hour, and so many times the least. */
const YOUNG = { hours: 14 * 24, least: 5, times: 20, known: 24 } as const;
/** Of what a key did not do, as much may be caught up: the counts are estimates. */
const CAUGHT_UP = 1.5;
/** A surge is over after a day without another. */
const QUIET = DAY;
/** Surges kept open, and calls of each hour that are kept as evidence. */
const OPEN = 100;
const SAMPLE = 50;

/** By how much a window held more than usual. */
type Worst = {
  readonly stream: StreamName;
  readonly hours: number;
  readonly count: number;
  readonly usual: number;
  readonly dispersion: number;
};

type Surge = {
  /** Null: of those for which there is no room. */
  readonly keyId: string | null;
  readonly credential: string | null;
  firstAt: number;
  lastAt: number;
  decidedAt: number;
  worst: Worst;
  /** The hour of which calls are sampled, and how many were. */
  sampled: [hour: number, calls: number];
  readonly evidence: Evidence;
  /** The count when it was told last. */
  told: number | null;
};

/**
 * Sees a key that suddenly does far more than it ever did: accepted calls, and downloads and licences by their paths,
 * in an hour and in twelve. What is usual is learnt of each key by the hour of day, twelve hours late: see
 * {@link VolumeHabit}. A surge is at least 200 calls or 50 downloads, four times what is usual, and beyond what the
 * key's own scatter explains (0.02 false pages a key and year). In a key's first 14 days only 20 times its busiest hour
 * is one, and nothing in its first 24 hours of weekdays, and of weekends; twelve hours are judged once all of them lie after
 * these days. What was told and goes on becomes the habit.
 * What a key did not do in the last day or two, it may catch up: a job that runs late is no surge. So much, and half as
 * much again, can be taken unseen with a key that stood still.
 *
 * Keeps a note of some 500 bytes of each key, at most 100 open surges and one of all further keys together, and of each
 * hour of a surge 50 calls as evidence.
 * Counts are estimates (13 %) that repeats do not change.
 */
export const volumeSurge: DetectorFactory = { form: 1, make };

function make({ rules, stored }: DetectorInput): Detector {
  const on = rules.detectors['volume-surge'] !== undefined;
  const notes = new VolumeNotes();
  const open = new Map(list(stored ?? []).map((entry) => named(load(list(entry)))));

  function raise(sight: Sight, worst: Worst, hour: number, last: number): void {
    const { event, at } = sight;
    const full = open.size >= OPEN && !open.has(event.keyId ?? '');
    const keyId = full ? null : event.keyId;
    let surge = open.get(keyId ?? GATHERED);
    if (surge === undefined) {
      const credential = full ? null : (sight.key?.credential ?? null);
      const firstAt = hour * HOUR;
      const evidence = new Evidence();
      surge = {
        keyId,
        credential,
        firstAt,
        lastAt: last,
        decidedAt: at,
        worst,
        sampled: [hour, 0],
        evidence,
        told: null,
      };
      open.set(keyId ?? GATHERED, surge);
    }
    surge.firstAt = Math.min(surge.firstAt, hour * HOUR);
    surge.lastAt = Math.max(surge.lastAt, last);
    if (timesOf(worst) > timesOf(surge.worst)) surge.worst = worst;
    if (surge.sampled[0] !== hour) surge.sampled = [hour, 0];
    if (full) sample(surge, sight, hour);
  }

  return {
    see(sight) {
      const { habit, event, at } = sight;
      if (!on || habit === null || event.status >= 400) return;
      const download = isDownload(event.path);
      const note = notes.of(habit);
      const counted = note.add(at, sight.mark, download);
      notes.counted(habit, note);
      if (counted !== null) {
        const worst = judge(note, counted, download);
        if (worst !== null) raise(sight, worst, counted.hour, counted.last);
      }
      if (open.size === 0) return;
      const surge = open.get(habit.keyId);
      if (surge === undefined || (surge.worst.stream === 'downloads' && !download)) return;
      sample(surge, sight, Math.floor(at / HOUR));
    },
    tell(clock) {
      const findings: Finding[] = [];
      for (const [keyId, surge] of open) {
        if (on && (surge.told === null || surge.worst.count >= 2 * surge.told)) {
          surge.told = surge.worst.count;
          findings.push(describe(surge));
        }
        if (on && clock.settled < surge.lastAt + QUIET) continue;
        open.delete(keyId);
        if (surge.told !== null) findings.push({ ...describe(surge), at: surge.lastAt, ended: true });
      }
      return findings;
    },
    save: () => [...open.values()].map(save),
  };
}

/** Keeps the call as an example, where it is of the hour that is sampled. */
function sample(surge: Surge, sight: Sight, of: number): void {
  const [hour, calls] = surge.sampled;
  if (calls >= SAMPLE || hour !== of) return;
  surge.sampled = [hour, calls + 1];
  surge.evidence.add(sight);
}

/** How many times as much as usual; where nothing is usual, one is taken for it. */
function timesOf({ count, usual }: Worst): number {
  return count / Math.max(usual, 1);
}

/** The window of the hour that is the furthest beyond the habit; null: none is. A call that is no download shows nothing about these. */
function judge(habit: VolumeHabit, open: Hour, download: boolean): Worst | null {
  const windows = open.windows ?? habit.windowsOf(open, leastOf(habit, open.hour));
  const calls = open.calls.count;
  const downloads = download ? open.downloads.count : Number.NEGATIVE_INFINITY;
  // Nearly every call ends here.
  if (calls < open.least[0] && downloads < open.least[1]) return null;
  let worst: Worst | null = null;
  for (const { stream, hours, least, before, missed, dispersion, mean } of windows) {
    const inHour = stream === 'calls' ? calls : downloads;
    if (inHour < least) continue;
    const count = inHour + before;
    const usual = isYoung(habit, hours) ? Math.max(mean, habit.peak(stream === 'calls' ? 0 : 1)) : mean;
    if (lnChance(count - CAUGHT_UP * missed, { mean: usual, dispersion }) > LN_CHANCE) continue;
    const found = { stream, hours, count, usual, dispersion };
    if (worst === null || timesOf(found) > timesOf(worst)) worst = found;
  }
  return worst;
}

/** From how many calls in a window on there is something to judge. */
function leastOf(habit: VolumeHabit, hour: number) {
  return ({ stream, hours, mean, missed }: Omit<Window, 'least'>, index: number): number => {
    const more = CAUGHT_UP * missed;
    if (!isYoung(habit, hours)) return more + Math.max(LEAST[stream], TIMES * mean);
    if (hours > 1 || habit.known(hour) < YOUNG.known) return Number.POSITIVE_INFINITY;
    return more + Math.max(YOUNG.least * LEAST[stream], YOUNG.times * Math.max(mean, habit.peak(index)));
  };
}

/** Whether any hour of the window was judged while the key was young: what passed by those rules is not judged anew by others. */
function isYoung(habit: VolumeHabit, hours: number): boolean {
  return habit.age - hours + 1 < YOUNG.hours;
}

/**
 * ln of a bound on P(X ≥ n) of the negative binomial distribution with that mean and dispersion, n above the mean:
 * Chernoff's, min over t of E[exp(tX)]·exp(−tn), in closed form. Never below the truth.
 *
 * @example lnChance(100, { mean: 10, dispersion: 2 }) // −57.6
 */
export function lnChance(n: number, { mean, dispersion }: Usual): number {
  const m = Math.max(mean, 0.01);
  if (n <= m) return 0;
  const size = m / (Math.max(dispersion, 1.001) - 1);
  return (n + size) * Math.log((n + size) / (m + size)) - n * Math.log(n / m);
}

const [SLASH, D, L] = [0x2f, 0x64, 0x6c];

/** Whether the call fetches or buys what the account pays for: `/download…` or `/licen…` in its path. Asked of every call. */
function isDownload(path: string): boolean {
  for (let at = 0; at < path.length; at += 1) {
    if (path.charCodeAt(at) !== SLASH) continue;
    const next = path.charCodeAt(at + 1);
    if (next === D && path.startsWith('download', at + 1)) return true;
    if (next === L && path.startsWith('licen', at + 1)) return true;
  }
  return false;
}

function describe(surge: Surge): Finding {
  const { keyId, credential, worst, evidence } = surge;
  const { stream, hours, count, usual, dispersion } = worst;
  const span = hours === 1 ? 'an hour' : `${hours} hours`;
  const times =
    usual < 1 ? 'where there are none as a rule' : `${Math.round(count / usual)} times as many as usual`;
  const name = keyId ?? `a key beyond the ${OPEN} that surge already`;
  const whose = credential === null ? '' : ` of ${credential}`;
  return {
    kind: 'volume-surge',
    severity: 'warning',
    condition: keyId ?? GATHERED,
    at: surge.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: surge.firstAt,
    lastEventAt: surge.lastAt,
    title: `${name}${whose}: about ${count} ${stream} in ${span}, ${times}; most from ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `Since ${formatTime(surge.firstAt)} ${name}${whose} made about ${count} ${stream} in ${span}; about ${Math.round(usual)} are usual then. Either an application changed, or somebody takes what the account can reach.`,
    action: `Find out who calls. If that is nobody of yours: ${replaceOrder(credential, keyId)}.`,
    evidence: {
      keyId,
      count,
      of: stream,
      baseline: `${Math.round(usual)} ${stream} in ${span}`,
      ...evidence.lists(),
    },
    why: why(span, count, usual, dispersion),
  };
}

function why(window: string, count: number, expected: number, dispersion: number): Why {
  const chance = Math.exp(lnChance(count, { mean: expected, dispersion }));
  return { dispersion, windows: [{ window, count, expected, chance, budget: Math.exp(LN_CHANCE) }] };
}

function save({
  keyId,
  credential,
  firstAt,
  lastAt,
  decidedAt,
  worst,
  sampled,
  evidence,
  told,
}: Surge): Json {
  const { stream, hours, count, usual, dispersion } = worst;
  return [
    keyId,
    credential,
    firstAt,
    lastAt,
    decidedAt,
    [STREAMS.indexOf(stream), hours, count, usual, dispersion],
    sampled,
    evidence.save(),
    told,
  ];
}

function named(surge: Surge): readonly [name: string, surge: Surge] {
  return [surge.keyId ?? GATHERED, surge];
}

function load(stored: readonly Json[]): Surge {
  const [keyId, credential, firstAt, lastAt, decidedAt, worst, sampled, evidence, told] = stored;
  const [stream, hours, count, usual, dispersion] = list(worst).map(number);
  const [hour, calls] = list(sampled).map(number);
  return {
    keyId: textOrNull(keyId ?? null),
    credential: textOrNull(credential ?? null),
    firstAt: number(firstAt),
    lastAt: number(lastAt),
    decidedAt: number(decidedAt),
    worst: {
      stream: stream === 1 ? 'downloads' : 'calls',
      hours: number(hours),
      count: number(count),
      usual: number(usual),
      dispersion: number(dispersion),
    },
    sampled: [number(hour), number(calls)],
    evidence: new Evidence(evidence),
    told: numberOrNull(told ?? null),
  };
}
