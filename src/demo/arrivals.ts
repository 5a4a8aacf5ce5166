import type { Alert, Delivery } from '../model/index.ts';
import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';
import type { State } from '../state/contract.ts';

/** An alert and every message that Keywarden owed for it. */
export type Owed = { readonly alert: Alert; readonly deliveries: readonly Delivery[] };

/** What the stand-ins took, by channel, as `arrived` compares it. */
export type Received = {
  readonly slack: readonly SlackMessage[];
  readonly pagerduty: readonly PagerDutyEvent[];
};

/** What became of the alerts of one channel. */
export type Arrivals = {
  readonly owed: number;
  readonly arrived: number;
  /** Neither there nor given up. */
  readonly pending: number;
  /** A line for each that did not arrive. */
  readonly lost: readonly string[];
};

export type ChannelName = keyof Received;

/** All alerts so far, with what was owed for them. */
export async function allOwed(state: State): Promise<readonly Owed[]> {
  const owed: Owed[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<State['alerts']>> = await state.alerts({ cursor, limit: 1_000 });
    for (const alert of page.items) owed.push({ alert, deliveries: await state.deliveries(alert.id) });
    cursor = page.nextCursor;
  } while (cursor !== null);
  return owed;
}

/**
 * Compares what the state says was owed to a channel with what the stand-in received: an alert that went to a channel
 * must be there, and so must every message that Keywarden believes delivered.
 *
 * @param until messages owed later do not count: they had no time to arrive
 */
export function arrivals(
  channel: ChannelName,
  owed: readonly Owed[],
  received: Received,
  until: number,
): Arrivals {
  const seen = seenBy[channel](received);
  let arrived = 0;
  let pending = 0;
  const lost: string[] = [];
  let count = 0;
  for (const { alert, deliveries } of owed) {
    const own = deliveries.filter((delivery) => delivery.channel === channel && delivery.createdAt <= until);
    if (!own.some(({ event }) => event === 'trigger')) continue;
    count += 1;
    const there = seen(alert, 'trigger');
    const feigned = own.filter(({ state, event }) => state === 'delivered' && !seen(alert, event));
    if (own.some(({ state }) => state === 'pending')) pending += 1;
    else if (there && feigned.length === 0) arrived += 1;
    else lost.push(`${alert.kind} (${alert.title}): ${whyLost(own, feigned)}`);
  }
  return { owed: count, arrived, pending, lost };
}

function whyLost(own: readonly Delivery[], feigned: readonly Delivery[]): string {
  const [first] = feigned;
  if (first !== undefined) return `its ${first.event} counts as delivered and was never received`;
  const failed = own.find(({ state }) => state === 'failed');
  return failed === undefined
    ? 'its message was cancelled'
    : (failed.lastError?.message ?? 'it was given up');
}

type Seen = (alert: Alert, event: Delivery['event']) => boolean;

/** A Slack message is known by the alert's id in its last block, an event of PagerDuty by its dedup key. */
const seenBy: Readonly<Record<ChannelName, (received: Received) => Seen>> = {
  slack: ({ slack }) => {
    const seen = new Set(
      slack.flatMap((message) => [`${idIn(message.payload)} ${eventOf(message)}`, ...bundled(message)]),
    );
    return ({ id }, event) => seen.has(`${id} ${event}`);
  },
  pagerduty: ({ pagerduty }) => {
    const seen = new Set(
      pagerduty.map(({ action, dedupKey, body }) =>
        action === 'change' ? `${idIn(body)} trigger` : `${dedupKey} ${action}`,
      ),
    );
    return ({ id, dedupKey }, event) => seen.has(`${dedupKey} ${event}`) || seen.has(`${id} ${event}`);
  },
};

/** A message of several has a line for each, which tells of one that is over both that it was and that it ended. */
function bundled({ payload }: SlackMessage): string[] {
  const lines = JSON.stringify(payload).matchAll(/• (\w+): .*? · ([0-9a-f-]{36})(?=\\n|")/g);
  return [...lines].flatMap(([, word, id]) =>
    word === 'Over' ? [`${id} trigger`, `${id} resolve`] : [`${id} trigger`],
  );
}

function idIn(message: unknown): string {
  return /(?:Alert |"alert":")([0-9a-f-]{36})/.exec(JSON.stringify(message))?.[1] ?? '';
}

function eventOf({ text }: SlackMessage): Delivery['event'] {
  if (text.startsWith('Resolved: ')) return 'resolve';
  return text.startsWith('Acknowledged: ') ? 'acknowledge' : 'trigger';
}
