import {
  type Alert,
  type DeliveryEvent,
  type Evidence,
  formatDuration,
  formatTime,
  type Severity,
} from '../model/index.ts';
import { evidenceOf } from './evidence-order.ts';
import { goesOnAs, risenText } from './risen.ts';
import { bounded, listed } from './text.ts';
import { isOver } from './transient.ts';

const SEVERITY: Readonly<Record<Severity, string>> = {
  critical: 'CRITICAL',
  warning: 'Warning',
  info: 'Info',
};

/** The largest distance from the epoch that a date can have, ms. */
const MAX_TIME = 8.64e15;

/** Addresses and other lists show so many of their items. */
const SHOWN = 5;

export type Fact = { readonly label: string; readonly value: string };

/** An alert in words, free of any channel's markup: one line each, printable, bounded. */
export type Rendered = {
  /** Severity (or what became of it) and verdict; at most 150 characters. */
  readonly headline: string;
  /** At most six pairs, the most telling first. */
  readonly facts: readonly Fact[];
  /** What happened and what was done; at most 1,200 characters. */
  readonly body: string;
  /** What to do now; at most 600 characters; null where nothing is to be done. */
  readonly action: string | null;
  /** The alert's id, kind, monitor and times; at most 300 characters. */
  readonly context: string;
};

/** What a rendering needs beside the alert. */
export type RenderContext = {
  readonly event: DeliveryEvent;
  readonly installation: string;
  readonly environment: string;
  readonly now: number;
};

/**
 * The words of an alert, for every channel and for `keywarden alerts list`.
 *
 * @example
 * render(alert, { event: 'trigger', installation: 'footage', environment: 'production', now }).headline
 * // 'CRITICAL: 212 refused logins in 5 minutes with key_9Xc1'
 */
export function render(alert: Alert, context: RenderContext): Rendered {
  const { event } = context;
  return {
    headline: bounded(`${word(alert, event)}: ${alert.title}`, 150),
    facts: facts(alert, context)
      .slice(0, 6)
      .map(({ label, value }) => ({ label: bounded(label, 40), value: bounded(value, 200) })),
    body: bounded(body(alert, event), 1200),
    action: alert.action === null || event === 'resolve' ? null : bounded(alert.action, 600),
    context: bounded(timesOf(alert), 300),
  };
}

function word(alert: Alert, event: DeliveryEvent): string {
  if (event === 'resolve') return goesOnAs(alert) === null ? 'Resolved' : 'Worse now';
  if (event === 'acknowledge') return 'Acknowledged';
  return `${SEVERITY[alert.severity]}${isOver(alert) ? ' (over)' : ''}`;
}

function body(alert: Alert, event: DeliveryEvent): string {
  const next = goesOnAs(alert);
  if (event === 'resolve' && next !== null) return `It got worse and goes on as alert ${next}.`;
  if (event === 'resolve') {
    return `It ended at ${time(alert.lastSeenAt)}, after ${span(alert.lastSeenAt - alert.firstSeenAt)}.`;
  }
  const over = event === 'trigger' && isOver(alert) ? `Over since ${time(alert.lastSeenAt)}. ` : '';
  const acknowledged = alert.acknowledgedBy === null ? '' : ` Acknowledged by ${alert.acknowledgedBy}.`;
  return `${risenText(alert)}${over}${alert.summary}${acknowledged}`;
}

/** Who, where, with which key, until when, from where; then whatever else proves it. */
function facts(alert: Alert, context: RenderContext): readonly Fact[] {
  if (alert.monitor !== undefined) return watchFacts(alert, context);
  // That it rose stands in the text.
  const { keyId, ips, risen: _, ...rest } = alert.evidence;
  return [
    ...fact('Credential', alert.credential),
    ...fact('Channel', alert.channel),
    ...fact('Environment', `${context.installation}/${context.environment}`),
    ...deadlineFact(alert, context),
    ...fact('Key', keyId),
    ...fact('Addresses', ips),
    ...Object.entries(rest).flatMap(([name, value]) => fact(label(name), value)),
  ];
}

/** Which key, from where, with what, against which habit: what the log shows. The context line says in which log. */
function watchFacts(alert: Alert, context: RenderContext): readonly Fact[] {
  const { credential, evidence } = alert;
  const { keyId = null, keys, ips, sources } = evidence;
  const whose = credential === undefined ? keyId : `${keyId} of ${credential}`;
  const told = new Set(['keyId', 'ips', 'risen', ...(keyId === null ? ['keys'] : [])]);
  return [
    ...(keyId === null ? [...fact('Credential', credential), ...fact('Keys', keys)] : fact('Key', whose)),
    ...deadlineFact(alert, context),
    ...(sources === undefined ? fact('Addresses', ips) : []),
    ...evidenceOf(alert).flatMap(([name, value]) => (told.has(name) ? [] : fact(label(name), value))),
  ];
}

function deadlineFact({ deadline }: Pick<Alert, 'deadline'>, { now }: RenderContext): readonly Fact[] {
  return fact('Deadline', deadline === null ? null : timeLeft(deadline, now));
}

function fact(label: string, value: Evidence[string] | undefined): readonly Fact[] {
  const text = value === undefined ? '' : evidenceText(value, SHOWN);
  return text === '' ? [] : [{ label, value: text }];
}

/** One piece of evidence as text; the empty string where there is nothing to say. */
export function evidenceText(value: Evidence[string], most: number): string {
  if (value === null) return '';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? listed(value, most) : String(value);
}

/** `firstEventAt` → `First event at`. */
function label(name: string): string {
  const words = bounded(name, 40).replace(
    /([a-z0-9])([A-Z])/g,
    (_, left: string, right: string) => `${left} ${right.toLowerCase()}`,
  );
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function timeLeft(at: number, now: number): string {
  const left = at - now;
  return `${time(at)} (${left >= 0 ? `in ${span(left)}` : `${span(-left)} ago`})`;
}

function timesOf(alert: Alert): string {
  const seen =
    alert.count === 1
      ? time(alert.firstSeenAt)
      : `${alert.count} times from ${time(alert.firstSeenAt)} to ${time(alert.lastSeenAt)}`;
  const log = alert.monitor === undefined ? '' : ` · ${bounded(alert.monitor, 80)}`;
  return `${alert.id} · ${alert.kind}${log} · ${seen}`;
}

/** A time as people read it, whatever number somebody put there. */
export function time(ms: number): string {
  return Math.abs(ms) <= MAX_TIME ? formatTime(ms) : 'an unknown time';
}

/** A duration likewise. */
export function span(ms: number): string {
  return Number.isFinite(ms) ? formatDuration(ms) : 'an unknown time';
}
