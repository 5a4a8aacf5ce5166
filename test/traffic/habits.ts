import { DAY, HOUR, MINUTE, SECOND } from '../../src/model/index.ts';
import type { Account, Key, KeyKind } from './account.ts';
import { assetPath, type Call, callOf, sourceOf } from './call.ts';
import type { Draw } from './draw.ts';
import { addressIn, ELSEWHERE } from './lands.ts';

/** A day's bursts of an account, that are as usual as its steady traffic. */
export function burstsOf(account: Account, day: number, draw: Draw): Call[] {
  const calls: Call[] = [];
  for (const key of account.keys) {
    if (key.kind === 'bursty') calls.push(...expiries(key, day, draw));
    if (key.kind === 'batch' && draw.chance(1 / 7)) calls.push(...retries(key, day, draw));
    if (key.deploys && isWorkday(day) && draw.chance(0.4)) {
      calls.push(...wrongDeploy(key, day + draw.between(9, 16) * HOUR, draw));
    }
  }
  if (isWorkday(day)) for (const nat of account.nats) calls.push(...morning(nat, day + 8.5 * HOUR, draw));
  calls.push(...scanners(day, draw));
  return calls;
}

/** Cloud functions whose token expired every two hours or so: known and new instances fail, fetch another, get in. */
function expiries(key: Key, day: number, draw: Draw): Call[] {
  const calls: Call[] = [];
  for (let at = day + draw.between(0, 2) * HOUR; at < day + DAY; at += draw.between(1.5, 2.5) * HOUR) {
    calls.push(...expiry(key, at, 4 + draw.poisson(6), draw));
  }
  return calls;
}

/** One expiry: so many instances are refused once or twice within a minute and a half. */
export function expiry(key: Key, at: number, instances: number, draw: Draw): Call[] {
  return Array.from({ length: instances }, () => {
    const ip = draw.chance(0.5) ? draw.pick(key.ips) : addressIn(key.land, draw);
    const first = at + draw.between(0, 90 * SECOND);
    const refusals = draw.chance(0.25) ? 2 : 1;
    return recovering(key, ip, first, { refusals, pause: 2 * SECOND }, draw);
  }).flat();
}

/**
 * A new version with a wrong key: up to three known clients are refused some times within a few minutes, then get in.
 * Where only a few machines use the key, the first refusals stop it.
 */
export function wrongDeploy(key: Key, at: number, draw: Draw): Call[] {
  key.release += 1;
  return draw.sample(key.ips, 3).flatMap((ip) => {
    const refusals = draw.whole(1, key.kind === 'machine' ? 2 : 3);
    return recovering(key, ip, at + draw.between(0, 20 * SECOND), { refusals, pause: 25 * SECOND }, draw);
  });
}

/** People behind one address begin to work: each mistypes or has an old session. */
export function morning(
  { ip, keys }: Account['nats'][number],
  at: number,
  draw: Draw,
  people = draw.poisson(keys.length * 0.7),
): Call[] {
  return Array.from({ length: keys.length === 0 ? 0 : people }, () => {
    const first = at + draw.exponential(15 * MINUTE);
    const pause = draw.between(4, 20) * SECOND;
    return recovering(draw.pick(keys), ip, first, { refusals: draw.whole(1, 3), pause }, draw);
  }).flat();
}

function retries(key: Key, day: number, draw: Draw): Call[] {
  const at = day + key.hour * HOUR + draw.between(0, 30) * MINUTE;
  return recovering(key, key.ips[0] ?? '', at, { refusals: draw.whole(2, 6), pause: 15 * SECOND }, draw);
}

/** What knocks on every door of the net without a key. */
function scanners(day: number, draw: Draw): Call[] {
  return Array.from({ length: draw.poisson(25) }, () => {
    const at = day + draw.between(0, DAY);
    const ip = addressIn(draw.pick(ELSEWHERE), draw);
    return Array.from({ length: draw.whole(1, 4) }, (_, turn) => knock(at + turn * 2 * SECOND, ip, draw));
  }).flat();
}

function knock(time: number, ip: string, draw: Draw): Call {
  const path = draw.pick(['/', '/v1/assets', '/.env', '/v1/auth/keys', '/admin']);
  return {
    time: Math.round(time),
    keyId: null,
    ip,
    geo: null,
    method: 'GET',
    path,
    status: 401,
    userAgent: 'zgrab/0.x',
    mintedKeyId: null,
  };
}

type Recovery = { readonly refusals: number; readonly pause: number };

function recovering(key: Key, ip: string, at: number, { refusals, pause }: Recovery, draw: Draw): Call[] {
  const refused = Array.from({ length: refusals }, (_, turn) =>
    callOf(key, at + turn * pause * draw.between(0.8, 1.2), ip, 401, '/v1/assets'),
  );
  return [...refused, callOf(key, at + (refusals + 1) * pause, ip, 200, '/v1/assets')];
}

/** The hours of a week, Thursday midnight first as the epoch has it, each with its part of the mean. */
type Week = Float64Array;

const HOURS = 168;

function weekOf(weight: (hour: number, workday: boolean) => number): Week {
  const week = Float64Array.from({ length: HOURS }, (_, at) => weight(at % 24, isWorkday(at * HOUR)));
  const mean = week.reduce((sum, part) => sum + part, 0) / HOURS;
  return week.map((part) => part / mean);
}

const swing = (hour: number) => 1 - 0.8 * Math.cos((2 * Math.PI * (hour - 1)) / 24);
const office = weekOf((hour, workday) => (workday && hour >= 8 && hour < 18 ? 1 : 0.02));
const steady = weekOf((hour) => 0.8 + 0.2 * swing(hour));
const busy = weekOf((hour, workday) => swing(hour) * (workday ? 1 : 0.5));
const batch = Array.from({ length: 24 }, (_, start) => weekOf((hour) => (hour === start ? 1 : 0.004)));

const WEEKS: Readonly<Partial<Record<KeyKind, Week>>> = {
  machine: steady,
  bursty: steady,
  busy,
  office,
  roaming: busy,
};

function weightOf(key: Key, at: number): number {
  const week = key.kind === 'batch' ? batch[key.hour] : WEEKS[key.kind];
  return week?.[Math.floor(at / HOUR) % HOURS] ?? 1;
}

/** Steady traffic of one minute, in no order. `calls` is the account's mean of a day, `firstDays` the end of what dormant keys do. */
export function minuteOf(account: Account, at: number, calls: number, firstDays: number, draw: Draw): Call[] {
  const made: Call[] = [];
  for (const key of account.keys) {
    if (key.kind === 'retired' || (key.kind === 'dormant' && at >= firstDays)) continue;
    if (key.missed !== null && at >= key.missed && at < key.missed + HOUR) continue;
    const weight = weightOf(key, at) / 1_440;
    for (let left = draw.poisson(key.share * calls * weight); left > 0; left -= 1) {
      const time = at + draw.below(MINUTE);
      made.push(callOf(key, time, sourceOf(key, draw), answer(draw), assetPath(draw)));
    }
    for (let left = draw.poisson(key.failures * weight); left > 0; left -= 1) {
      made.push(callOf(key, at + draw.below(MINUTE), sourceOf(key, draw), 401, '/v1/assets'));
    }
  }
  return made;
}

function answer(draw: Draw): number {
  const drawn = draw.unit();
  if (drawn < 0.96) return 200;
  if (drawn < 0.99) return 404;
  return drawn < 0.992 ? 429 : 500;
}

function isWorkday(at: number): boolean {
  const day = (Math.floor(at / DAY) + 4) % 7;
  return day !== 0 && day !== 6;
}
