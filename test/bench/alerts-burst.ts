import { setTimeout as sleep } from 'node:timers/promises';
import { ALERT_KINDS, type AlertKind, type Raise, type Severity } from '../../src/model/index.ts';
import { Stream } from '../simulation/streams.ts';
import type { Order } from './alerts-process.ts';
import { mostInAMinute, readSlack, type Told } from './alerts-read.ts';
import { type AlertsBench, type AlertsDaemon, alertsBench } from './alerts-world.ts';
import { quantile, type Row, rounded } from './row.ts';

export type BurstOptions = {
  /** Alerts, and within how many ms they are raised. */
  readonly alerts?: number;
  readonly within?: number;
  /** Of these, so many are critical: PagerDuty takes a hundred events a minute. */
  readonly pages?: number;
  readonly bundled?: boolean;
  /** How many seconds pass for the daemon in one of ours. */
  readonly speed?: number;
};

const SEED = 11;
const CREDENTIALS = 200;
/** So many credentials have a failed rotation, and one alert in so many is a spike of refused calls that it explains. */
const FAILED = 10;
const EXPLAINED = 50;
/** Nothing was told for so long: what is still missing is lost, ms. */
const PATIENCE = 90_000;

type Signal = Extract<Order, { order: number }>['signals'][number];
type Planned = { readonly signal: Omit<Raise, 'at'>; readonly inhibited: boolean };

/**
 * A minute in which everything is on fire: alerts of all kinds about many credentials, committed one by one by a daemon on
 * its file, and told to Slack and PagerDuty over real connections; then all of it is over. What came of each alert is
 * read from what the servers got, not from what the daemon believes.
 *
 * @throws {Error} where an alert is not accounted for
 */
export async function burst(options: BurstOptions = {}): Promise<Row[]> {
  const { alerts = 10_000, within = 60_000, pages = 75, bundled = true, speed = 1 } = options;
  const planned = plan(alerts, pages);
  await using world = await alertsBench({ bundled });
  const daemon = world.start(speed);
  await daemon.ready;
  const raised = await raiseAll(daemon, planned, within);
  const inhibited = planned.filter((one) => one.inhibited).length;
  // What ends before PagerDuty was told of it wakes nobody any more.
  await restOf(daemon);
  const begins = messages(world);
  const delays = pageDelays(world, daemon, planned);
  const ends = endsOf(planned);
  for (const order of ends) daemon.order(order);
  await committed(daemon, alerts + ends.length);
  await restOf(daemon);
  const peak = daemon.peak();
  await daemon.stop();
  const faults = faultsOf(world, { planned, begins });
  if (faults.length > 0) throw new Error(`not every alert is accounted for:\n${faults.join('\n')}`);
  return rowsOf({ alerts, raised, inhibited, begins, delays, most: mostIn(world, 60_000 / speed), peak });
}

/** All kinds and severities; the first are the failed rotations that explain later ones. */
function plan(count: number, pages: number): Planned[] {
  const draw = new Stream(SEED, 'alerts');
  const kinds = ALERT_KINDS.filter((kind) => !APART.includes(kind));
  const every = Math.floor(count / pages);
  return Array.from({ length: count }, (_, index) => {
    if (index < FAILED) return one(index, { kind: 'rotation-failed', credential: nameOf(index) });
    if (index % EXPLAINED === 1) {
      const credential = nameOf(draw.whole(0, FAILED - 1));
      const evidence = { knownSources: true, ips: ['198.51.100.7'], keyId: `key_${index}` };
      return { ...one(index, { kind: 'auth-failure-spike', credential, evidence }), inhibited: true };
    }
    const severity: Severity =
      index % every === every - 1 ? 'critical' : draw.chance(0.7) ? 'warning' : 'info';
    const credential = nameOf(draw.whole(FAILED, CREDENTIALS - 1));
    return one(index, { kind: draw.pick(kinds), credential, severity });
  });
}

