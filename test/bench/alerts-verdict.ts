import type { Alert } from '../../src/model/index.ts';
import type { PagerDutyEvent } from '../../src/sandbox/index.ts';
import type { State } from '../../src/state/contract.ts';
import type { Told } from './alerts-read.ts';

/*
 * Whether what Slack and PagerDuty got is what the alerts in the state were to tell them.
 */

const nameIn = (text: unknown): string | undefined => /#(\d+)#/.exec(String(text))?.[1];

/** All alerts by the names in their titles. */
export async function alertsOf(state: State): Promise<Map<string, Alert>> {
  const found = new Map<string, Alert>();
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await state.alerts({ limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    for (const alert of page.items) found.set(nameIn(alert.title) ?? alert.id, alert);
    cursor = page.nextCursor;
  }
  return found;
}

/** Of each alert Slack is told the begin and the end, by a line of its own or among those that a message counts. */
export async function slackFaults(
  state: State,
  alerts: ReadonlyMap<string, Alert>,
  messages: readonly Told[],
): Promise<string[]> {
  const lines = messages.flatMap((message) => message.lines);
  const begun = new Set(lines.map(({ name }) => name));
  const over = new Set(lines.flatMap((line) => (line.over ? [line.name] : [])));
  const counted = messages.reduce(
    (sum, { count, lines: shown }) => sum + Math.max(0, count - shown.length),
    0,
  );
  const faults: string[] = [];
  let unseen = 0;
  for (const [name, { id, severity, state: standing }] of alerts) {
    const deliveries = (await state.deliveries(id)).filter(({ channel }) => channel === 'team');
    for (const { state: sent, event } of deliveries)
      if (sent === 'pending' || sent === 'failed') faults.push(`${name}: its ${event} is ${sent}`);
    const unsaid = deliveries.every((delivery) => delivery.state === 'cancelled');
    // For information only, and over before anybody was told.
    if (unsaid && severity === 'info' && standing === 'resolved' && deliveries.length > 0) continue;
    if (unsaid) faults.push(`${name}, ${severity} and ${standing}, is told to nobody`);
    if (!begun.has(name) || (standing === 'resolved' && !over.has(name))) unseen += 1;
  }
  if (unseen > counted)
    faults.push(`${unseen} begins or ends are in no message, which count ${counted} without a line`);
  return faults;
}

/**
 * One incident for each critical alert, resolved where it has ended, and never opened anew after that. What had ended before
 * PagerDuty was told of it wakes nobody any more.
 */
export async function pagerdutyFaults(
  state: State,
  alerts: ReadonlyMap<string, Alert>,
  events: readonly PagerDutyEvent[],
): Promise<string[]> {
  const byKey = Map.groupBy(events, ({ dedupKey }) => dedupKey);
  const faults: string[] = [];
  for (const [name, alert] of alerts) {
    const story = (byKey.get(alert.dedupKey) ?? []).map(({ action }) => action).join(' ');
    byKey.delete(alert.dedupKey);
    if (isRight(story, alert) || (await wasVoid(state, story, alert))) continue;
    faults.push(`PagerDuty of ${name}, ${alert.severity} and ${alert.state}: ${story || 'nothing'}`);
  }
  for (const key of byKey.keys()) faults.push(`PagerDuty was told of ${key}, which the state does not know`);
  return faults;
}

function isRight(story: string, { severity, state }: Alert): boolean {
  if (severity !== 'critical') return story === '';
  return (state === 'resolved' ? /^(?:trigger )+resolve(?: resolve)*$/ : /^trigger(?: trigger)*$/).test(
    story,
  );
}

/** An end may be told all the same: nobody knows what became of the attempt that a kill cut short. */
async function wasVoid(state: State, story: string, { id, state: standing }: Alert): Promise<boolean> {
  if (standing !== 'resolved' || !/^(?:resolve ?)*$/.test(story)) return false;
  const triggers = (await state.deliveries(id)).filter(
    ({ channel, event }) => channel === 'oncall' && event === 'trigger',
  );
  return triggers.length > 0 && triggers.every((trigger) => trigger.state === 'cancelled');
}

/** The same action under the same key once more. */
export function eventsAgain(events: readonly PagerDutyEvent[]): number {
  return events.length - new Set(events.map(({ action, dedupKey }) => `${action} ${dedupKey}`)).size;
}
