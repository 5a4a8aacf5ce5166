import { DAY, type Finding, formatTime } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorInput } from './detector.ts';
import { sourcesPhrase } from './evidence.ts';

/** An incident of one key and country is over after a day without such a call. */
const QUIET = DAY;

/**
 * Sees accepted calls whose location, by the provider's word, is in a country that is not registered for the key.
 * A call without a location proves nothing. Keeps one case for each key and country, at most 500.
 */
export function unregisteredGeolocation({ rules, stored }: DetectorInput): Detector {
  const on = rules.detectors['unregistered-geolocation'] !== undefined;
  const cases = new Cases({ quiet: QUIET, news: doubled, describe }, stored);
  return {
    see(sight) {
      const countries = sight.key?.countries ?? null;
      if (countries === null || sight.verdict !== 'accepted') return;
      const { geo } = sight.event;
      if (geo === null || countries.has(geo.country)) return;
      cases.note(`${sight.event.keyId} ${geo.country}`, sight, true);
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    save: () => cases.save(),
  };
}

function describe(found: Case): Finding {
  const { evidence, keyId, count } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several keys' : 'a key');
  const countries = evidence.countries.join(', ');
  const whose = found.credential === null ? '' : ` of ${found.credential}`;
  return {
    kind: 'unregistered-geolocation',
    severity: 'critical',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential: found.credential,
    ips: evidence.ips,
    firstEventAt: found.firstAt,
    lastEventAt: found.lastAt,
    title: `${name} used from ${countries}, which is not registered: ${count} accepted ${count === 1 ? 'call' : 'calls'} from ${sourcesPhrase(evidence.ips, [])}`,
    summary: `The provider accepted ${count} ${count === 1 ? 'call' : 'calls'} with ${name}${whose} from ${countries} between ${formatTime(found.firstAt)} and ${formatTime(found.lastAt)}. Whoever calls from there holds the key.`,
    action: found.credential
      ? `If these calls are not yours: keywarden rotate ${found.credential} --emergency. If they are: register the country under geolocations.`
      : 'If these calls are not yours, replace the key at the provider. If they are: register the country under geolocations.',
    evidence: { keyId, count, ...evidence.lists() },
  };
}
