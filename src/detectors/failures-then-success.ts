import { DAY, type Finding, formatTime, HOUR } from '../model/index.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';
import { type BreakIn, BreakIns, conditionOf, OPEN } from './failures-then-success-cases.ts';
import { Guesses } from './failures-then-success-guesses.ts';
import { type Newcomer, Newcomers } from './failures-then-success-newcomers.ts';
import { knownBefore } from './habits.ts';
import { knownNetwork, knownSource } from './known-network.ts';
import { replaceOrder } from './orders.ts';
import type { Sight } from './sight.ts';
import { list } from './stored.ts';

/** Failures count for so long before the success that follows them. */
const WINDOW = 6 * HOUR;
/** So many failures of one address, or on so many keys, are guesses. */
const LEAST = { failures: 5, keys: 3 } as const;
/** Where it is usual for a key that new addresses fail first, so many times as often, and 15 times, is not. */
const BEYOND = { times: 2, failures: 15 } as const;
/** A break-in is over after a day; whoever got in is a known source by then. */
const QUIET = DAY;
/**
 * Sees guessing that got in: an address that failed five times within six hours, or on three keys, with or without a
 * key's id, and is then accepted with a key that was never accepted from its network (/24, /48) before. Of a key of
 * which no source is known yet, none is strange.
 *
 * Where three new addresses of a key failed and got in before, as cloud functions do when their token expires, it takes
 * 15 failures, and twice as many as any of these had.
 *
 * A known source is no attacker: failures on a key from an address that it was accepted from (somebody mistypes, a key
 * is renewed late), those with a key after its end, and Keywarden's own do not count. Both sides wait for each other, so
 * the order of arrival within the log's lateness does not matter.
 *
 * Keeps 300 failing addresses with the times of 16 failures and the evidence, 500 newly accepted ones for five minutes,
 * and 100 break-ins; further ones are told as one. Of too many addresses those that failed least go first. Of a key of
 * which new addresses fail first, a note of 100 bytes.
 */
export const failuresThenSuccess: DetectorFactory = { form: 1, make };

function make({ rules, directory, habits, stored }: DetectorInput): Detector {
  const on = rules.detectors['failures-then-success'] !== undefined;
  const [kept, fresh, broken] = stored === undefined ? [[], [], []] : list(stored);
  const guesses = new Guesses(kept ?? [], WINDOW);
  const breakIns = new BreakIns(broken ?? []);
  const newcomers = new Newcomers(fresh ?? [], guesses, habits);

  function judge({ keyId, ip, last }: Newcomer, at: number): void {
    const guess = guesses.of(ip);
    if (guess === undefined) return;
    const { failures, keys } = guesses.before(guess, last);
    if (failures < LEAST.failures && keys < LEAST.keys) return;
    const usual = newcomers.usual(keyId, last);
    if (usual !== null && failures < Math.max(BEYOND.failures, BEYOND.times * usual + 1)) return;
    const key = directory.of(keyId);
    const known = { directory, habits };
    if (knownNetwork(key, ip, last, known) || !knownSource(key, last, known, () => true)) return;
    breakIns.put({ keyId, ip, credential: key.credential }, guess, last, at);
  }

  function failed(sight: Sight): void {
    const { event, at, habit } = sight;
    if (knownBefore(habit?.sources.get(event.ip), at) || sight.retiredUse() || sight.own()) return;
    if (!sight.first()) return;
    const guess = guesses.add(sight);
    if (guess.count < LEAST.keys) return;
    for (const newcomer of newcomers.all()) if (newcomer.ip === event.ip) judge(newcomer, at);
  }

  function accepted(sight: Sight): void {
    const { event, at, habit } = sight;
    // With a key after its end, too, an address that it was accepted from is no new one.
    const source = sight.source ?? habit?.sources.get(event.ip);
    if (habit === null || source === undefined || knownBefore(source, at)) return;
    const newcomer = newcomers.put(habit.keyId, event.ip, at);
    const guess = guesses.of(event.ip);
    if (guess === undefined || sight.own()) return;
    if (sight.first()) guess.evidence.add(sight);
    judge(newcomer, at);
  }

  return {
    see(sight) {
      if (!on) return;
      newcomers.learn(sight.clock);
      if (sight.verdict === 'refused') failed(sight);
      else if (sight.verdict === 'accepted') accepted(sight);
    },
    tell(clock) {
      newcomers.settle(clock.settled);
      guesses.settle(clock.settled);
      return breakIns.tell(describe, ({ lastAt }) => !on || clock.settled >= lastAt + QUIET);
    },
    needs: () => [...newcomers.all()].map(({ keyId }) => keyId),
    save: () => [guesses.save(), newcomers.save(), breakIns.save()],
  };
}

function describe({
  keyId,
  ip,
  credential,
  firstAt,
  lastAt,
  decidedAt,
  count,
  keys,
  evidence,
}: BreakIn): Finding {
  const ips = ip === null ? evidence.ips : [ip];
  const source = sourcesPhrase(ips, evidence.countries);
  const name = keyId ?? `a key, beyond the ${OPEN} such cases that are open already`;
  const whose = credential === null ? '' : ` of ${credential}`;
  const tried = keys > 1 ? ` on ${keys} keys` : '';
  return {
    kind: 'failures-then-success',
    severity: 'critical',
    condition: conditionOf({ keyId, ip }),
    at: decidedAt,
    keyId,
    credential,
    ips,
    firstEventAt: firstAt,
    lastEventAt: lastAt,
    title: `${source} guessed and got in with ${name}${whose}: accepted after ${count} failures${tried}`,
    summary: `From ${formatTime(firstAt)} on ${source} failed ${count} times${tried}; at ${formatTime(lastAt)} it was accepted with ${name}${whose}, which was never used from that network before. Whoever calls from there holds the key.`,
    action: `If that is nobody of yours: ${replaceOrder(credential, keyId)}.`,
    evidence: { keyId, count, ...evidence.lists(), ips },
  };
}
