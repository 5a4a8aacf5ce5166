import { bounded } from '../../alerting/text.ts';
import { type Alert, type DeliveryEvent, type Evidence, formatTime } from '../../model/index.ts';
import type { Message } from '../contract.ts';
import { safeLinks } from '../links.ts';
import { masked } from '../masked.ts';

/*
 * The specification asks for bodies of about 20 kB at most: what a provider wrote is cut to what a person can use.
 */
const TITLE = 500;
const TEXT = 2_000;
const NAME = 255;
const EVIDENCE = 30;
const VALUE = 300;
/** Addresses: as many as a finding has. */
const ITEMS = 100;
const ITEM = 50;
const LINKS = 5;

/** The largest distance from the epoch that a date can have, ms. */
const MAX_TIME = 8.64e15;

const TYPES: Readonly<Record<DeliveryEvent, string>> = {
  trigger: 'alert.triggered',
  acknowledge: 'alert.acknowledged',
  resolve: 'alert.resolved',
};

/**
 * A message as machines take it: type, time and data, as Standard Webhooks recommends; the names of `data` are those of
 * the API's alerts.
 */
export function bodyOf(given: Message): object {
  const message = masked(given);
  const { event, alert, repeat } = message;
  return {
    type: TYPES[event],
    timestamp: time(alert.lastSeenAt),
    data: {
      ...factsOf(alert),
      installation: bounded(message.installation, NAME),
      environment: bounded(message.environment, NAME),
      provider: optional(message.provider),
      links: safeLinks(message.links, LINKS).map(({ text, href }) => ({ text: bounded(text, NAME), href })),
      runbook: bounded(message.runbook, 1_000),
      repeat,
    },
  };
}

function factsOf(alert: Alert): object {
  return {
    id: bounded(alert.id, NAME),
    dedupKey: bounded(alert.dedupKey, NAME),
    kind: alert.kind,
    severity: alert.severity,
    state: alert.state,
    transient: alert.transient === true,
    title: bounded(alert.title, TITLE),
    summary: bounded(alert.summary, TEXT),
    action: alert.action === null ? null : bounded(alert.action, TEXT),
    deadline: alert.deadline === null ? null : time(alert.deadline),
    credential: optional(alert.credential),
    monitor: optional(alert.monitor),
    channel: optional(alert.channel),
    acknowledgedBy: optional(alert.acknowledgedBy),
    firstSeenAt: time(alert.firstSeenAt),
    lastSeenAt: time(alert.lastSeenAt),
    count: alert.count,
    evidence: evidenceOf(alert.evidence),
  };
}

/** Addresses and key first: they are never what is cut. */
function evidenceOf(evidence: Evidence): Evidence {
  const { ips, keyId, ...rest } = evidence;
  const entries = Object.entries({
    ...(ips === undefined ? {} : { ips }),
    ...(keyId === undefined ? {} : { keyId }),
    ...rest,
  });
  return Object.fromEntries(
    entries.slice(0, EVIDENCE).map(([name, value]) => [bounded(name, 60), cut(value)]),
  );
}

function cut(value: Evidence[string]): Evidence[string] {
  if (typeof value === 'string') return bounded(value, VALUE);
  if (typeof value === 'object' && value !== null)
    return value.slice(0, ITEMS).map((item) => bounded(item, ITEM));
  return value;
}

function optional(name: string | null | undefined): string | null {
  return name === null || name === undefined ? null : bounded(name, NAME);
}

/** A provider's clock may say anything. */
function time(ms: number): string | null {
  return Math.abs(ms) <= MAX_TIME ? formatTime(ms) : null;
}
