import { DAY, type Finding, formatDuration, formatTime, HOUR } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';
import { type Habits, Notes } from './habits.ts';
import { LATENESS } from './log-clock.ts';
import { replaceOrder } from './orders.ts';
import { list, number } from './stored.ts';

/** The calls of the first hour are the waking; a key may be busy from then on. */
const WAKING = HOUR;
/** A waking is over after a day. */
const QUIET = DAY;

/** Accepted uses: the last of all, the first since the key rested, and the last before it did (0: none). */
type Uses = { last: number; since: number; before: number };

/**
 * Sees a key that rested for `after` and is accepted again. Refused calls neither wake a key nor keep it awake. Both
 * bounds are times of events, and the first five minutes of a use count as one: an event late or twice wakes no key.
 * A key is known from its first accepted use in the log, so one that rested longer than the watch has run is not seen.
 *
 * Keeps three times of each key, and one case for each key that woke, at most 500.
 */
export const dormantKey: DetectorFactory = { form: 1, make };

function make({ rules, habits, stored }: DetectorInput): Detector {
  const after = rules.detectors['dormant-key']?.after ?? null;
  const notes = new Notes<Uses>('dormant-key', {
    load(note) {
      const [last, since, before] = note === undefined ? [0, 0, 0] : list(note);
      return { last: number(last), since: number(since), before: number(before) };
    },
    write: ({ last, since, before }) => `[${last},${since},${before}]`,
    told: true,
    busy: true,
  });
  const cases = new Cases(
    { quiet: QUIET, news: doubled, describe: (found) => describe(found, restOf(found, habits, notes)) },
    stored,
  );
  return {
    see(sight) {
      const { habit, at } = sight;
      if (after === null || habit === null || sight.verdict !== 'accepted') return;
      const uses = notes.of(habit);
      if (at > uses.last) {
        notes.changed(habit);
        if (uses.last === 0) uses.since = at;
        else if (at - uses.last >= after - LATENESS) {
          uses.before = uses.last;
          uses.since = at;
        }
        uses.last = at;
      } else if (at < uses.since && at > uses.before) {
        notes.changed(habit);
        uses.since = at;
      }
      if (uses.before === 0 || at > uses.since + WAKING || at - uses.before < after) return;
      if (at > uses.before && !sight.own()) cases.note(habit.keyId, sight, false);
    },
    tell: (clock) => (after === null ? cases.end(() => true) : cases.tell(clock.settled)),
    needs: () => cases.keys(),
    save: () => cases.save(),
  };
}

/** Since when the key had not been used; null where that is not at hand. */
function restOf({ keyId, firstAt }: Case, habits: Habits, notes: Notes<Uses>): number | null {
  const habit = keyId === null ? undefined : habits.of(keyId);
  const before = habit === undefined ? 0 : (notes.at(habit)?.before ?? 0);
  return before > 0 && before < firstAt ? before : null;
}

function describe(found: Case, before: number | null): Finding {
  const { evidence, keyId, credential, count, firstAt, lastAt } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several keys' : 'a key');
  const whose = credential === null ? '' : ` of ${credential}`;
  const rest = before === null ? 'a long time' : formatDuration(firstAt - before);
  const since = before === null ? '' : ` It had last been used at ${formatTime(before)}.`;
  return {
    kind: 'dormant-key',
    severity: 'warning',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: firstAt,
    lastEventAt: lastAt,
    title: `${name}${whose} is used again after ${rest}: from ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `${name}${whose} was accepted at ${formatTime(firstAt)} after ${rest} without a use.${since} A key that everybody forgot is one that nobody misses.`,
    action: `Find out who uses it. If nobody of yours does: ${replaceOrder(credential, keyId)}.`,
    evidence: {
      keyId,
      count,
      ...(before === null ? {} : { lastUsed: formatTime(before), rested: rest }),
      ...evidence.lists(),
    },
  };
}
