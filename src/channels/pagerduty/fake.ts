import { type Answer, type ChannelFake, channelFake } from '../fake.ts';

type Payload = {
  readonly summary?: string;
  readonly source?: string;
  readonly severity?: string;
  readonly component?: string;
  readonly group?: string;
  readonly class?: string;
  readonly timestamp?: string;
  readonly custom_details?: Readonly<Record<string, unknown>>;
};
export type Event = {
  readonly routing_key?: string;
  readonly event_action?: string;
  readonly dedup_key?: string;
  readonly payload?: Payload;
  readonly links?: ReadonlyArray<{ readonly href: string; readonly text?: string }>;
  readonly client?: string;
  readonly client_url?: string;
};

export type PagerdutyFake = ChannelFake & {
  /** Where each incident stands, by its dedup key. */
  readonly incidents: ReadonlyMap<string, 'triggered' | 'acknowledged' | 'resolved'>;
  /** The incidents of which somebody was notified, by their summaries: each when it was opened, and never again. */
  readonly notified: readonly string[];
  /** A person takes the incident on in PagerDuty itself: nobody outside hears of it. */
  acknowledge(dedupKey: string): void;
  /** The events it took, in order; changes apart. */
  readonly events: readonly Event[];
  readonly changes: readonly Event[];
};

/** PagerDuty's Events API v2, with its words (https://developer.pagerduty.com/docs/send-alert-event). */
export function pagerdutyFake(routingKey: string): PagerdutyFake {
  const incidents = new Map<string, 'triggered' | 'acknowledged' | 'resolved'>();
  const events: Event[] = [];
  const changes: Event[] = [];
  const notified: string[] = [];
  const fake = channelFake(({ path, body }) => {
    const change = path === '/v2/change/enqueue';
    if (!change && path !== '/v2/enqueue') return { status: 404 };
    const event = JSON.parse(body) as Event;
    const faults = faultsOf(event, change, body);
    if (event.routing_key !== routingKey) faults.push("'routing_key' is not known");
    if (faults.length > 0) return invalid(faults);
    (change ? changes : events).push(event);
    if (!change && fold(incidents, event)) notified.push(event.payload?.summary ?? '');
    return json(202, { status: 'success', message: 'Event processed', dedup_key: event.dedup_key });
  });
  const acknowledge = (dedupKey: string) =>
    void fold(incidents, { dedup_key: dedupKey, event_action: 'acknowledge' });
  return { ...fake, incidents, notified, acknowledge, events, changes };
}

function json(status: number, body: object): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function invalid(errors: readonly string[]): Answer {
  return json(400, { status: 'invalid event', message: 'Event object is invalid', errors });
}

/**
 * A repeated trigger of an open incident, acknowledged or not, changes nothing and notifies nobody; an end or acknowledgement of an
 * unknown one neither. True where an incident is opened.
 */
function fold(incidents: Map<string, 'triggered' | 'acknowledged' | 'resolved'>, event: Event): boolean {
  const key = event.dedup_key ?? '';
  const now = incidents.get(key);
  const open = now === 'triggered' || now === 'acknowledged';
  const opens = event.event_action === 'trigger' && !open;
  if (opens) incidents.set(key, 'triggered');
  if (event.event_action === 'acknowledge' && open) incidents.set(key, 'acknowledged');
  if (event.event_action === 'resolve' && open) incidents.set(key, 'resolved');
  return opens;
}

/** What PagerDuty refuses an event for. */
export function faultsOf(event: Event, change: boolean, body: string): string[] {
  const { payload, dedup_key: key = '' } = event;
  const faults: string[] = [];
  if (Buffer.byteLength(body) > 512 * 1024) faults.push('Event size exceeds 512 KB');
  if (key.length > 255) faults.push("'dedup_key' is too long");
  if (!change && !/^(trigger|acknowledge|resolve)$/.test(event.event_action ?? '')) {
    faults.push("'event_action' is invalid");
  }
  if (!change && event.event_action !== 'trigger')
    return key === '' ? [...faults, "'dedup_key' is missing"] : faults;
  const summary = payload?.summary ?? '';
  if (summary === '' || summary.length > 1_024)
    faults.push("'payload.summary' is missing, blank or too long");
  if ((payload?.source ?? '') === '') faults.push("'payload.source' is missing or blank");
  if (!change && !/^(critical|error|warning|info)$/.test(payload?.severity ?? '')) {
    faults.push("'payload.severity' is invalid");
  }
  if (payload?.timestamp !== undefined && Number.isNaN(Date.parse(payload.timestamp)))
    faults.push("'payload.timestamp' is invalid");
  return faults;
}
