import { DAY, type Geo, MINUTE } from '../model/index.ts';
import { LATENESS } from './log-clock.ts';
import { type Json, list, number, text } from './stored.ts';

/** Places kept of a key. One that is used from more is at home everywhere, and further ones are not judged. */
const PLACES = 8;
/** A place that was not used for so long makes room for another, ms. */
const UNUSED = 90 * DAY;
/** A key has a habit once it was used in so many spans of ten minutes: what came in the first hour or so is all new. */
const HABIT = 6;
const SPAN = 10 * MINUTE;
/** Minutes of which each is known; longer than an event is late and repeated. */
const RECENT = 24;

/** How far off the truth a point can be, km: one of a city, and one that stands for a whole country. Databases say 1,000 at most. */
const ACCURACY = { city: 100, country: 1_000 } as const;
/** Half the diagonal of a cell of one degree, km. */
const CELL = 79;
const EARTH = 6_371;

/** A location with coordinates. */
export type Point = Geo & { readonly latitude: number; readonly longitude: number };

export function isPoint(geo: Geo): geo is Point {
  return geo.latitude !== null && geo.longitude !== null;
}

/** A cell of one degree that a key was used from, and when. */
export type Stay = {
  readonly latitude: number;
  readonly longitude: number;
  /** Only the country is known: its middle stands for it. */
  readonly coarse: boolean;
  readonly country: string;
  /** As the first use has it. */
  city: string | null;
  ip: string;
  first: number;
  /** The last minute of use, in minutes. */
  last: number;
  /** Bit n: used in the minute `last - n`. */
  recent: number;
  /** The last minute of use before those; 0 where there is none. */
  before: number;
};

/** What is kept of a key: its places, and the first spans of time it was used in. */
export type Stays = { readonly places: Stay[]; spans: number[] };

/** The key's entry for that place. */
export function stayAt({ places }: Stays, { latitude, longitude, city, country }: Point): Stay | undefined {
  const north = Math.round(latitude);
  const east = Math.round(longitude);
  const coarse = city === null;
  for (const stay of places) {
    if (
      stay.latitude === north &&
      stay.longitude === east &&
      stay.coarse === coarse &&
      stay.country === country
    )
      return stay;
  }
  return undefined;
}

/** A place's entry, made where there is room for it; null where there is none. */
export function addStay(stays: Stays, geo: Point, ip: string, at: number): Stay | null {
  if (stays.places.length >= PLACES) {
    const idle = stays.places.findIndex(({ last }) => last * MINUTE < at - UNUSED);
    if (idle < 0) return null;
    stays.places.splice(idle, 1);
  }
  const stay: Stay = {
    latitude: Math.round(geo.latitude),
    longitude: Math.round(geo.longitude),
    coarse: geo.city === null,
    country: geo.country,
    city: geo.city,
    ip,
    first: at,
    last: Math.floor(at / MINUTE),
    recent: 1,
    before: 0,
  };
  stays.places.push(stay);
  return stay;
}

/** Takes note of a use of a place. */
export function use(stay: Stay, city: string | null, ip: string, at: number): void {
  if (at < stay.first || (at === stay.first && ip < stay.ip)) {
    stay.first = at;
    stay.ip = ip;
    stay.city = city;
  }
  const minute = Math.floor(at / MINUTE);
  const ahead = minute - stay.last;
  if (ahead <= 0) {
    if (-ahead < RECENT) stay.recent |= 1 << -ahead;
    else stay.before = Math.max(stay.before, minute);
    return;
  }
  // The latest of the minutes that fall out.
  const kept = RECENT - ahead;
  const out = kept > 0 ? stay.recent >>> kept : stay.recent;
  if (out !== 0) stay.before = Math.max(stay.before, stay.last - (kept > 0 ? kept : 0) - lowestBit(out));
  stay.recent = kept > 0 ? ((stay.recent << ahead) | 1) & (2 ** RECENT - 1) : 1;
  stay.last = minute;
}

/** The minutes of use nearest to `minute`, at most one before or in it and one after it. */
export function nearest(stay: Stay, minute: number): readonly number[] {
  let earlier = stay.before <= minute ? stay.before : 0;
  let later = Number.POSITIVE_INFINITY;
  for (let offset = 0; offset < RECENT; offset += 1) {
    if ((stay.recent & (1 << offset)) === 0) continue;
    const used = stay.last - offset;
    if (used <= minute) {
      earlier = Math.max(earlier, used);
      break;
    }
    later = used;
  }
  return [earlier, later].filter((found) => found > 0 && Number.isFinite(found));
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}

/** Counts the span as one of the first that the key was used in. The same whatever the order. */
export function attend(stays: Stays, at: number): void {
  const span = Math.floor(at / SPAN);
  const { spans } = stays;
  const last = spans[HABIT - 1];
  if ((last !== undefined && span > last) || spans.includes(span)) return;
  stays.spans = [...spans, span].sort((a, b) => a - b).slice(0, HABIT);
}

/** A place is as old as it is to any key of the credential. */
export function age(stay: Stay, known: Stay | undefined): void {
  if (known === undefined || known.first >= stay.first) return;
  stay.first = known.first;
  stay.ip = known.ip;
  stay.city = known.city;
}

/** Takes over what is known of another key. */
export function adopt(stays: Stays, other: Stays): void {
  for (const span of other.spans) attend(stays, span * SPAN);
  for (const place of other.places) {
    const known = stayAt(stays, place);
    if (known !== undefined) age(known, place);
    else if (stays.places.length < PLACES) stays.places.push({ ...place });
  }
}

/** Whether the key had a habit before the time: what is new then is new to a key that was known. */
export function hadHabit({ spans }: Stays, at: number): boolean {
  const last = spans[HABIT - 1];
  return last !== undefined && (last + 1) * SPAN <= at - LATENESS;
}

/** The least that lies between two places, km: the great circle less both accuracies. */
export function distanceOf(a: Stay, b: Stay): number {
  const radians = (degrees: number) => (degrees * Math.PI) / 180;
  const [north, south] = [radians(a.latitude), radians(b.latitude)];
  const half = (angle: number) => Math.sin(angle / 2) ** 2;
  const h =
    half(north - south) + Math.cos(north) * Math.cos(south) * half(radians(a.longitude - b.longitude));
  return Math.max(0, 2 * EARTH * Math.asin(Math.min(1, Math.sqrt(h))) - accuracyOf(a) - accuracyOf(b));
}

function accuracyOf({ coarse }: Stay): number {
  return CELL + (coarse ? ACCURACY.country : ACCURACY.city);
}

export function loadStays(stored: Json | undefined): Stays {
  if (stored === undefined) return { places: [], spans: [] };
  const [spans, places] = list(stored);
  return { spans: list(spans).map(number), places: list(places).map(loadStay) };
}

export function saveStays({ spans, places }: Stays): Json {
  return [spans, places.map(saveStay)];
}

function loadStay(stored: Json | undefined): Stay {
  const [latitude, longitude, coarse, country, city, ip, first, last, recent, before] = list(stored);
  return {
    latitude: number(latitude),
    longitude: number(longitude),
    coarse: coarse === 1,
    country: text(country),
    city: city === null ? null : text(city),
    ip: text(ip),
    first: number(first),
    last: number(last),
    recent: number(recent),
    before: number(before),
  };
}

function saveStay(stay: Stay): Json {
  const { latitude, longitude, coarse, country, city, ip, first, last, recent, before } = stay;
  return [latitude, longitude, coarse ? 1 : 0, country, city, ip, first, last, recent, before];
}
