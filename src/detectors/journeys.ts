import { type Finding, MINUTE } from '../model/index.ts';
import { GATHERED } from './cases.ts';
import { Evidence } from './evidence.ts';
import type { KeyFacts } from './places.ts';
import type { Sight } from './sight.ts';
import type { Stay } from './stays.ts';
import { type Json, list, number, numberOrNull, text, textOrNull } from './stored.ts';

/** New places watched at a time, of all keys. Of too many one goes with which nothing is wrong; else further ones are told as one. */
const JOURNEYS = 500;
/** Calls kept of each as examples. */
const EXAMPLES = 50;

/** From a known place to the new one, or back, too fast. */
export type Leg = {
  /** The address in the known place. */
  readonly from: string;
  readonly place: string;
  readonly km: number;
  /** Between both uses, at most. */
  readonly minutes: number;
  /** The minute of the earlier use. */
  readonly at: number;
  /** The later use: the call that decided it. */
  readonly decidedAt: number;
};

/** A new place of a key while it is new. */
export type Journey = {
  readonly condition: string;
  /** Null: of those for which there is no room. */
  readonly keyId: string | null;
  readonly credential: string | null;
  readonly place: string;
  /** The country is not registered. */
  readonly critical: boolean;
  /** The first address there, and when. */
  ip: string;
  first: number;
  /** Null: nothing is wrong with it so far. */
  leg: Leg | null;
  told: boolean;
  readonly evidence: Evidence;
  /** Calls in the evidence. */
  examples: number;
};

/** The new places of all keys, while they are new: at most 500, and one more. */
export class Journeys {
  readonly #open = new Map<string, Journey>();

  /** @throws {TypeError} where what is stored is damaged */
  constructor(stored: Json | undefined) {
    for (const entry of list(stored ?? [])) {
      const journey = load(entry);
      this.#open.set(journey.condition, journey);
    }
  }

  get size(): number {
    return this.#open.size;
  }

  /** The entry of a new place, or that of all for which there is no room. */
  of(key: KeyFacts, place: Stay): Journey {
    const own = `${key.keyId} ${place.country} ${place.latitude},${place.longitude}`;
    const full = this.#open.size >= JOURNEYS && !this.#open.has(own) && !this.#makeRoom();
    const condition = full ? GATHERED : own;
    let journey = this.#open.get(condition);
    if (journey === undefined) {
      journey = begin(condition, full ? NOBODY : key, place, isAbroad(key, place));
      this.#open.set(condition, journey);
    }
    journey.ip = place.ip;
    journey.first = full ? Math.max(journey.first, place.first) : place.first;
    return journey;
  }

  /** Whether there was one with which nothing is wrong so far. */
  #makeRoom(): boolean {
    for (const [condition, { leg }] of this.#open) if (leg === null) return this.#open.delete(condition);
    return false;
  }

  /** What there is to tell, each once, and the end of what is no longer new: of places first used up to `old`. */
  tell(old: number, on: boolean, describe: (journey: Journey, leg: Leg) => Finding): Finding[] {
    const findings: Finding[] = [];
    for (const [condition, journey] of this.#open) {
      const { leg } = journey;
      if (leg !== null && !journey.told && on) {
        findings.push(describe(journey, leg));
        journey.told = true;
      }
      if (journey.first > old) continue;
      if (leg !== null && journey.told) findings.push({ ...describe(journey, leg), ended: true });
      this.#open.delete(condition);
    }
    return findings;
  }

  save(): Json {
    return [...this.#open.values()].map(save);
  }
}

const NOBODY = { keyId: null, credential: null } as const;

function begin(
  condition: string,
  key: Pick<Journey, 'keyId' | 'credential'>,
  place: Stay,
  critical: boolean,
): Journey {
  return {
    condition,
    keyId: key.keyId,
    credential: key.credential,
    place: nameOf(place),
    critical,
    ip: place.ip,
    first: place.first,
    leg: null,
    told: false,
    evidence: new Evidence(),
    examples: 0,
  };
}

/** Keeps the call as one of the examples. */
export function exemplify(journey: Journey, sight: Sight): void {
  if (journey.examples >= EXAMPLES || !sight.first()) return;
  journey.examples += 1;
  journey.evidence.add(sight);
}

/** The fastest leg bears the finding, among equals the earliest: the same whatever the order. */
export function take(journey: Journey, leg: Leg): void {
  const { leg: known } = journey;
  const faster =
    known === null
      ? 1
      : leg.km / leg.minutes - known.km / known.minutes ||
        known.at - leg.at ||
        known.decidedAt - leg.decidedAt;
  if (faster > 0) journey.leg = leg;
}

/** Whether the place is in a country that is not registered, where countries are. */
export function isAbroad({ countries }: KeyFacts, { country }: Stay): boolean {
  return countries !== null && !countries.has(country);
}

export function nameOf({ city, country }: Stay): string {
  return city === null ? country : `${city}, ${country}`;
}

function load(stored: Json): Journey {
  const [condition, keyId, credential, place, critical, ip, first, leg, told, evidence, examples] =
    list(stored);
  return {
    condition: text(condition),
    keyId: textOrNull(keyId ?? null),
    credential: textOrNull(credential ?? null),
    place: text(place),
    critical: critical === 1,
    ip: text(ip),
    first: number(first),
    leg: leg === null ? null : loadLeg(leg),
    told: told === 1,
    evidence: new Evidence(evidence),
    examples: number(examples),
  };
}

function save(journey: Journey): Json {
  const { condition, keyId, credential, place, critical, ip, first, leg, told, evidence, examples } = journey;
  return [
    condition,
    keyId,
    credential,
    place,
    critical ? 1 : 0,
    ip,
    first,
    leg === null ? null : [leg.from, leg.place, leg.km, leg.minutes, leg.at, leg.decidedAt],
    told ? 1 : 0,
    evidence.save(),
    examples,
  ];
}

/** What an earlier build kept does not say which call decided it. */
function loadLeg(stored: Json | undefined): Leg {
  const [from, place, km, minutes, at, decidedAt] = list(stored);
  const leg = {
    from: text(from),
    place: text(place),
    km: number(km),
    minutes: number(minutes),
    at: number(at),
  };
  return { ...leg, decidedAt: numberOrNull(decidedAt ?? null) ?? leg.at + (leg.minutes - 1) * MINUTE };
}