/** Told in ways of their own, or never critical. */
const APART: readonly AlertKind[] = [
  'test',
  'channel-failed',
  'auth-failure-spike',
  'rotation-completed',
  'new-client',
];

const nameOf = (index: number): string => `app-${String(index).padStart(3, '0')}`;

function one(index: number, fields: Partial<Raise> & Pick<Raise, 'kind'>): Planned {
  return {
    inhibited: false,
    signal: {
      type: 'raise',
      condition: `condition ${index}`,
      severity: 'warning',
      title: `Something of #${index}# has happened to ${fields.credential}`,
      summary: 'Applications go on with the key that they hold. Keywarden goes on trying.',
      action: `Run \`keywarden history ${fields.credential}\``,
      deadline: null,
      evidence: { keyId: `key_${index}`, ips: ['198.51.100.7', '203.0.113.4'], attempts: index % 7 },
      ...fields,
    },
  };
}

/** One commit for each, evenly; how long it took until the last was committed, ms. */
async function raiseAll(daemon: AlertsDaemon, planned: readonly Planned[], within: number): Promise<number> {
  const begun = performance.now();
  for (const [order, { signal }] of planned.entries()) {
    const ahead = begun + (order * within) / planned.length - performance.now();
    if (ahead > 2) await sleep(ahead);
    daemon.order({ order, signals: [signal] });
  }
  await committed(daemon, planned.length);
  return performance.now() - begun;
}

async function committed(daemon: AlertsDaemon, orders: number): Promise<void> {
  while (daemon.committed.size < orders) {
    if (daemon.ended) throw new Error(`the daemon ended: ${daemon.complaints}`);
    await sleep(5);
  }
}

/** Ends of all, a hundred a commit. What is explained ends first: else it would be told as its explanation ends. */
function endsOf(planned: readonly Planned[]): Array<{ order: number; signals: readonly Signal[] }> {
  const sorted = planned.toSorted((a, b) => Number(b.inhibited) - Number(a.inhibited));
  const ends = sorted.map(({ signal: { kind, condition, credential = '' } }) => {
    return { type: 'resolve' as const, kind, condition, credential };
  });
  return Array.from({ length: Math.ceil(ends.length / 100) }, (_, index) => ({
    order: planned.length + index,
    signals: ends.slice(index * 100, (index + 1) * 100),
  }));
}

function messages({ sandbox }: AlertsBench): Told[] {
  return sandbox.slack.messages().map(readSlack);
}

function mostIn(world: AlertsBench, minute: number): number {
  return mostInAMinute(
    messages(world).map(({ at }) => at),
    minute,
  );
}

const countOf = (all: readonly Told[]): number => all.reduce((sum, { count }) => sum + count, 0);

/** Each alert once: an answer that was late has the message sent again, and that says that it may be a repeat. */
function isWhole(all: readonly Told[], owed: number): boolean {
  const first = all.filter(({ marked }) => !marked);
  return countOf(first) <= owed && owed <= countOf(all);
}

/** Until nothing is owed any more, or nothing of it has been told for a long time. */
async function restOf(daemon: AlertsDaemon): Promise<void> {
  let [least, since] = [Number.POSITIVE_INFINITY, performance.now()];
  for (;;) {
    const depth = await daemon.depth();
    if (depth === 0 || Number.isNaN(depth) || performance.now() - since > PATIENCE) return;
    if (depth < least) [least, since] = [depth, performance.now()];
    await sleep(50);
  }
}

