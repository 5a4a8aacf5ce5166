import type { Finding } from '../model/index.ts';
import { WINDOWS } from './baseline.ts';
import type { Detector, DetectorInput } from './detector.ts';
import { minuteOf } from './failures.ts';
import type { Sight } from './sight.ts';
import { knownBefore } from './sources.ts';
import { KeySpikes } from './spikes.ts';
import { list, number } from './stored.ts';

/** Keys with failures remembered; the one whose last failure is oldest goes first. */
const KEYS = 1_000;
/** Calls without a valid key are a key of their own. */
const NO_KEY = '';
const MINUTES_A_YEAR = 525_600;

/**
 * Sees refused logins (401) of one key, and of calls without any key, that are more than its habit explains. Two
 * streams, since guessing comes from new addresses and an expired key from old ones: sources with and without an
 * earlier success on the key. Each is judged over 1, 10, 60 and 720 minutes against what was usual 12 hours before
 * ({@link KeySpikes}); the false alarms allowed a year are shared among streams and windows.
 *
 * One episode for each key, until 30 minutes bring nothing unusual (240 where only the 720-minute window fires). Critical at 20 refused logins in 5 minutes or where
 * a source that failed got in. A refused call from an unregistered place is evidence here and no alert of its own.
 *
 * What was told is not learnt, so that the same attack is told again; a rise that lasts is learnt after a day or two of
 * it, or some four days where it shows in office hours only ({@link Baseline}).
 *
 * Keeps for at most 1,000 keys: 790 bins, two baselines of 109 numbers, 100 addresses and 20 sample calls.
 */
export function authFailureSpike({ rules, stored }: DetectorInput): Detector {
  const perYear = rules.detectors['auth-failure-spike']?.falseAlarmsPerKeyYear ?? null;
  const [since, kept] = stored === undefined ? [null, []] : list(stored);
  const keys = new Map<string, KeySpikes>();
  for (const entry of list(kept)) {
    const spikes = KeySpikes.load(entry);
    keys.set(spikes.keyId ?? NO_KEY, spikes);
  }
  let watchedSince = since === null || since === undefined ? Number.POSITIVE_INFINITY : number(since);

  function refused(sight: Sight, falseAlarms: number): void {
    if (!sight.first()) return;
    const keyId = sight.event.keyId ?? NO_KEY;
    const spikes = keys.get(keyId) ?? meet(keys, keyId, sight);
    const source = sight.habit?.sources.get(sight.event.ip);
    const streams = sight.habit === null ? 1 : 2;
    spikes.failed(sight, {
      stream: knownBefore(source, sight.at) ? 1 : 0,
      since: minuteOf(sight.habit?.first ?? watchedSince),
      budget: falseAlarms / streams / (MINUTES_A_YEAR * WINDOWS.length),
    });
  }

  return {
    see(sight) {
      if (sight.at < watchedSince) watchedSince = sight.at;
      if (perYear === null) return;
      if (sight.verdict === 'refused') refused(sight, perYear);
      else if (sight.verdict === 'accepted' && sight.event.keyId !== null) {
        keys.get(sight.event.keyId)?.succeeded(sight.event.ip, sight.at);
      }
    },
    tell(clock) {
      const findings: Finding[] = [];
      for (const spikes of keys.values()) findings.push(...spikes.tell(clock.settled, perYear === null));
      if (perYear === null) keys.clear();
      return findings;
    },
    save: () => [
      Number.isFinite(watchedSince) ? watchedSince : null,
      Array.from(keys.values(), (spikes) => spikes.save()),
    ],
  };
}

function meet(keys: Map<string, KeySpikes>, keyId: string, sight: Sight): KeySpikes {
  if (keys.size >= KEYS) {
    const quiet = [...keys.values()].filter(({ open }) => !open);
    const oldest = quiet.reduce<KeySpikes | null>(
      (found, spikes) => (found === null || spikes.lastAt < found.lastAt ? spikes : found),
      null,
    );
    if (oldest !== null) keys.delete(oldest.keyId ?? NO_KEY);
  }
  const spikes = new KeySpikes(sight.event.keyId, sight.key?.credential ?? null);
  keys.set(keyId, spikes);
  return spikes;
}
