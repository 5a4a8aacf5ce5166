import type { Client } from './client.ts';
import { connect, OPERATORS } from './connect.ts';
import { CommandError, EXIT } from './exit.ts';
import type { RemoteOptions } from './options.ts';
import { type Cell, table } from './table.ts';
import { type Paint, paint, print, printable, printJson } from './terminal.ts';
import type { AlertView, DeliveryView } from './views.ts';
import { relative } from './when.ts';

const SEVERITIES: Readonly<Record<AlertView['severity'], Paint>> = {
  critical: 'red',
  warning: 'yellow',
  info: 'dim',
};

/** The daemon waits for the channel's verdict before it answers. */
const TEST_DEADLINE = 30_000;

export async function listAlerts(
  options: RemoteOptions & { readonly all?: boolean; readonly limit: number },
): Promise<number> {
  const client = await connect(options);
  const state = options.all ? '' : '&state=open';
  const page = await client.get<{ alerts: AlertView[]; nextCursor: string | null }>(
    `/v1/alerts?limit=${options.limit}${state}`,
  );
  if (options.json) printJson(page);
  else if (page.alerts.length === 0) print(options.all ? 'No alerts.' : 'No open alerts.');
  else {
    print(alertRows(page.alerts, client.now));
    if (page.nextCursor !== null) print('There are more: --limit N shows them.');
  }
  return EXIT.done;
}

/** Alerts as a table; the id is what `alerts ack` takes. */
export function alertRows(alerts: readonly AlertView[], now: number): string {
  return table(
    ['SEVERITY', 'KIND', 'STATE', 'COUNT', 'LAST SEEN', 'ID', 'TITLE'],
    alerts.map((alert): Cell[] => [
      { text: alert.severity, how: SEVERITIES[alert.severity] },
      alert.kind,
      stateOf(alert),
      String(alert.count),
      relative(alert.lastSeenAt, now),
      alert.id,
      alert.title,
    ]),
  );
}

/** Of an event nothing was open, so nothing was resolved. */
function stateOf({ state, transient, acknowledgedBy }: AlertView): string {
  const what = transient ? 'event' : state;
  return acknowledgedBy === null ? what : `${what} (${acknowledgedBy})`;
}

/** How an alert stands that somebody has taken on, or wanted to. */
export function standing({ state, transient, acknowledgedBy, evidence }: AlertView): string {
  if (typeof evidence.goesOnAs === 'string')
    return `it got worse and goes on as ${evidence.goesOnAs}; to take that on: keywarden alerts ack ${evidence.goesOnAs}`;
  // An event is resolved from the first.
  const isTakenOn = state === 'acknowledged' || (transient && acknowledgedBy !== null);
  return isTakenOn ? `acknowledged by ${acknowledgedBy}` : state;
}

export async function acknowledgeAlert(id: string, options: RemoteOptions): Promise<number> {
  const client = await connect(options, OPERATORS);
  const alert = await client.post<AlertView>(`/v1/alerts/${encodeURIComponent(id)}/acknowledge`);
  if (options.json) printJson(alert);
  else print(`${alert.id}: ${standing(alert)}`);
  return EXIT.done;
}

/** Sends a test message to one channel, or to all; 1 where one of them did not take it. */
export async function testChannels(
  channel: string | undefined,
  options: RemoteOptions & { readonly all?: boolean },
): Promise<number> {
  if ((channel === undefined) !== (options.all === true)) {
    throw new CommandError(
      EXIT.usage,
      'name one channel, or give --all: `keywarden alerts test CHANNEL|--all`',
    );
  }
  const client = await connect(options, OPERATORS);
  const names = channel === undefined ? await channelNames(client) : [channel];
  const deliveries = await Promise.all(
    names.map((name) =>
      client.post<DeliveryView>(`/v1/channels/${encodeURIComponent(name)}/test`, {
        deadlineMs: TEST_DEADLINE,
      }),
    ),
  );
  if (options.json) printJson({ deliveries });
  else if (deliveries.length === 0) print('No channels are configured.');
  else for (const delivery of deliveries) print(verdict(delivery));
  return deliveries.every(({ state }) => state === 'delivered') ? EXIT.done : EXIT.failed;
}

async function channelNames(client: Client): Promise<string[]> {
  const { channels } = await client.get<{ channels: Array<{ name: string }> }>('/v1/channels');
  return channels.map(({ name }) => name);
}

function verdict({ channel, state, lastError }: DeliveryView): string {
  if (state === 'delivered') return `${paint('green', 'ok')}    ${channel}: it took the test message`;
  const why = lastError === null ? 'it has not answered yet' : printable(lastError.message);
  return `${paint('red', 'FAIL')}  ${channel}: ${why}`;
}
