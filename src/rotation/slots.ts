import { DAY, MINUTE } from '../model/index.ts';
import type { Window } from './window.ts';

/** When a scheduled rotation may begin. */
export type SlotConstraint = {
  readonly window: Window | null;
  /** On which days the overlap may end, in the window's time zone (UTC without one). */
  readonly overlapEnd: 'any' | 'weekdays';
  readonly overlap: number;
};

/** How far a search for an opening goes: longer than any week of holidays, short enough to be instant. */
const SEARCH_DAYS = 35;

/** True where a rotation may begin at `at`. */
export function fits(at: number, constraint: SlotConstraint): boolean {
  return isOpen(at, constraint.window) && endsWell(at, constraint);
}

/** The latest opening at or before `at`; null where none fits within five weeks. */
export function lastOpening(at: number, constraint: SlotConstraint): number | null {
  for (let day = 0; day <= SEARCH_DAYS; day += 1) {
    const opening = openingOn(-day, at, constraint);
    if (opening <= at && fits(opening, constraint)) return opening;
  }
  return null;
}

/** The first opening at or after `at`; null where none fits within five weeks. */
export function nextOpening(at: number, constraint: SlotConstraint): number | null {
  for (let day = 0; day <= SEARCH_DAYS; day += 1) {
    const opening = openingOn(day, at, constraint);
    if (opening >= at && fits(opening, constraint)) return opening;
  }
  return null;
}

/**
 * When the window opens so many calendar days after the local day of `at`; without a window, `at` so many days later.
 * Calendar days, since the one on which clocks change is not 24 hours long.
 */
function openingOn(days: number, at: number, { window }: SlotConstraint): number {
  if (window === null) return at + days * DAY;
  const local = localTime(at, window.timeZone);
  const midnight = Date.UTC(local.year, local.month - 1, local.day + days);
  const wanted = midnight + window.from * MINUTE;
  // The zone's offset at the wanted wall time: asked twice, since the first answer may lie across a change of clocks.
  const first = wanted - offsetAt(wanted, window.timeZone);
  return wanted - offsetAt(first, window.timeZone);
}

function isOpen(at: number, window: Window | null): boolean {
  if (window === null) return true;
  const { weekday, minutes } = localTime(at, window.timeZone);
  if (window.from < window.to) {
    return window.days.includes(weekday) && minutes >= window.from && minutes < window.to;
  }
  const yesterday = (weekday + 6) % 7;
  return (
    (window.days.includes(weekday) && minutes >= window.from) ||
    (window.days.includes(yesterday) && minutes < window.to)
  );
}

function endsWell(at: number, constraint: SlotConstraint): boolean {
  if (constraint.overlapEnd === 'any') return true;
  const { weekday } = localTime(at + constraint.overlap, constraint.window?.timeZone ?? 'UTC');
  return weekday >= 1 && weekday <= 5;
}

function offsetAt(at: number, timeZone: string): number {
  const local = localTime(at, timeZone);
  return (
    Date.UTC(local.year, local.month - 1, local.day, 0, local.minutes) - Math.floor(at / MINUTE) * MINUTE
  );
}

type LocalTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** After local midnight. */
  readonly minutes: number;
};

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(at: number, timeZone: string): LocalTime {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const part of formatFor(timeZone).formatToParts(at)) parts[part.type] = part.value;
  const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
  return {
    year,
    month,
    day,
    weekday: new Date(Date.UTC(year, month - 1, day)).getUTCDay(),
    minutes: Number(parts.hour) * 60 + Number(parts.minute),
  };
}

function formatFor(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    });
    formats.set(timeZone, format);
  }
  return format;
}
