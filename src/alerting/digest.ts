import type { Severity } from '../model/index.ts';
import type { Bundle, Owed } from './gather.ts';
import { span, time } from './render.ts';
import { goesOnAs } from './risen.ts';
import { bounded, printable } from './text.ts';
import { isOver } from './transient.ts';

/** Lines of one message; the rest is counted. */
const LINES = 10;

const WORDS: ReadonlyArray<readonly [Severity, (count: number) => string]> = [
  ['critical', (count) => `${count} critical`],
  ['warning', (count) => `${count} ${count === 1 ? 'warning' : 'warnings'}`],
  ['info', (count) => `${count} for information`],
];

/** One alert among several. */
export type Line = {
  /** Severity (or what became of it) and verdict; at most 150 characters. */
  readonly verdict: string;
  /** What `keywarden alerts ack` takes, so never what is cut for want of room; at most 45 characters. */
  readonly id: string;
};

/** Several alerts in words, free of any channel's markup. */
export type RenderedBundle = {
  /** How many, how grave, about what; at most 150 characters. */
  readonly headline: string;
  /** One for each of the gravest, at most 10; what is over comes last and says so. */
  readonly lines: readonly Line[];
  /** What the lines do not show, and where all of it stands; at most 300 characters; null: they show all. */
  readonly rest: string | null;
  /** When they were seen; at most 300 characters. */
  readonly context: string;
};

/**
 * The words of a message that bears several alerts.
 *
 * @example renderBundle(bundle).headline // '37 alerts: 2 critical, 30 warnings; 5 more are over'
 */
export function renderBundle({ form, items }: Bundle): RenderedBundle {
  const shown = items.slice(0, LINES);
  const left = items.length - shown.length;
  const from = items.reduce((least, { alert }) => Math.min(least, alert.firstSeenAt), Infinity);
  const to = items.reduce((most, { alert }) => Math.max(most, alert.lastSeenAt), -Infinity);
  return {
    headline: bounded(form === 'group' ? groupHeadline(items) : counted(items), 150),
    lines: shown.map(({ delivery, alert }) => line(delivery, alert)),
    rest: left === 0 ? null : bounded(`and ${left} more: \`keywarden alerts list --all\` shows them`, 300),
    context: bounded(`${items.length} alerts · from ${time(from)} to ${time(to)} (${span(to - from)})`, 300),
  };
}

function line(delivery: Owed['delivery'], alert: Owed['alert']): Line {
  return { verdict: bounded(`${word(delivery, alert)}: ${alert.title}`, 150), id: bounded(alert.id, 45) };
}

function groupHeadline(items: Bundle['items']): string {
  const [{ alert }] = items;
  const about = alert.credential ?? alert.monitor ?? alert.channel;
  return `${counted(items)} · ${alert.kind}${about === undefined ? '' : ` of ${printable(about)}`}`;
}

function counted(items: readonly Owed[]): string {
  const live = items.filter((item) => !hasEnded(item));
  const over = items.length - live.length;
  if (live.length === 0) return `${over} alerts are over`;
  const kinds = WORDS.flatMap(([severity, say]) => {
    const count = live.filter(({ alert }) => alert.severity === severity).length;
    return count === 0 ? [] : [say(count)];
  });
  const alerts = `${live.length} ${live.length === 1 ? 'alert' : 'alerts'}: ${kinds.join(', ')}`;
  return over === 0 ? alerts : `${alerts}; ${over} more ${over === 1 ? 'is' : 'are'} over`;
}

function hasEnded({ delivery, alert }: Owed): boolean {
  return delivery.event === 'resolve' || isOver(alert);
}

function word(delivery: Owed['delivery'], alert: Owed['alert']): string {
  if (delivery.event === 'resolve' && goesOnAs(alert) !== null) return 'Worse now';
  if (hasEnded({ delivery, alert })) return 'Over';
  if (delivery.event === 'acknowledge') return 'Acknowledged';
  return alert.severity === 'critical' ? 'CRITICAL' : alert.severity === 'warning' ? 'Warning' : 'Info';
}