const nameIn = (text: unknown): number => Number(/#(\d+)#/.exec(String(text))?.[1]);

/** From when the commit of a critical alert was asked for to its first event at PagerDuty, ms. */
function pageDelays({ sandbox }: AlertsBench, daemon: AlertsDaemon, planned: readonly Planned[]): number[] {
  const arrived = new Map<number, number>();
  for (const { action, payload, receivedAt } of sandbox.pagerduty.events()) {
    const index = nameIn(payload?.summary);
    if (action === 'trigger' && !arrived.has(index)) arrived.set(index, receivedAt);
  }
  return planned.flatMap(({ signal }, index) => {
    const [at, from] = [arrived.get(index), daemon.committed.get(index)];
    return signal.severity !== 'critical'
      ? []
      : [at === undefined || from === undefined ? Infinity : at - from];
  });
}

type Seen = { readonly planned: readonly Planned[]; readonly begins: readonly Told[] };

/** Each begin and each end is told once, what is explained not at all; PagerDuty has what is critical, and its end. */
function faultsOf(world: AlertsBench, { planned, begins }: Seen): string[] {
  const owed = planned.filter(({ inhibited }) => !inhibited).length;
  const all = messages(world);
  const hidden = new Set(planned.flatMap(({ inhibited }, index) => (inhibited ? [String(index)] : [])));
  const leaked = all.flatMap(({ lines }) => lines.filter(({ name }) => hidden.has(name)));
  const critical = planned.flatMap(({ signal }, index) => (signal.severity === 'critical' ? [index] : []));
  const { events, incidents } = world.sandbox.pagerduty;
  const paged = events().filter(({ action }) => action === 'trigger');
  const missing = critical.filter(
    (index) => !paged.some(({ payload }) => nameIn(payload?.summary) === index),
  );
  const open = incidents().filter(({ status }) => status !== 'resolved');
  const ends = all.slice(begins.length);
  return [
    ...unless(isWhole(begins, owed), `Slack was told of ${countOf(begins)} begins of ${owed}`),
    ...unless(isWhole(ends, owed), `Slack was told of ${countOf(ends)} ends of ${owed}`),
    ...unless(leaked.length === 0, `${leaked.length} that were explained were told all the same`),
    ...unless(missing.length === 0, `PagerDuty was not told of ${missing.join(', ')}`),
    ...unless(
      incidents().length === critical.length,
      `${incidents().length} incidents of ${critical.length} critical ones`,
    ),
    ...unless(open.length === 0, `${open.length} incidents were never resolved`),
  ];
}

function unless(holds: boolean, fault: string): string[] {
  return holds ? [] : [fault];
}

function rowsOf(figures: {
  readonly alerts: number;
  readonly raised: number;
  readonly inhibited: number;
  readonly begins: readonly Told[];
  /** Slack messages in any minute. */
  readonly most: number;
  readonly delays: readonly number[];
  readonly peak: number;
}): Row[] {
  const { alerts, raised, inhibited, begins, most, delays, peak } = figures;
  const first = begins.filter(({ marked }) => !marked);
  const formed = (form: Told['form']) => countOf(first.filter((message) => message.form === form));
  const again = countOf(begins) - countOf(first);
  const row = (name: string, value: number, unit: string, target?: Row['target']): Row => ({
    name: `alerts: ${name}`,
    value,
    unit,
    ...(target === undefined ? {} : { target }),
  });
  return [
    row(`${alerts.toLocaleString('en')} raised and committed within`, rounded(raised / 1_000), 's'),
    row(`first page of ${delays.length} critical ones, median`, quantile(delays, 0.5), 'ms'),
    row('the same, 99th percentile', quantile(delays, 0.99), 'ms', { atMost: 5_000 }),
    row('told alone', formed('single'), 'alerts'),
    row('told in a group', formed('group'), 'alerts'),
    row('told in a digest', formed('digest'), 'alerts'),
    row('held back as explained by another', inhibited, 'alerts'),
    row('told once more, marked as a possible repeat', again, 'alerts'),
    row('none of these', Math.max(0, alerts - inhibited - countOf(begins)), 'alerts', { atMost: 0 }),
    row('Slack messages in any minute, the most', most, 'messages', { atMost: 6 }),
    row('peak of resident memory', rounded(peak), 'MiB', { atMost: 256 }),
  ];
}
