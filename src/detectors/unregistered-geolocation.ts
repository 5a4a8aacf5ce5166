import { DAY, type Finding } from '../model/index.ts';
import { type Case, Cases, doubled, GATHERED } from './cases.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { sourcesPhrase, spanPhrase } from './evidence.ts';
import { LearntPlaces } from './learnt-places.ts';
import { replaceOrder } from './orders.ts';

/** An incident of one key and country is over after a day without such a call. */
const QUIET = DAY;

/**
 * Sees accepted calls from a country that is not registered for the key, or, where none is and countries are learnt,
 * that the key was not used from in its first time. Whoever has the key already by then is learnt with it.
 *
 * The place is the provider's word, else the country database's; a call of which neither knows the place proves nothing.
 * A refused call is no breach: it is counted by the spike.
 *
 * Memory: one case for each key and country, at most 500; the learnt countries of each key, see {@link LearntPlaces}.
 */
export const unregisteredGeolocation: DetectorFactory = { form: 2, make };

function make({ rules, directory, habits, stored }: DetectorInput): Detector {
  const on = rules.detectors['unregistered-geolocation'] !== undefined;
  const learnt = rules.learn === null ? null : new LearntPlaces(rules.learn, 'unregistered-geolocation');

  function usual(keyId: string): Usual {
    const { countries, writtenAt, credential } = directory.of(keyId);
    if (countries !== null)
      return { countries: [...countries].sort(), registered: true, writtenAt: writtenAt.countries };
    const habit = habits.of(keyId);
    return {
      countries: habit === undefined ? [] : (learnt?.of(habit) ?? []),
      registered: false,
      writtenAt: `${credential === null ? `otherKeys.${keyId}` : `perCredential.${credential}`}.geolocations`,
    };
  }

  const describe = (found: Case) => findingOf(found, found.keyId === null ? null : usual(found.keyId));
  const cases = new Cases({ quiet: QUIET, news: doubled, describe }, stored);
  return {
    see(sight) {
      if (!on || sight.verdict !== 'accepted' || sight.key === null || sight.habit === null) return;
      const { countries } = sight.key;
      if (countries === null && learnt === null) return;
      const country = sight.geo?.country ?? null;
      if (country === null) return;
      if (
        countries === null ? learnt?.judge(sight, sight.habit, country) !== 'breach' : countries.has(country)
      )
        return;
      cases.note(`${sight.key.keyId} ${country}`, sight, true);
    },
    tell: (clock) => (on ? cases.tell(clock.settled) : cases.end(() => true)),
    needs: () => cases.keys(),
    save: () => cases.save(),
  };
}

/** Where a key is used from, and where that is written; what is learnt has no list yet. */
type Usual = {
  readonly countries: readonly string[];
  readonly registered: boolean;
  readonly writtenAt: string;
};

function findingOf(found: Case, usual: Usual | null): Finding {
  const { evidence, keyId, credential, count } = found;
  const name = keyId ?? (found.condition === GATHERED ? 'several keys' : 'a key');
  const countries = evidence.countries.join(', ');
  const whose = credential === null ? '' : ` of ${credential}`;
  const breach =
    usual?.registered === false
      ? 'a country it was never used from while they were learnt'
      : 'which is not registered';
  const calls = `${count} accepted ${count === 1 ? 'call' : 'calls'}`;
  return {
    kind: 'unregistered-geolocation',
    severity: 'critical',
    condition: found.condition,
    at: found.decidedAt,
    keyId,
    credential,
    ips: evidence.ips,
    firstEventAt: found.firstAt,
    lastEventAt: found.lastAt,
    title: `${name} used from ${countries}, ${breach}: ${calls} from ${sourcesPhrase(evidence.ips, [])}`,
    summary: `The provider accepted ${count} ${count === 1 ? 'call' : 'calls'} with ${name}${whose} from ${countries} ${spanPhrase(found.firstAt, found.lastAt)}. Whoever calls from there holds the key.`,
    action: `If these calls are not yours: ${replaceOrder(credential, keyId)}. If they are: register the country under the monitor's ${usual?.writtenAt ?? 'geolocations'}.`,
    evidence: {
      keyId,
      count,
      ...(usual === null || usual.countries.length === 0
        ? {}
        : { baseline: `${usual.registered ? 'registered' : 'learnt'}: ${usual.countries.join(', ')}` }),
      ...evidence.lists(),
    },
  };
}
