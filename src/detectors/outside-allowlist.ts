import { DAY, type Finding } from '../model/index.ts';
import { type Case, Cases, doubled } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase, spanPhrase } from './evidence.ts';
import { replaceOrder } from './orders.ts';
import type { KeyFacts } from './places.ts';

/** An incident of one key is over after a day without such a call. */
const QUIET = DAY;

/**
 * Sees accepted calls from addresses outside the key's allowlist, in IPv4, IPv6 and IPv4-mapped form; an address that
 * cannot be read is outside. A refused call is no breach: it is counted by the spike.
 *
 * Memory: one case for each key, at most 500; for each allowlist its blocks and the answers for 8,192 addresses.
 */
export const outsideAllowlist: DetectorFactory = { form: 2, make };

function make({ rules, directory, stored }: DetectorInput): Detector {
  const on = rules.detectors['outside-allowlist'] !== undefined;
  const describe = (found: Case) => findingOf(found, found.keyId === null ? null : directory.of(found.keyId));
  const cases = new Cases({ quiet: QUIET, news: doubled, describe }, stored);
  return {
    see(sight) {
      const allowlist = sight.key?.allowlist ?? null;
      if (!on || allowlist === null || sight.verdict !== 'accepted') return;
      const { source } = sight;
      if (source?.allowedBy === allowlist) return;
      if (!allowlist.has(sight.event.ip)) cases.note(`${sight.event.keyId}`, sight, true);
      else if (source !== null) source.allowedBy = allowlist;
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

/** `key`: null where it is not one key's. */
function findingOf(found: Case, key: KeyFacts | null): Finding {
  const { evidence, keyId, count } = found;
  const size = key?.allowlist?.size ?? null;
  const name = keyId ?? 'several keys';
  const whose = found.credential === null ? '' : ` of ${found.credential}`;
  const calls = `${count} accepted ${count === 1 ? 'call' : 'calls'}`;
  return {
    kind: 'outside-allowlist',
    severity: 'critical',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential: found.credential,
    ips: evidence.ips,
    firstEventAt: found.firstAt,
    lastEventAt: found.lastAt,
    title: `${name} used from outside its allowlist: ${calls} from ${sourcesPhrase(evidence.ips, evidence.countries)}`,
    summary: `${calls} with ${name}${whose} came from addresses outside ipAllowlist ${spanPhrase(found.firstAt, found.lastAt)}. Whoever calls from there holds the key.`,
    action: `If these calls are not yours: ${replaceOrder(found.credential, keyId)}. If they are: add the network to the monitor's ${key?.writtenAt.allowlist ?? 'ipAllowlist'}.`,
    evidence: {
      keyId,
      count,
      ...(size === null ? {} : { baseline: `an allowlist of ${size} ${size === 1 ? 'block' : 'blocks'}` }),
      ...evidence.lists(),
    },
  };
}
