/** Milliseconds. Times are integer milliseconds inside, RFC 3339 outside. */
export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

const UNITS: ReadonlyArray<readonly [string, number]> = [
  ['d', DAY],
  ['h', HOUR],
  ['m', MINUTE],
  ['s', SECOND],
  ['ms', 1],
];

/**
 * A duration as a person reads it: the two largest units.
 *
 * @example formatDuration(90 * DAY) // '90d'
 * @example formatDuration(3 * HOUR + 5 * MINUTE + 7) // '3h5m'
 */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  let rest = Math.round(ms);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
    if (parts.length === 2) break;
    if (parts.length === 1 && count === 0) break;
  }
  return parts.join('') || '0s';
}

const DURATION = /^(?:\d+(?:ms|[dhms]))+$/;

/** Milliseconds in `90d`, `72h`, `1d12h`, `500ms`; null where the text is no duration. */
export function parseDuration(text: string): number | null {
  if (!DURATION.test(text)) return null;
  const sizes = new Map(UNITS);
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)(ms|[dhms])/g)) {
    total += Number(count) * (sizes.get(unit ?? '') ?? Number.NaN);
  }
  return Number.isSafeInteger(total) ? total : null;
}

/** RFC 3339 in UTC without needless milliseconds: `2026-10-01T09:00:00Z`. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}
