import type { event } from '@pagerduty/pdjs';
import { evidenceOf } from '../../alerting/evidence-order.ts';
import { evidenceText, type Rendered, render } from '../../alerting/render.ts';
import { risenText } from '../../alerting/risen.ts';
import { bounded } from '../../alerting/text.ts';
import { isReport } from '../../alerting/transient.ts';
import { formatTime } from '../../model/index.ts';
import type { Message } from '../contract.ts';
import { safeLinks } from '../links.ts';
import { masked } from '../masked.ts';

/*
 * Events API v2 (https://developer.pagerduty.com/docs/send-alert-event, …/send-change-event): a summary takes 1,024
 * characters, a dedup key 255, an event 512 KB.
 */
const SUMMARY = 1_024;
const DETAIL = 1_000;
const DETAILS = 20;
const LINKS = 5;

/** What the client takes for any event, though acknowledgements, ends and changes have fewer members. */
export type ClientEvent = Parameters<typeof event>[0]['data'];

/**
 * A report is nobody's incident. An attack that could be told only after its end is one: it is opened, and the end
 * that follows resolves it. So is an event that is more than information: whoever has dealt with it resolves it there.
 */
export function isChange({ event, alert }: Message): boolean {
  return event === 'trigger' && isReport(alert);
}

/** A trigger in full; an acknowledgement or an end needs the dedup key only. */
export function alertEvent(given: Message, routingKey: string, now: number): ClientEvent {
  const { event } = given;
  const base = { routing_key: routingKey, event_action: event, dedup_key: given.alert.dedupKey };
  if (event !== 'trigger') return base as ClientEvent;
  const message = masked(given);
  const { alert } = message;
  const page = message.links.find(({ text }) => !/runbook/i.test(text));
  const clientUrl = safeLinks(page === undefined ? [] : [page], 1)[0]?.href;
  return {
    ...base,
    payload: {
      summary: summary(message),
      severity: alert.severity,
      source: bounded(message.installation.trim() || 'keywarden', 255),
      component: bounded(componentOf(message), 255),
      group: bounded(message.environment, 255),
      class: alert.kind,
      timestamp: timestamp(alert.lastSeenAt, now),
      custom_details: details(message, now),
    },
    links: linksOf(message),
    // The client's types do not know these two.
    ...{ client: 'Keywarden', ...(clientUrl === undefined ? {} : { client_url: clientUrl }) },
  };
}

export function changeEvent(given: Message, routingKey: string, now: number): ClientEvent {
  const message = masked(given);
  return {
    routing_key: routingKey,
    payload: {
      summary: summary(message),
      source: bounded(message.installation.trim() || 'keywarden', 255),
      timestamp: timestamp(message.alert.lastSeenAt, now),
      custom_details: details(message, now),
    },
    links: linksOf(message),
  } as ClientEvent;
}

/**
 * The least that opens an incident or notes a change: nothing that a provider wrote, nothing that might be too long or
 * badly formed.
 */
export function minimalEvent(message: Message, routingKey: string): ClientEvent {
  const { alert } = message;
  const about = alert.credential ?? alert.monitor ?? alert.channel ?? 'Keywarden';
  const payload = {
    summary: `${alert.kind}: ${plain(about)} (see \`keywarden alerts list --all\`)`,
    source: plain(message.installation) || 'keywarden',
  };
  if (isChange(message)) return { routing_key: routingKey, payload } as ClientEvent;
  return {
    routing_key: routingKey,
    event_action: 'trigger',
    dedup_key: alert.dedupKey,
    payload: { ...payload, severity: alert.severity },
  };
}

/** A name as the configuration allows it, whatever else was in it. */
function plain(name: string): string {
  return masked(name)
    .replace(/[^A-Za-z0-9._-]/g, '')
    .slice(0, 100);
}

/** What is at fault: the provider, for alerts about keys and logs. */
function componentOf({ provider, alert }: Message): string {
  return provider ?? alert.credential ?? alert.monitor ?? alert.channel ?? 'keywarden';
}

/** The verdict first: a phone shows some hundred characters. */
function summary({ alert, environment }: Message): string {
  return bounded(`${alert.title} · ${environment} · ${risenText(alert)}${alert.summary}`, SUMMARY);
}

/** Flat pairs, what a responder reads first; then the evidence as far as there is room. */
function details(message: Message, now: number): Record<string, string> {
  const { alert, installation, environment, event } = message;
  const rendered = render(alert, { event, installation, environment, now });
  const pairs = [
    ...told(message, rendered),
    ...evidenceOf(alert).map(([name, value]) => {
      return [bounded(name, 60), bounded(evidenceText(value, 100), DETAIL)] as const;
    }),
  ];
  const seen = new Map<string, string>();
  for (const [name, text] of pairs) {
    if (name !== '' && text !== '' && !seen.has(name) && seen.size < DETAILS) seen.set(name, text);
  }
  return Object.fromEntries(seen);
}

function told({ alert, runbook }: Message, rendered: Rendered): ReadonlyArray<readonly [string, string]> {
  const deadline = rendered.facts.find(({ label }) => label === 'Deadline')?.value ?? '';
  return [
    ['what to do', rendered.action ?? ''],
    ['what happened', rendered.body],
    ['deadline', deadline],
    ['credential', bounded(alert.credential ?? '', DETAIL)],
    ['monitor', bounded(alert.monitor ?? '', DETAIL)],
    ['channel', bounded(alert.channel ?? '', DETAIL)],
    ['alert', rendered.context],
    ['runbook', bounded(runbook, DETAIL)],
  ];
}

function linksOf({ links }: Message): Array<{ href: string; text: string }> {
  return safeLinks(links, LINKS).map(({ text, href }) => ({ href, text: bounded(text, 100) }));
}

/** A provider's clock may say anything; an event with a bad time would be refused. */
function timestamp(at: number, now: number): string {
  return formatTime(at > 0 && at <= now ? at : now);
}
