import { isObject } from './http.ts';
import { parseTime } from './log-query.ts';

/* What PagerDuty's Events API v2 asks of an event (its reference, "Send an Alert Event" and "PD-CEF"). */

type Body = Readonly<Record<string, unknown>>;

const ACTIONS: readonly unknown[] = ['trigger', 'acknowledge', 'resolve'];
const SEVERITIES: readonly unknown[] = ['critical', 'error', 'warning', 'info'];

/** All that is wrong with an alert event; empty: it is taken. */
export function faultsOfEvent(body: Body, routingKey: string): string[] {
  const { event_action: action, dedup_key: dedupKey, payload } = body;
  return [
    ...faultsOfRoutingKey(body.routing_key, routingKey),
    ...unless(ACTIONS.includes(action), "'event_action' is not one of trigger, acknowledge, resolve"),
    ...unless(
      dedupKey === undefined || (typeof dedupKey === 'string' && dedupKey.length <= 255),
      "'dedup_key' is no string of at most 255 characters",
    ),
    ...unless(
      (action !== 'acknowledge' && action !== 'resolve') || !blank(dedupKey),
      "'dedup_key' is missing or blank",
    ),
    ...(action === 'trigger' || payload !== undefined ? faultsOfPayload(payload) : []),
    ...faultsOfLinks(body.links),
  ];
}

/** All that is wrong with a change event. */
export function faultsOfChange(body: Body, routingKey: string): string[] {
  const { payload } = body;
  return [
    ...faultsOfRoutingKey(body.routing_key, routingKey),
    ...unless(isObject(payload) && !blank(payload.summary), "'payload.summary' is missing or blank"),
    ...(isObject(payload) ? faultsOfPayloadDetails(payload) : []),
    ...faultsOfLinks(body.links),
  ];
}

function faultsOfRoutingKey(value: unknown, ours: string): string[] {
  if (blank(value)) return ["'routing_key' is missing or blank"];
  if (typeof value !== 'string' || value.length !== 32) {
    return ["Length of 'routing_key' is incorrect (should be 32 characters)"];
  }
  return unless(value === ours, 'Invalid routing key');
}

function faultsOfPayload(payload: unknown): string[] {
  if (!isObject(payload)) return ["'payload' is missing or no object"];
  return [
    ...unless(!blank(payload.summary), "'payload.summary' is missing or blank"),
    ...unless(
      typeof payload.summary !== 'string' || payload.summary.length <= 1024,
      "'payload.summary' is longer than 1024 characters",
    ),
    ...unless(!blank(payload.source), "'payload.source' is missing or blank"),
    ...unless(
      SEVERITIES.includes(payload.severity),
      "'payload.severity' is not one of critical, error, warning, info",
    ),
    ...faultsOfPayloadDetails(payload),
  ];
}

function faultsOfPayloadDetails(payload: Record<string, unknown>): string[] {
  const { timestamp, custom_details: details } = payload;
  return [
    ...unless(
      timestamp === undefined || (typeof timestamp === 'string' && parseTime(timestamp) !== null),
      "'payload.timestamp' is no ISO 8601 time",
    ),
    ...unless(details === undefined || isObject(details), "'payload.custom_details' is no object"),
  ];
}

function faultsOfLinks(links: unknown): string[] {
  const fit = (link: unknown) => isObject(link) && typeof link.href === 'string' && URL.canParse(link.href);
  return unless(
    links === undefined || (Array.isArray(links) && links.every(fit)),
    "'links' has no valid href",
  );
}

function blank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

function unless(holds: boolean, fault: string): string[] {
  return holds ? [] : [fault];
}
