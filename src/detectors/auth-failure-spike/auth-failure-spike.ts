import type { Finding } from '../../model/index.ts';
import type { Detector, DetectorFactory, DetectorInput } from '../detector.ts';
import { markOf } from '../distinct.ts';
import { type Habit, knownBefore, Notes } from '../habits.ts';
import type { LogClock } from '../log-clock.ts';
import type { Sight } from '../sight.ts';
import { type Json, list, number, text } from '../stored.ts';
import { minuteOf, type Stream } from './bins.ts';
import type { Judgement } from './failures.ts';
import { Fleet } from './fleet.ts';
import { Pool } from './pool.ts';
import { PRIORS } from './prior.ts';
import { KeySpikes, lostSpike } from './spikes.ts';

/**
 * Sees refused logins (401) that are more than habit explains, in three ways.
 *
 * Of one key, and of calls without any: two streams, since guessing comes from new addresses and an expired key from old
 * ones: sources with and without an earlier success on the key. Each is judged over 1, 10, 60 and 720 minutes, and for a
 * drift, and of new addresses by how many fail together and how often one of them does ({@link Crowds}), against what was
 * usual 13 hours before, on a key's first day 3 ({@link Failures}); the false alarms allowed a year are shared among
 * streams and tests. What a new key may do is guessed from the other keys ({@link Pool}), until it has been seen to be calmer.
 *
 * Of all keys together: pairs of an address and a key that fail for the first time ({@link Fleet}), and one address
 * that tries many keys ({@link Trials}).
 *
 * One episode for each key, until 30 minutes bring nothing unusual (240 where only the slow and steady shows). Critical
 * at 20 refused logins in 5 minutes or where a source that failed got in. A refused call from an unregistered place is
 * evidence here and no alert of its own.
 *
 * What was told is not learnt, so that the same attack is told again; a rise that lasts is learnt after a day or two of
 * it, or some four days where it shows in office hours only ({@link Baseline}).
 *
 * Notes of each key that ever failed: at most 840 bins packed to a character or two, two baselines, 12 addresses and 10
 * sample calls (100 addresses while an episode is open). Keeps of itself the same for calls without a key and for the
 * fleet, 300 addresses and 300 pairs.
 */
export const authFailureSpike: DetectorFactory = { form: 3, make };

/** What is open is told of after every page, whether it has failures or not. */
class Watched {
  readonly #keys: Set<string>;

  constructor(stored: Json | undefined) {
    this.#keys = new Set(list(stored ?? []).map(text));
  }

  [Symbol.iterator](): IterableIterator<string> {
    return this.#keys.values();
  }

  add(keyId: string): void {
    this.#keys.add(keyId);
  }

  has(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  delete(keyId: string): void {
    this.#keys.delete(keyId);
  }
}

function notesOf(pool: Pool): Notes<KeySpikes> {
  return new Notes('auth-failure-spike', {
    load: (note) => (note === undefined ? KeySpikes.begin(pool.priors) : KeySpikes.load(note)),
    write: (spikes) => JSON.stringify(spikes.save()),
  });
}

/** A key has two streams; calls without a key have one. */
function judgementOf({ habit, event, at }: Sight, watchedSince: number, falseAlarms: number): Judgement {
  const stream: Stream = knownBefore(habit?.sources.get(event.ip), at) ? 1 : 0;
  return {
    stream,
    since: minuteOf(habit?.first ?? watchedSince),
    mark: stream === 0 ? markOf(event.ip) : undefined,
    perYear: falseAlarms / (habit === null ? 1 : 2),
  };
}

function make({ rules, directory, habits, stored }: DetectorInput): Detector {
  const perYear = rules.detectors['auth-failure-spike']?.falseAlarmsPerKeyYear ?? null;
  const [since, open, keyless, fleetStored, poolStored] = list(stored ?? []);
  const pool = new Pool(poolStored);
  const fleet = new Fleet(fleetStored);
  const notes = notesOf(pool);
  const watched = new Watched(open);
  const withoutKey = (keyless ?? null) === null ? KeySpikes.begin(PRIORS) : KeySpikes.load(keyless ?? null);
  let keylessFailed = (keyless ?? null) !== null;
  let watchedSince = since === null || since === undefined ? Number.POSITIVE_INFINITY : number(since);

  function refused(sight: Sight, falseAlarms: number): void {
    if (!sight.first()) return;
    const { habit } = sight;
    const judgement = judgementOf(sight, watchedSince, falseAlarms);
    const spikes = habit === null ? withoutKey : notes.of(habit);
    const failed = spikes.failed(sight, judgement);
    if (habit === null) keylessFailed = true;
    else {
      habit.changed = true;
      watched.add(habit.keyId);
      pool.learn(spikes.lesson(), sight.clock.settled);
    }
    if (judgement.stream === 0)
      fleet.failed(sight, failed, { since: minuteOf(watchedSince), perYear: falseAlarms });
  }

  function accepted({ habit, source, event }: Sight): void {
    fleet.accepted(event.ip);
    if (habit === null || source === null || !watched.has(habit.keyId)) return;
    notes.at(habit)?.accepted(event.ip, source.first);
  }

  function tellKey(keyId: string, { settled, reached }: LogClock): Finding[] {
    const habit: Habit | undefined = habits.of(keyId);
    const spikes = habit === undefined ? null : notes.at(habit);
    if (habit === undefined || spikes === null) {
      watched.delete(keyId);
      return [lostSpike(keyId, reached)];
    }
    const findings = spikes.tell({ keyId, sources: habit.sources }, settled, perYear === null);
    if (findings.length > 0) habit.changed = true;
    if (!spikes.open) watched.delete(keyId);
    return findings;
  }

  return {
    see(sight) {
      if (sight.at < watchedSince) watchedSince = sight.at;
      if (sight.verdict === 'accepted') accepted(sight);
      else if (perYear !== null && sight.verdict === 'refused') refused(sight, perYear);
    },
    tell(clock) {
      const { settled } = clock;
      const ofKeys = [...watched].flatMap((keyId) => tellKey(keyId, clock));
      const how = { off: perYear === null, afresh: ofKeys.some(({ ended = false }) => !ended) };
      const ofNone = withoutKey.tell({ keyId: null, sources: null }, settled, how.off);
      return [...fleet.tell(settled, { habits, directory }, how), ...ofKeys, ...ofNone];
    },
    needs: () => watched,
    save: () => [
      Number.isFinite(watchedSince) ? watchedSince : null,
      [...watched],
      keylessFailed ? withoutKey.save() : null,
      fleet.save(),
      pool.save(),
    ],
  };
}
