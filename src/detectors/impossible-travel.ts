import { DAY, type Finding, formatTime, MINUTE } from '../model/index.ts';
import type { Detector, DetectorFactory, DetectorInput } from './detector.ts';
import { type Habit, knownBefore, Notes } from './habits.ts';
import { exemplify, isAbroad, type Journey, Journeys, type Leg, nameOf, take } from './journeys.ts';
import { LATENESS } from './log-clock.ts';
import { replaceOrder } from './orders.ts';
import type { KeyFacts } from './places.ts';
import type { Sight } from './sight.ts';
import {
  addStay,
  adopt,
  age,
  attend,
  distanceOf,
  hadHabit,
  isPoint,
  loadStays,
  nearest,
  type Stay,
  type Stays,
  saveStays,
  stayAt,
  use,
} from './stays.ts';

/** For so long a place is new to a key; after it, going to and fro is a habit. */
const NEW = DAY;

/**
 * Sees accepted calls from a place new to the key so soon before or after calls from a known one that nobody could have
 * travelled: more than `minimumKm` and both accuracies apart, faster than `speedKmh`.
 *
 * A key of servers is used from several places at once, so two known places are no travel, nor are two registered
 * countries, nor what comes before the key had a habit (six spans of ten minutes), save in an unregistered country. A new
 * version of a credential has the habit of the others. An address in use that a database places elsewhere has not moved.
 * Only coordinates count: a country alone may be thousands of km wide. Points stand for a cell of one degree; one without
 * a city is taken to be 1,000 km off, with one 100 km.
 *
 * Memory: at most 8 places of each key, some 100 bytes each; at most 500 new places with examples of 50 calls, further
 * ones as one.
 */
export const impossibleTravel: DetectorFactory = { form: 1, make };

function make({ rules, stored }: DetectorInput): Detector {
  const limits = rules.detectors['impossible-travel'];
  const notes = new Notes<Stays>('impossible-travel', {
    load: loadStays,
    write: (stays) => JSON.stringify(saveStays(stays)),
    told: true,
    busy: true,
  });
  const journeys = new Journeys(stored);

  /** Compares this use with the nearest uses of every other place. */
  function judge(sight: Sight, habit: Habit, key: KeyFacts, stays: Stays, stay: Stay): void {
    const minute = Math.floor(sight.at / MINUTE);
    for (const other of stays.places) {
      if (other === stay) continue;
      const [newer, older] = other.first > stay.first ? [other, stay] : [stay, other];
      if (sight.at >= newer.first + NEW || !mayTell(habit, key, stays, newer, older)) continue;
      const km = distanceOf(newer, older);
      if (km <= (limits?.minimumKm ?? 0)) continue;
      const journey = journeys.of(key, newer);
      if (newer === stay) exemplify(journey, sight);
      for (const used of nearest(other, minute)) {
        // Of each use the minute is known: it may have been a whole one longer.
        const minutes = Math.abs(minute - used) + 1;
        if (km / (minutes / 60) <= (limits?.speedKmh ?? 0)) continue;
        take(journey, {
          from: older.ip,
          place: nameOf(older),
          km: Math.round(km),
          minutes,
          at: Math.min(minute, used) * MINUTE,
          decidedAt: decidedAt(sight.at, used, newer),
        });
      }
    }
  }

  function see(sight: Sight): void {
    const { at, habit, key } = sight;
    if (limits === undefined || sight.verdict !== 'accepted' || habit === null || key === null) return;
    const { geo: point } = sight;
    if (point === null || !isPoint(point) || sight.retiredUse() || sight.exposedUse()) return;
    const stays = notes.at(habit) ?? begin(notes, sight, habit);
    let stay = stayAt(stays, point);
    // Nothing is new in a minute that is known.
    const known = stay !== undefined && stay.last === Math.floor(at / MINUTE) && stay.first <= at;
    if (known && (journeys.size === 0 || stays.places.length === 1)) return;
    if (stay === undefined && sight.own()) return;
    notes.changed(habit);
    attend(stays, at);
    if (stay === undefined) {
      stay = addStay(stays, point, sight.event.ip, at) ?? undefined;
      if (stay === undefined) return;
      for (const family of familyOf(notes, sight, habit)) age(stay, stayAt(family, point));
    } else use(stay, point.city, sight.event.ip, at);
    if (stays.places.length > 1) judge(sight, habit, key, stays, stay);
  }

  return {
    see,
    tell: ({ settled }) =>
      limits === undefined
        ? journeys.tell(Number.POSITIVE_INFINITY, false, findingOf)
        : journeys.tell(settled - NEW - LATENESS, true, findingOf),
    save: () => journeys.save(),
  };
}

/** When the later of both uses was: this call, or the other, of which the minute is known, and of a first use the time. */
function decidedAt(at: number, used: number, newer: Stay): number {
  const later = Math.max(Math.floor(at / MINUTE), used);
  if (Math.floor(newer.first / MINUTE) === later) return newer.first;
  return Math.max(at, used * MINUTE);
}

/** Whether going from one place to the other may be told at all. */
function mayTell(habit: Habit, key: KeyFacts, stays: Stays, newer: Stay, older: Stay): boolean {
  if (older.first >= newer.first - LATENESS) return false;
  if (key.countries?.has(newer.country) && key.countries.has(older.country)) return false;
  if (!hadHabit(stays, newer.first) && !isAbroad(key, newer)) return false;
  return newer.ip !== older.ip && !knownBefore(habit.sources.get(newer.ip), newer.first);
}

/** A key's note, with what is known of its credential's other keys. */
function begin(notes: Notes<Stays>, sight: Sight, habit: Habit): Stays {
  const family = familyOf(notes, sight, habit);
  const stays = notes.of(habit);
  for (const other of family) adopt(stays, other);
  return stays;
}

function familyOf(notes: Notes<Stays>, { key, directory, habits }: Sight, habit: Habit): Stays[] {
  if (key === null || key.credential === null) return [];
  return directory.keysOf(key.credential).flatMap((keyId) => {
    const other = keyId === habit.keyId ? undefined : habits.of(keyId);
    const stays = other === undefined ? null : notes.at(other);
    return stays === null ? [] : [stays];
  });
}

function findingOf(journey: Journey, leg: Leg): Finding {
  const { keyId, credential, place, ip, critical, evidence } = journey;
  const { from, place: home, km, minutes, at, decidedAt: last } = leg;
  const name = keyId ?? 'one of too many keys to tell each';
  const whose = credential === null ? '' : ` of ${credential}`;
  const within = minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 6) / 10} h`;
  return {
    kind: 'impossible-travel',
    severity: critical ? 'critical' : 'warning',
    condition: journey.condition,
    at: last,
    keyId,
    credential,
    ips: [ip],
    firstEventAt: Math.min(journey.first, last),
    lastEventAt: last,
    title: `${name} used from ${place} and ${home} within ${within}, ${km} km apart: ${ip} is new to it`,
    summary: `The provider accepted calls with ${name}${whose} from ${ip} (${place}), where it was never used before, within ${within} of calls from ${from} (${home}), at least ${km} km away (${formatTime(at)}). Nobody travels so fast: two parties hold the key, or its application runs in a new place.`,
    action: `If the calls from ${place} are not yours: ${replaceOrder(credential, keyId)}. If they are: nothing is to be done, the place is known after a day.`,
    evidence: { keyId, from: `${from} (${home})`, to: `${ip} (${place})`, km, minutes, ...evidence.lists() },
  };
}
