import { DAY, type Finding } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase, spanPhrase } from './evidence.ts';
import { knownBefore } from './habits.ts';
import type { Sight } from './sight.ts';

/** A source that sent nothing in plaintext for a day has stopped. */
const QUIET = DAY;

/**
 * Sees keys that were sent without TLS, which the provider refuses with 403. Its log does not tell a 403 for plaintext
 * from one for an address that is not allowed, so a 403 counts where the place explains nothing: the address lies in the
 * allowlist, or the key was accepted from it before; and wherever the provider says that there was no TLS. A 403
 * without a key id bore no key, and exposed none.
 *
 * Keeps one case for each key and address, at most 500.
 */
export const plaintextAttempt: DetectorFactory = { form: 1, make };

function make({ rules, stored }: DetectorInput): Detector {
  const on = rules.detectors['plaintext-attempt'] !== undefined;
  const cases = new Cases({ quiet: QUIET, news: doubled, describe }, stored);
  return {
    see(sight) {
      const { event } = sight;
      if (!on || event.status !== 403 || event.keyId === null) return;
      if (event.plaintext === true || placeAllowed(sight))
        // No case is critical here: what is noted is whether the provider said so.
        cases.note(`${event.keyId} ${event.ip}`, sight, event.plaintext === true);
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

function placeAllowed({ event, key, habit, at }: Sight): boolean {
  if (knownBefore(habit?.sources.get(event.ip), at)) return true;
  return key?.allowlist?.has(event.ip) === true;
}

function describe(found: Case): Finding {
  const { evidence, keyId, credential, count, firstAt, lastAt } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several keys' : 'a key');
  const whose = credential === null ? '' : ` of ${credential}`;
  const calls = `${count} ${count === 1 ? 'call' : 'calls'}`;
  const source = sourcesPhrase(evidence.ips, evidence.countries);
  return {
    kind: 'plaintext-attempt',
    severity: 'warning',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: firstAt,
    lastEventAt: lastAt,
    title: `${name}${whose} was sent without TLS from ${source}: ${calls} refused with 403`,
    summary: `${calls} with ${name}${whose} ${spanPhrase(firstAt, lastAt)} got 403 ${found.critical ? 'and, by the word of the log, came without TLS' : 'from a place where the key is allowed, as http:// does; the log itself does not say why'}. Whoever could read the network on the way has the key.`,
    action: `Let the application there call https://.${
      credential === null
        ? ' Then replace the key at the provider.'
        : ` Then replace the key: \`keywarden rotate ${credential} --emergency --reason "sent in plaintext"\`.`
    }`,
    evidence: { keyId, count, ...evidence.lists() },
  };
}
