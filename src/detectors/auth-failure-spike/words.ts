import { type Evidence, formatDuration, MINUTE } from '../../model/index.ts';
import { historyHint, replaceOrder } from '../orders.ts';
import { Pace } from '../pace.ts';
import type { Directory } from '../places.ts';
import { minuteOf } from './bins.ts';
import type { Measure } from './episodes.ts';

/** "2 min", "3h10m": how long an episode has lasted, the minutes it began and ended in included. */
export function lengthOf(ms: number): string {
  const minutes = Math.floor(ms / MINUTE) + 1;
  return minutes < 60 ? `${minutes} min` : formatDuration(minutes * MINUTE);
}

/** "203.0.113.9 and 2 more got in": of a list that is not empty. */
export function gotInPhrase(gotIn: readonly string[]): string {
  return `${gotIn[0]}${gotIn.length > 1 ? ` and ${gotIn.length - 1} more` : ''} got in`;
}

/** What is usual, in words. */
export function habitOf(perDay: number): string {
  if (perDay < 1) return 'under 1 a day';
  return perDay < 48 ? `about ${Math.round(perDay)} a day` : `about ${Math.round(perDay / 24)} an hour`;
}

/** An episode's failures as a line of bars. */
export function courseOf({ lastAt, counts }: Measure): Evidence {
  const pace = new Pace();
  const end = minuteOf(lastAt);
  for (const [offset, count] of counts.entries()) {
    if (count > 0) pace.add((end - counts.length + 1 + offset) * MINUTE, count);
  }
  return { pace: pace.line };
}

/** Credentials and keys named at most. */
const NAMED = 5;

/** What to do about refused logins with one key. */
export function actionFor(credential: string | null, keyId: string | null, gotIn: boolean): string {
  if (gotIn)
    return `Somebody may hold the key, unless the source is yours: ${replaceOrder(credential, keyId)}.`;
  return `If the sources are yours, an application has a wrong or expired key; else have them blocked at the provider.${historyHint(credential)}`;
}

/** What to do where sources got in with these keys: a command for each credential, the provider for keys of none. */
export function actionOn(keys: readonly string[], directory: Directory): string {
  const orders = new Set(keys.map((keyId) => orderFor(directory, keyId)));
  const rest = orders.size > NAMED ? `; and ${orders.size - NAMED} more` : '';
  return `Somebody may hold ${keys.length === 1 ? 'a key' : `${keys.length} keys`}, unless the sources are yours: ${[...orders].slice(0, NAMED).join('; ')}${rest}.`;
}

function orderFor(directory: Directory, keyId: string): string {
  const { credential } = directory.of(keyId);
  return credential === null ? `replace ${keyId} at the provider` : replaceOrder(credential, keyId);
}

/** The lists that are not empty. */
export function filled(lists: Readonly<Record<string, readonly string[]>>): Evidence {
  return Object.fromEntries(Object.entries(lists).filter(([, found]) => found.length > 0));
}
