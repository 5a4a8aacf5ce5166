import { formatDuration, formatTime, SECOND } from '../model/index.ts';

/** A span to the second: `3d4h`, `12s`. */
export function span(ms: number): string {
  return formatDuration(Math.round(ms / SECOND) * SECOND);
}

/** How far off a time of the API is: `in 78d`, `3h5m ago`, `-` where there is none. */
export function relative(time: string | null, now: number): string {
  if (time === null) return '-';
  const ahead = Date.parse(time) - now;
  return ahead >= 0 ? `in ${span(ahead)}` : `${span(-ahead)} ago`;
}

/** A time of the API for a table: `2026-10-01 09:00:00Z`. */
export function moment(time: string): string {
  return formatTime(Math.floor(Date.parse(time) / SECOND) * SECOND).replace('T', ' ');
}

/** How long something took, by two times of the API: `87ms`, `30s`. */
export function took(startedAt: string, endedAt: string): string {
  const ms = Date.parse(endedAt) - Date.parse(startedAt);
  return ms < SECOND ? formatDuration(ms) : span(ms);
}
