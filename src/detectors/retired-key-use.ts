import { DAY, type Finding } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase, spanPhrase } from './evidence.ts';
import { knownNetwork } from './known-network.ts';
import { historyHint } from './orders.ts';
import type { Exposure, KeyFacts } from './places.ts';
import { type Json, list } from './stored.ts';

/** A source that uses the key for a day is over and told anew with its next use; so is one that rested for a day. */
const ONE_DAY = DAY;

/**
 * Sees calls with a key that nobody should use, and is silent about Keywarden's own.
 *
 * - Accepted calls with a managed key that is known to others, that was never accepted, or whose value never reached
 *   us: critical wherever they come from.
 * - Calls, accepted or refused, with a managed key after its expiry, or with another key declared retired: critical
 *   where no key of the credential was ever accepted from the source's network (/24, /48) before, for a forgotten
 *   application calls from where it always did.
 *
 * One alert a day for each key and source, which names the rotation that superseded the key where that is known. Keeps
 * one case for each key and source, at most 500.
 */
export const retiredKeyUse: DetectorFactory = { form: 3, upgrade, make };

function make({ rules, directory, stored }: DetectorInput): Detector {
  const on = rules.detectors['retired-key-use'] !== undefined;
  const cases = new Cases(
    {
      quiet: ONE_DAY,
      longest: ONE_DAY,
      news: doubled,
      describe: (found) =>
        describe(found, found.keyId === null ? null : directory.of(found.keyId), retiredBy(found)),
    },
    stored,
  );
  function retiredBy({ keyId }: Case): string | null {
    return directory.managed.find((key) => key.keyId === keyId)?.retiredBy ?? null;
  }

  return {
    see(sight) {
      if (!on) return;
      const exposed = sight.exposedUse();
      if ((!exposed && !sight.retiredUse()) || sight.own()) return;
      const known =
        !exposed && sight.key !== null && knownNetwork(sight.key, sight.event.ip, sight.at, sight);
      cases.note(`${sight.event.keyId} ${sight.event.ip}`, sight, !known);
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

/** Form 2 had no keys and no pace in the evidence. */
function upgrade(stored: Json): Json {
  return list(stored).map((entry) => {
    const fields = list(entry);
    const [ips, ...others] = list(fields[8]);
    return [...fields.slice(0, 8), [ips ?? [], [], ...others], ...fields.slice(9)];
  });
}

function describe(found: Case, key: KeyFacts | null, retiredBy: string | null): Finding {
  const { evidence, keyId, critical } = found;
  const exposure = critical ? (key?.exposure ?? null) : null;
  const words =
    exposure === null ? wordsOfRetired(found, key, retiredBy) : wordsOfExposed(found, key, exposure);
  return {
    kind: 'retired-key-use',
    severity: critical ? 'critical' : 'warning',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential: found.credential,
    ips: evidence.ips,
    firstEventAt: found.firstAt,
    lastEventAt: found.lastAt,
    title: words.title,
    summary: words.summary,
    action: words.action,
    evidence: {
      keyId,
      owner: key?.owner ?? null,
      count: found.count,
      ...words.proof,
      ...evidence.lists(),
    },
  };
}

type Words = Pick<Finding, 'title' | 'summary' | 'action'> & { readonly proof: Finding['evidence'] };

function wordsOfRetired(found: Case, key: KeyFacts | null, retiredBy: string | null): Words {
  const { critical } = found;
  const name = found.keyId ?? (found.condition === GATHERED ? 'several retired keys' : 'a retired key');
  const whose = possessive(key);
  const calls = callsOf(found);
  return {
    title: `retired key ${name}${whose} used from ${sourceOf(found)}${critical ? ', a network never seen before' : ''}: ${calls}`,
    summary: `${calls} with ${name}${whose} after its end, ${spanOf(found)}.${
      retiredBy === null ? '' : ` Rotation ${retiredBy} superseded it.`
    } ${
      critical
        ? 'No key of it was ever accepted from that network: somebody may hold an old copy.'
        : 'Its keys are used from that network: an application there still has the old value.'
    }`,
    action: `${
      critical
        ? 'Find out who calls from there; look for the old value in backups, images and repositories.'
        : 'Give the application there the current value, or restart it.'
    }${historyHint(key?.credential ?? null)}`,
    proof: { newNetwork: critical, ...(retiredBy === null ? {} : { rotation: retiredBy }) },
  };
}

const EXPOSED = {
  compromised: {
    which: 'which is known to others,',
    why: 'It was declared known to others, so whoever calls may be anybody; an application that still has it looks the same.',
    act: 'If that is an application of yours, give it the current value.',
  },
  unused: {
    which: 'which was never put to use,',
    why: 'It was minted, never accepted while Keywarden tried it, and published nowhere: whoever calls had it from elsewhere.',
    act: 'Look for whoever read it on its way or in the state.',
  },
  orphaned: {
    which: 'whose value never reached Keywarden,',
    why: 'The answer to its mint was lost: whoever calls has what was meant for Keywarden.',
    act: 'Look for whoever read that answer on its way.',
  },
} as const;

function wordsOfExposed(found: Case, key: KeyFacts | null, { as }: Exposure): Words {
  const { which, why, act } = EXPOSED[as];
  const name = found.keyId ?? 'a key';
  const whose = possessive(key);
  const calls = callsOf(found);
  return {
    title: `${name}${whose}, ${which} used from ${sourceOf(found)}: ${calls}`,
    summary: `${calls} with ${name}${whose}, ${spanOf(found)}. ${why}`,
    action: `Find out who calls from there. ${act} Only deleting ${name} in the provider's console stops the calls.`,
    proof: { keyState: as },
  };
}

function possessive(key: KeyFacts | null): string {
  return key === null || key.owner === null ? '' : ` of ${key.owner}`;
}

function callsOf({ count }: Case): string {
  return `${count} ${count === 1 ? 'call' : 'calls'}`;
}

function sourceOf({ evidence }: Case): string {
  return sourcesPhrase(evidence.ips, evidence.countries);
}

function spanOf({ firstAt, lastAt }: Case): string {
  return spanPhrase(firstAt, lastAt);
}
