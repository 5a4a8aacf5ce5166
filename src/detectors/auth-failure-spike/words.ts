import { type Evidence, formatDuration, formatTime, MINUTE } from '../../model/index.ts';
import { Pace } from '../pace.ts';
import { minuteOf } from './bins.ts';
import type { Measure } from './episodes.ts';

/** "2 min", "3h10m": how long an episode has lasted, the minutes it began and ended in included. */
export function spanOf(ms: number): string {
  const minutes = Math.floor(ms / MINUTE) + 1;
  return minutes < 60 ? `${minutes} min` : formatDuration(minutes * MINUTE);
}

/** What is usual, in words. */
export function habitOf(perDay: number): string {
  if (perDay < 1) return 'under 1 a day';
  return perDay < 48 ? `about ${Math.round(perDay)} a day` : `about ${Math.round(perDay / 24)} an hour`;
}

/** When an episode began and ended, and its failures as a line of bars. */
export function courseOf({ firstAt, lastAt, counts }: Measure): Evidence {
  const pace = new Pace();
  const end = minuteOf(lastAt);
  for (const [offset, count] of counts.entries()) {
    if (count > 0) pace.add((end - counts.length + 1 + offset) * MINUTE, count);
  }
  return { first: formatTime(firstAt), last: formatTime(lastAt), pace: pace.line };
}

/** What to do about refused logins with one key. */
export function actionFor(credential: string | null, gotIn: boolean): string {
  if (gotIn && credential !== null) {
    return `Somebody may hold the key: keywarden rotate ${credential} --emergency, unless the source is yours.`;
  }
  return gotIn
    ? 'Somebody may hold the key: replace it at the provider, unless the source is yours.'
    : 'If the sources are yours, an application has a wrong or expired key; else have them blocked at the provider.';
}

/** The lists that are not empty. */
export function filled(lists: Readonly<Record<string, readonly string[]>>): Evidence {
  return Object.fromEntries(Object.entries(lists).filter(([, found]) => found.length > 0));
}
