import { type Finding, formatTime } from '../model/index.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';
import type { Directory } from './places.ts';
import { list, number, numberOrNull, text } from './stored.ts';

/** Unknown keys remembered; further ones are not told. */
const KEYS = 500;
/** Addresses remembered of each. */
const ADDRESSES = 20;

type Stranger = {
  readonly keyId: string;
  /** Met in what the log held before the watch began. */
  backfill: boolean;
  first: number;
  last: number;
  readonly ips: Set<string>;
  told: boolean;
};

/**
 * Sees calls, accepted or not, with keys that are neither managed nor listed under otherKeys. A key is told once and
 * ended when it becomes known; those met in the backfill are told together. Keeps the first 500 keys, each with the
 * times of its first and last use and 20 addresses. A call without a key id is no unknown key.
 */
export const unknownKey: DetectorFactory = { form: 2, make };

function make({ rules, directory, stored }: DetectorInput): Detector {
  const on = rules.detectors['unknown-key'] !== undefined;
  const [begun, kept] = stored === undefined ? [null, []] : list(stored);
  let began = numberOrNull(begun ?? null);
  const strangers = new Map(list(kept).map((entry) => [text(list(entry)[0]), load(list(entry))]));

  return {
    see(sight) {
      began ??= sight.now;
      if (!on || sight.key === null || sight.key.owner !== null) return;
      const { keyId } = sight.key;
      const known = strangers.get(keyId);
      if (known === undefined && strangers.size >= KEYS) return;
      const stranger = known ?? newStranger(keyId, sight.at);
      if (known === undefined) strangers.set(keyId, stranger);
      stranger.first = Math.min(stranger.first, sight.at);
      stranger.last = Math.max(stranger.last, sight.at);
      stranger.backfill ||= !stranger.told && stranger.first <= began;
      if (stranger.ips.size < ADDRESSES) stranger.ips.add(sight.event.ip);
    },
    tell(_clock, context) {
      began ??= context.now;
      return [...news(strangers), ...settled(strangers, directory, on)];
    },
    save: () => [
      began,
      Array.from(strangers.values(), ({ keyId, backfill, first, last, ips, told }) => [
        keyId,
        backfill ? 1 : 0,
        first,
        last,
        told ? 1 : 0,
        [...ips],
      ]),
    ],
  };
}

function newStranger(keyId: string, at: number): Stranger {
  return { keyId, backfill: false, first: at, last: at, ips: new Set(), told: false };
}

function load([keyId, backfill, first, last, told, ips]: ReturnType<typeof list>): Stranger {
  return {
    keyId: text(keyId),
    backfill: backfill === 1,
    first: number(first),
    last: number(last),
    told: told === 1,
    ips: new Set(list(ips).map(text)),
  };
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
  const ips = [...new Set(strangers.flatMap((stranger) => [...stranger.ips]))].sort().slice(0, 100);
  return {
    kind: 'unknown-key',
    severity: 'warning',
    condition: backfill ? 'backfill' : `key ${single}`,
    at: firstEventAt,
    keyId: single,
    credential: null,
    ips,
    firstEventAt,
    lastEventAt,
    title:
      single === null
        ? `${keys.length} keys in use that nobody configured: ${keys.slice(0, 5).join(', ')}${keys.length > 5 ? ', …' : ''}`
        : `${single} is in use and nobody configured it: first from ${sourcesPhrase(ips, [])}`,
    summary: `Calls with ${single ?? `${keys.length} keys`} are in the log since ${formatTime(firstEventAt)}; Keywarden neither manages ${single === null ? 'them' : 'it'} nor finds ${single === null ? 'them' : 'it'} under otherKeys.`,
    action: 'Find out whose key it is: add it under otherKeys of the monitor, or revoke it at the provider.',
    evidence: { ips, ...(single === null ? { keys: keys.slice(0, 100) } : { keyId: single }) },
  };
}
