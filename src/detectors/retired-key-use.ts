import { DAY, type Finding, formatTime } from '../model/index.ts';
import { type Case, Cases, GATHERED } from './cases.ts';
import type { Detector, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';
import { networkOf } from './ip.ts';
import type { Sight } from './sight.ts';
import { knownBefore } from './sources.ts';

/** A source is told again when it still uses the key a day later, and is over after a day without a use. */
const REPEAT = DAY;

/**
 * Sees calls, accepted or refused, with a managed key after its expiry, or with another key declared retired.
 * Critical where no key of the credential was ever accepted from the source's network (/24, /48) before: a forgotten
 * application calls from where it always did. Keeps one case for each key and source, at most 500.
 */
export function retiredKeyUse({ rules, directory, stored }: DetectorInput): Detector {
  const on = rules.detectors['retired-key-use'] !== undefined;
  const cases = new Cases(
    {
      quiet: REPEAT,
      news: (found, told) => found.lastAt >= told.at + REPEAT,
      describe: (found) => describe(found, ownerOf(found)),
    },
    stored,
  );
  const ownerOf = (found: Case) => (found.keyId === null ? null : directory.of(found.keyId).owner);
  return {
    see(sight) {
      if (!on || !sight.retiredUse()) return;
      cases.note(`${sight.event.keyId} ${sight.event.ip}`, sight, !knownNetwork(sight));
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

function knownNetwork({ key, event, at, directory, sources }: Sight): boolean {
  if (key === null) return false;
  const network = networkOf(event.ip);
  const keys = key.credential === null ? [key.keyId] : directory.keysOf(key.credential);
  return keys.some((keyId) => {
    for (const [ip, source] of sources.of(keyId)?.sources ?? []) {
      if (knownBefore(source, at) && networkOf(ip) === network) return true;
    }
    return false;
  });
}

function describe(found: Case, owner: string | null): Finding {
  const { evidence, keyId, count, critical } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several retired keys' : 'a retired key');
  const whose = owner === null ? '' : ` of ${owner}`;
  const source = sourcesPhrase(evidence.ips, evidence.countries);
  const calls = `${count} ${count === 1 ? 'call' : 'calls'}`;
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
    title: `retired key ${name}${whose} used from ${source}${critical ? ', a network never seen before' : ''}: ${calls}`,
    summary: `${calls} with ${name}${whose} after its end, between ${formatTime(found.firstAt)} and ${formatTime(found.lastAt)}. ${
      critical
        ? 'No key of it was ever accepted from that network: somebody may hold an old copy.'
        : 'Its keys are used from that network: an application there still has the old value.'
    }`,
    action: critical
      ? 'Find out who calls from there; look for the old value in backups, images and repositories.'
      : 'Give the application there the current value, or restart it.',
    evidence: { keyId, owner, count, newNetwork: critical, ...evidence.lists() },
  };
}
