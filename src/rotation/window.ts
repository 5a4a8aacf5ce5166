/** A weekly maintenance window in a time zone. */
export type Window = {
  /** 0 (Sunday) to 6; the days on which it opens. */
  readonly days: readonly number[];
  /** Minutes after local midnight. */
  readonly from: number;
  /** Minutes after local midnight, exclusive; less than `from` where it runs past midnight. */
  readonly to: number;
  /** IANA name. */
  readonly timeZone: string;
};

const DAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const WINDOW = /^([A-Za-z,-]+)\s+(\d\d):([0-5]\d)-(\d\d):([0-5]\d)\s+(\S+)$/;

/**
 * Reads a window as the configuration states it: days, hours, IANA time zone. Null where the text is none.
 *
 * @example parseWindow('Mon-Tue 09:00-16:00 Europe/Berlin')
 * @example parseWindow('Mon,Wed 22:00-02:00 UTC') // runs past midnight
 */
export function parseWindow(text: string): Window | null {
  const [, dayText = '', fromHour, fromMinute, toHour, toMinute, timeZone = ''] =
    WINDOW.exec(text.trim()) ?? [];
  const days = parseDays(dayText);
  const from = Number(fromHour) * 60 + Number(fromMinute);
  const to = Number(toHour) * 60 + Number(toMinute);
  const hours = from < 24 * 60 && to <= 24 * 60 && from !== to;
  return days !== null && hours && isTimeZone(timeZone) ? { days, from, to, timeZone } : null;
}

/** True where `text` is a name of the IANA time zone database that this runtime knows. */
export function isTimeZone(text: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** The numbers of `Mon-Wed,Fri`, ascending; a range may run over the week's end. Null where a name is unknown. */
function parseDays(text: string): readonly number[] | null {
  const days = new Set<number>();
  for (const part of text.toLowerCase().split(',')) {
    const ends = part.split('-').map((day) => DAYS.indexOf(day));
    const [first = -1, last = first] = ends;
    if (ends.length > 2 || first < 0 || last < 0) return null;
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}
