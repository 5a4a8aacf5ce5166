import { type Finding, formatDuration, formatTime, HOUR } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { Distinct } from './distinct.ts';
import { sourcesPhrase } from './evidence.ts';
import { Notes } from './habits.ts';
import { LATENESS } from './log-clock.ts';
import { replaceOrder } from './orders.ts';
import { type Json, list, number, text } from './stored.ts';

/** Fewer refusals in a window are no saturation: a client that runs into its limit now and then backs off. */
const LEAST = 20;
/** A key that stayed below its limit for an hour has recovered. */
const QUIET = HOUR;

/** Half a window: all answers that a known key got, and those that were 429. */
type Half = { index: number; readonly calls: Distinct; readonly limited: Distinct };

/** In their order; the latest one stands by itself as well, since nearly every call is in it. */
type Halves = { readonly all: Half[]; latest: Half | null };

/**
 * Sees a key whose calls run into the rate limit: of those in `window`, the `share` and at least 20 were answered with
 * 429. It names the addresses that do so, since whoever spends the limit takes it from all others. Two halves of a
 * window are judged together, so that a burst at a half's end is seen, as soon as a 429 arrives and on what has arrived.
 *
 * Keeps of each key the halves of the last minutes, about 64 bytes each, and one case for each key with 429s, at most
 * 500. Counts of calls are estimates (13 %) that repeats do not change; the 429s told of are counted one by one.
 */
export const rateLimitSaturation: DetectorFactory = { form: 1, make };

function make({ rules, stored }: DetectorInput): Detector {
  const rule = rules.detectors['rate-limit-saturation'] ?? null;
  const width = (rule?.window ?? 2) / 2;
  const notes = new Notes<Halves>('rate-limit-saturation', {
    load(note) {
      const all = list(note ?? []).map(loadHalf);
      return { all, latest: all.at(-1) ?? null };
    },
    told: true,
    busy: true,
    write: ({ all }) => `[${all.map(writeHalf).join(',')}]`,
  });
  const cases = new Cases(
    {
      quiet: QUIET,
      news: doubled,
      // A case is critical to itself once the key's share was reached: until then it is gathered and not told.
      worth: ({ critical }) => critical,
      describe: (found) => describe(found, rule?.window ?? 0, rule?.share ?? 0),
    },
    stored,
  );
  return {
    see(sight) {
      const { habit, at, event } = sight;
      if (rule === null || habit === null || sight.verdict !== 'accepted') return;
      const halves = notes.of(habit);
      const index = Math.floor(at / width);
      const { latest } = halves;
      const half = latest?.index === index ? latest : halfOf(halves, index, sight.clock.reached, width);
      if (half === null) return;
      if (half.calls.add(sight.mark)) notes.changed(habit);
      if (event.status !== 429) return;
      notes.changed(habit);
      half.limited.add(sight.mark);
      cases.note(habit.keyId, sight, saturated(halves.all, index, rule.share));
    },
    tell: (clock) => (rule === null ? cases.end(() => true) : cases.tell(clock.settled)),
    save: () => cases.save(),
  };
}

/** The half that a call belongs to; null: it comes too late to count. Drops those that no call can reach any more. */
function halfOf(halves: Halves, index: number, reached: number, width: number): Half | null {
  const { all, latest } = halves;
  const oldest = Math.floor((reached - LATENESS) / width) - 1;
  let past: Half | null = null;
  for (let first = all[0]; first !== undefined && first.index < oldest; first = all[0]) {
    past = first;
    all.shift();
  }
  const found = all.find((half) => half.index === index);
  if (found !== undefined) return found;
  if (index < oldest) return null;
  const fresh = past ?? newHalf();
  fresh.index = index;
  fresh.calls.clear();
  fresh.limited.clear();
  all.push(fresh);
  if (latest !== null && latest.index > index) all.sort((a, b) => a.index - b.index);
  halves.latest = all[all.length - 1] ?? null;
  return fresh;
}

function newHalf(): Half {
  return { index: 0, calls: new Distinct(), limited: new Distinct() };
}

/** Whether this half with the one before, or with the one after where later calls have come already, holds too many. */
function saturated(halves: readonly Half[], index: number, share: number): boolean {
  const later = halves.at(-1)?.index === index ? [] : [index];
  return [index - 1, ...later].some((from) => {
    const calls = new Distinct();
    const limited = new Distinct();
    for (const half of halves) {
      if (half.index !== from && half.index !== from + 1) continue;
      calls.absorb(half.calls);
      limited.absorb(half.limited);
    }
    return limited.count >= LEAST && limited.count >= share * calls.count;
  });
}

function writeHalf({ index, calls, limited }: Half): string {
  return `[${index},"${calls.save()}","${limited.save()}"]`;
}

function loadHalf(stored: Json): Half {
  const [index, calls, limited] = list(stored);
  return { index: number(index), calls: Distinct.load(text(calls)), limited: Distinct.load(text(limited)) };
}

function describe(found: Case, window: number, share: number): Finding {
  const { evidence, keyId, credential, count, firstAt, lastAt } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several keys' : 'a key');
  const whose = credential === null ? '' : ` of ${credential}`;
  const percent = `${Math.round(share * 100)} %`;
  return {
    kind: 'rate-limit-saturation',
    severity: 'warning',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: firstAt,
    lastEventAt: lastAt,
    title: `${name}${whose} spends its rate limit: ${count} calls answered with 429, most to ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `Between ${formatTime(firstAt)} and ${formatTime(lastAt)} ${count} calls with ${name}${whose} were refused for the rate limit, at times ${percent} or more of its calls in ${formatDuration(window)}. Every application that shares the key is refused with them.`,
    action: `Slow down the callers named first, or give them a key of their own. If they are nobody of yours: ${replaceOrder(credential, keyId)}.`,
    evidence: {
      keyId,
      count,
      baseline: `less than ${percent} in ${formatDuration(window)}`,
      ...evidence.lists(),
    },
  };
}
