const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since the epoch in an RFC 3339 time, or null where `text` is none: no such day, no offset, anything else.
 * Written out by hand: a log's page is read at a third of the cost that `Date.parse` and a pattern have together.
 *
 * @example parseTime('2026-02-28T10:00:00.5+01:00') // 1772269200500
 */
export function parseTime(text: string): number | null {
  const { length } = text;
  if (length < 20 || length > 35) return null;
  const year = number(text, 0, 4);
  const month = number(text, 5, 7);
  const day = number(text, 8, 10);
  const hour = number(text, 11, 13);
  const minute = number(text, 14, 16);
  const second = number(text, 17, 19);
  if ((year | month | day | hour | minute | second) < 0) return null;
  if (!isAt(text, 4, '-') || !isAt(text, 7, '-') || !isAt(text, 13, ':') || !isAt(text, 16, ':')) return null;
  if (!isAt(text, 10, 'T') && !isAt(text, 10, 't')) return null;
  if (month < 1 || day < 1 || day > (DAYS[month - 1] ?? 0) || hour > 23 || minute > 59 || second > 60)
    return null;
  if (month === 2 && day === 29 && (year % 4 !== 0 || (year % 100 === 0 && year % 400 !== 0))) return null;

  let at = 19;
  let fraction = 0;
  if (isAt(text, at, '.')) {
    at += 1;
    const from = at;
    while (at < length && isDigit(text.charCodeAt(at))) at += 1;
    if (at === from || at - from > 9) return null;
    fraction = Math.floor(number(text, from, at) / 10 ** (at - from - 3));
  }
  const offset = parseOffset(text, at);
  // No log is of the first century; Date would take its years for those of the twentieth.
  if (offset === null || year < 100) return null;
  const minutes = (daysTo(year, month, day) * 24 + hour) * 60 + minute;
  return minutes * 60_000 + second * 1_000 + fraction - offset;
}

/**
 * Days from 1 January 1970 to a day of the Gregorian calendar. Years are taken to begin in March, so that the leap day is
 * their last, and months have 153 days in five (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
function daysTo(year: number, month: number, day: number): number {
  const from = month > 2 ? year : year - 1;
  const ofYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return (
    365 * from + Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400) + ofYear - 719_468
  );
}

function isAt(text: string, at: number, sign: string): boolean {
  return text.charCodeAt(at) === sign.charCodeAt(0);
}

function parseOffset(text: string, at: number): number | null {
  const sign = text[at];
  if (sign === 'Z' || sign === 'z') return text.length === at + 1 ? 0 : null;
  if ((sign !== '+' && sign !== '-') || text.length !== at + 6 || text[at + 3] !== ':') return null;
  const hours = number(text, at + 1, at + 3);
  const minutes = number(text, at + 4, at + 6);
  if ((hours | minutes) < 0 || hours > 23 || minutes > 59) return null;
  return (hours * 60 + minutes) * (sign === '+' ? 60_000 : -60_000);
}

/** The digits from `start` to `end` as a number, or -1 where one of them is none. */
function number(text: string, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index += 1) {
    const code = text.charCodeAt(index);
    if (!isDigit(code)) return -1;
    value = value * 10 + code - 48;
  }
  return value;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
