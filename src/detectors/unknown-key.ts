import { type Finding, formatTime } from '../model/index.ts';
import { GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { Evidence, sourcesPhrase } from './evidence.ts';
import type { Directory } from './places.ts';
import type { Sight } from './sight.ts';
import { type Json, list, number, numberOrNull, text } from './stored.ts';

/** Unknown keys remembered; further ones are told of as one. */
const KEYS = 500;
/** Calls of each that are looked at: one in constant use would else be counted for ever. */
const CALLS = 20;

type Stranger = {
  readonly keyId: string;
  /** Met in what the log held before the watch began. */
  backfill: boolean;
  first: number;
  last: number;
  /** Of its first calls. */
  readonly evidence: Evidence;
  calls: number;
  told: boolean;
};

/**
 * Sees calls, accepted or not, with keys that are neither managed nor listed under otherKeys. A key is told once and
 * ended when it becomes known; those met in the backfill are told together. Keeps the first 500 keys, each with the
 * times of its first and last use and what its first 20 calls show. That there are more
 * is told once, and ends when there is room again. A call without a key id is no unknown key.
 */
export const unknownKey: DetectorFactory = { form: 3, upgrade, make };

function make({ rules, directory, stored }: DetectorInput): Detector {
  const on = rules.detectors['unknown-key'] !== undefined;
  const [begun, kept, more] = stored === undefined ? [null, []] : list(stored);
  let began = numberOrNull(begun ?? null);
  const strangers = new Map(list(kept).map((entry) => [text(list(entry)[0]), load(list(entry))]));
  /** All for which there is no room; null: there is none such. */
  let others = more === undefined ? null : load(list(more));

  return {
    see(sight) {
      began ??= sight.now;
      if (!on || sight.key === null || sight.key.owner !== null) return;
      const { keyId } = sight.key;
      const known = strangers.get(keyId);
      if (known === undefined && strangers.size >= KEYS) {
        others ??= newStranger(GATHERED, sight.at);
        add(others, sight);
        return;
      }
      const stranger = known ?? newStranger(keyId, sight.at);
      if (known === undefined) strangers.set(keyId, stranger);
      add(stranger, sight);
      stranger.backfill ||= !stranger.told && stranger.first <= began;
    },
    tell(_clock, context) {
      began ??= context.now;
      const findings = [...news(strangers), ...settled(strangers, directory, on)];
      if (others === null) return findings;
      if (!others.told) findings.push(describeOthers(others));
      others.told = true;
      if (strangers.size < KEYS) {
        findings.push({ ...describeOthers(others), ended: true });
        others = null;
      }
      return findings;
    },
    save: () => [
      began,
      Array.from(strangers.values(), saveStranger),
      ...(others === null ? [] : [saveStranger(others)]),
    ],
  };
}

function add(stranger: Stranger, sight: Sight): void {
  stranger.first = Math.min(stranger.first, sight.at);
  stranger.last = Math.max(stranger.last, sight.at);
  if (stranger.calls >= CALLS || !sight.first()) return;
  stranger.evidence.add(sight);
  stranger.calls += 1;
}

function newStranger(keyId: string, at: number): Stranger {
  return { keyId, backfill: false, first: at, last: at, evidence: new Evidence(), calls: 0, told: false };
}

function load([keyId, backfill, first, last, told, evidence, calls]: ReturnType<typeof list>): Stranger {
  return {
    keyId: text(keyId),
    backfill: backfill === 1,
    first: number(first),
    last: number(last),
    told: told === 1,
    evidence: new Evidence(evidence),
    calls: number(calls),
  };
}

function saveStranger({ keyId, backfill, first, last, told, evidence, calls }: Stranger): Json {
  return [keyId, backfill ? 1 : 0, first, last, told ? 1 : 0, evidence.save(), calls];
}

/** Form 2 had addresses and no other evidence: those keys bear these, each as of one call, and take no more. */
function upgrade(stored: Json): Json {
  const [began, kept] = list(stored);
  const entries = list(kept).map((entry) => {
    const fields = list(entry);
    const sources = list(fields[5]).map((ip) => [ip, 1, null]);
    return [...fields.slice(0, 5), [sources, [], [], [], [], []], CALLS];
  });
  return [began ?? null, entries];
}

/** One finding for the whole backfill, told again with the whole list where it grew; one for each later key. */
function news(strangers: ReadonlyMap<string, Stranger>): Finding[] {
  const fresh = [...strangers.values()].filter(({ told }) => !told);
  const findings = fresh.filter(({ backfill }) => !backfill).map((stranger) => describe([stranger]));
  if (fresh.some(({ backfill }) => backfill)) {
    findings.unshift(describe([...strangers.values()].filter(({ backfill }) => backfill)));
  }
  for (const stranger of fresh) stranger.told = true;
  return findings;
}

/** Ends what is no longer unknown. The backfill's finding ends with the last of its keys. */
function settled(strangers: Map<string, Stranger>, directory: Directory, on: boolean): Finding[] {
  const over = [...strangers.values()].filter(({ keyId }) => !on || directory.of(keyId).owner !== null);
  if (over.length === 0) return [];
  for (const { keyId } of over) strangers.delete(keyId);
  const findings = over.filter(({ backfill }) => !backfill).map((stranger) => ended([stranger]));
  const listed = over.filter(({ backfill }) => backfill);
  if (listed.length === 0) return findings;
  const left = [...strangers.values()].filter(({ backfill }) => backfill);
  return [...findings, left.length === 0 ? ended(listed) : describe(left)];
}

function ended(strangers: readonly Stranger[]): Finding {
  return { ...describe(strangers), ended: true };
}

function describe(strangers: readonly Stranger[]): Finding {
  const keys = strangers.map(({ keyId }) => keyId).sort();
  const single = keys.length === 1 ? (keys[0] ?? null) : null;
  const backfill = strangers.some((stranger) => stranger.backfill);
  const firstEventAt = Math.min(...strangers.map(({ first }) => first));
  const lastEventAt = Math.max(...strangers.map(({ last }) => last));
  const evidence = new Evidence();
  for (const stranger of strangers) evidence.absorb(stranger.evidence);
  return {
    kind: 'unknown-key',
    severity: 'warning',
    condition: backfill ? 'backfill' : `key ${single}`,
    at: firstEventAt,
    keyId: single,
    credential: null,
    ips: evidence.ips,
    firstEventAt,
    lastEventAt,
    title:
      single === null
        ? `${keys.length} keys in use that nobody configured: ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', …' : ''}`
        : `${single} is in use and nobody configured it: first from ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `Calls with ${single ?? `${keys.length} keys`} are in the log since ${formatTime(firstEventAt)}; Keywarden neither manages ${single === null ? 'them' : 'it'} nor finds ${single === null ? 'them' : 'it'} under otherKeys.`,
    action: 'Find out whose key it is: add it under otherKeys of the monitor, or revoke it at the provider.',
    evidence: {
      ...evidence.lists(),
      ...(single === null ? { keys: keys.slice(0, 100) } : { keyId: single }),
      count: callsOf(strangers),
    },
  };
}

/** How many calls were looked at, by when the finding was told. */
function callsOf(strangers: readonly Stranger[]): number | string {
  const calls = strangers.reduce((sum, stranger) => sum + stranger.calls, 0);
  return strangers.some((stranger) => stranger.calls >= CALLS) ? `${calls} or more` : calls;
}

function describeOthers({ first, last, evidence }: Stranger): Finding {
  const { ips } = evidence;
  return {
    kind: 'unknown-key',
    severity: 'warning',
    condition: GATHERED,
    at: first,
    keyId: null,
    credential: null,
    ips,
    firstEventAt: first,
    lastEventAt: last,
    title: `more than ${KEYS} keys in use that nobody configured: further ones are not told one by one`,
    summary: `Keywarden has told of ${KEYS} keys that it neither manages nor finds under otherKeys; others are in use since ${formatTime(first)}, first from ${sourcesPhrase(ips, [])}.`,
    action:
      'List the keys of the account under otherKeys of the monitor, or revoke them at the provider: until there is room a new one is not told.',
    evidence: evidence.lists(),
  };
}
