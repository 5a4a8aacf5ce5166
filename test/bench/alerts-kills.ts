import { setTimeout as sleep } from 'node:timers/promises';
import type { Alert, AlertKind, Raise, Severity } from '../../src/model/index.ts';
import { Stream } from '../simulation/streams.ts';
import { readSlack, type Told, type ToldLine } from './alerts-read.ts';
import { alertsOf, eventsAgain, pagerdutyFaults, slackFaults } from './alerts-verdict.ts';
import { type AlertsBench, type AlertsDaemon, alertsBench } from './alerts-world.ts';

export type KillsReport = {
  readonly kills: number;
  /** Alerts that stand in the state in the end. */
  readonly alerts: number;
  /** Slack messages, and those of them that told something again. */
  readonly messages: number;
  readonly repeated: number;
  /** The most of these in one life. */
  readonly repeatedInALife: number;
  /** Events at PagerDuty, and those of them that were there before. */
  readonly events: number;
  readonly eventsAgain: number;
  /** Lives that ended before their daemon was ready. */
  readonly diedStarting: number;
  /** Everything that must not be, for a person; empty: all is well. */
  readonly faults: readonly string[];
};

/** The daemon's minute is a second of ours: six messages to Slack, a hundred events to PagerDuty. */
const SPEED = 60;
/** Alerts and ends of which Slack has not heard yet: as a rule few enough for each to have a line of its own. */
const AHEAD = 9;
/** Now and then so many come at once that a message counts most of them. */
const FLOOD = 40;
/** How long a life is at most where nothing that it waits for comes, ms. */
const LONGEST_LIFE = 1_500;
/** The servers remember no more. */
const REMEMBERED = 10_000;
/** How long a start may take, and everything to come to rest after the last kill, ms. */
const PATIENCE = 120_000;

const KINDS: readonly AlertKind[] = ['clock-skew', 'state-restored', 'audit-broken', 'config-reload-failed'];
const SEVERITIES: readonly Severity[] = ['critical', 'critical', 'warning', 'info'];

/**
 * A daemon that is killed by SIGKILL while it tells Slack and PagerDuty of alerts that begin and end: at any moment, and
 * often at the very moment at which a message has arrived whose answer it has not seen.
 */
export async function killAlerts(
  options: { readonly seed: number; readonly kills: number; readonly bundled: boolean },
  onKill: (kill: number) => void = () => undefined,
): Promise<KillsReport> {
  await using world = await alertsBench({ bundled: options.bundled });
  const run = new Run(world, options.seed);
  for (let kill = 1; kill <= options.kills; kill += 1) {
    await run.liveAndDie();
    onKill(kill);
  }
  await run.settle();
  return await run.report(options.kills);
}

class Run {
  readonly #world: AlertsBench;
  readonly #draw: Stream;
  readonly #faults: string[] = [];
  /** The names of all alerts, those that have not ended, and the orders that were answered: these must never be lost. */
  readonly #raised = new Set<number>();
  readonly #open = new Map<number, Omit<Raise, 'at'>>();
  readonly #certain = new Set<number>();
  /** Of which Slack has not heard since something was ordered about them. */
  readonly #unheard = new Set<string>();
  readonly #read: Told[] = [];
  /** How many messages Slack had at the end of each life. */
  readonly #lives: number[] = [];
  #orders = 0;
  #diedStarting = 0;

  constructor(world: AlertsBench, seed: number) {
    this.#world = world;
    this.#draw = new Stream(seed, 'moments');
  }

  async liveAndDie(): Promise<void> {
    const daemon = this.#world.start(SPEED);
    const draw = this.#draw;
    const early = draw.chance(0.1);
    if (early) await Promise.race([sleep(draw.whole(50, 400)), daemon.ready]);
    else await this.#ready(daemon);
    if (!early) await this.#work(daemon);
    if (daemon.ended) throw new Error(`the daemon ended by itself: ${daemon.complaints}`);
    await daemon.kill();
    if (early) this.#diedStarting += 1;
    this.#keep(daemon);
  }

  /** Until the moment of its death. */
  async #work(daemon: AlertsDaemon): Promise<void> {
    const draw = this.#draw;
    const stop = new AbortController();
    const feeding = this.#feed(daemon, stop.signal);
    if (draw.chance(0.8)) {
      await this.#arrival(draw.pick(['slack', 'pagerduty']), draw.whole(1, 4));
      // Mostly before the answer can have come.
      if (draw.chance(0.3)) await sleep(draw.whole(0, 20));
    } else await sleep(draw.spread(5, 500));
    stop.abort();
    await feeding;
  }

  /** Alerts begin and end, unless Slack is behind. */
  async #feed(daemon: AlertsDaemon, signal: AbortSignal): Promise<void> {
    const draw = this.#draw;
    while (!signal.aborted) {
      this.#messages();
      const flood = draw.chance(0.002);
      if (flood || this.#unheard.size < AHEAD)
        for (let left = flood ? FLOOD : 1; left > 0; left -= 1) this.#orderOne(daemon);
      await sleep(draw.whole(1, 15), undefined, { signal }).catch(() => undefined);
    }
  }

  #orderOne(daemon: AlertsDaemon): void {
    const draw = this.#draw;
    this.#orders += 1;
    const order = this.#orders;
    const name = draw.chance(0.45) ? draw.pick([...this.#open.keys(), order]) : order;
    const known = this.#open.get(name);
    this.#unheard.add(String(name));
    if (known === undefined) {
      const signal = raiseOf(name, draw.pick(KINDS), draw.pick(SEVERITIES));
      this.#open.set(name, signal);
      this.#raised.add(name);
      daemon.order({ order, signals: [signal] });
      return;
    }
    this.#open.delete(name);
    const { kind, condition } = known;
    daemon.order({ order, signals: [{ type: 'resolve', kind, condition }] });
  }

  /** What Slack has got by now. */
  #messages(): readonly Told[] {
    for (const message of this.#world.sandbox.slack.messages().slice(this.#read.length)) {
      const told = readSlack(message);
      this.#read.push(told);
      // What has no line of its own is not waited for.
      if (told.count > told.lines.length) this.#unheard.clear();
      for (const { name } of told.lines) this.#unheard.delete(name);
    }
    return this.#read;
  }

  /** Until so many more messages have come, or none for too long. */
  async #arrival(service: 'slack' | 'pagerduty', more: number): Promise<void> {
    const { slack, pagerduty } = this.#world.sandbox;
    const options = { timeoutMs: LONGEST_LIFE };
    // Those that are there are gone through first.
    let left = more + (service === 'slack' ? slack.messages() : pagerduty.events()).length;
    const last = () => {
      left -= 1;
      return left === 0;
    };
    const came: Promise<unknown> =
      service === 'slack' ? slack.waitFor(last, options) : pagerduty.waitFor(last, options);
    await came.catch(() => undefined);
  }

  async #ready(daemon: AlertsDaemon): Promise<void> {
    const late = sleep(PATIENCE, 'late', { ref: false });
    if ((await Promise.race([daemon.ready, late])) === 'late') {
      await daemon.kill();
      throw new Error(`the daemon did not start: ${daemon.complaints}`);
    }
  }

  #keep(daemon: AlertsDaemon): void {
    for (const order of daemon.committed.keys()) this.#certain.add(order);
    this.#lives.push(this.#messages().length);
    // What was not committed will not be heard of.
    this.#unheard.clear();
  }

  /** A last life, which nobody ends before all of it is told. */
  async settle(): Promise<void> {
    const daemon = this.#world.start(SPEED);
    await this.#ready(daemon);
    const end = performance.now() + PATIENCE;
    while ((await daemon.depth()) > 0) {
      if (performance.now() > end) {
        this.#faults.push(`${await daemon.depth()} messages are still owed`);
        break;
      }
      await sleep(50);
    }
    await daemon.stop();
    this.#keep(daemon);
  }

  async report(kills: number): Promise<KillsReport> {
    const state = await this.#world.open();
    try {
      const alerts = await alertsOf(state);
      const events = this.#world.sandbox.pagerduty.events();
      const again = eventsAgain(events);
      const repeats = this.#repeats();
      if (events.length >= REMEMBERED) throw new RangeError('more came than is remembered');
      this.#faults.push(
        ...this.#lost(alerts),
        ...(await slackFaults(state, alerts, this.#messages())),
        ...(await pagerdutyFaults(state, alerts, events)),
        ...repeats.faults,
      );
      return {
        kills,
        alerts: alerts.size,
        messages: this.#messages().length,
        repeated: repeats.count,
        repeatedInALife: repeats.inALife,
        events: events.length,
        eventsAgain: again,
        diedStarting: this.#diedStarting,
        faults: this.#faults,
      };
    } finally {
      await state.close();
    }
  }

  /** What the daemon said to have committed is there. */
  #lost(alerts: ReadonlyMap<string, Alert>): string[] {
    return [...this.#raised]
      .filter((name) => this.#certain.has(name) && !alerts.has(String(name)))
      .map((name) => `alert ${name} was committed and is gone`);
  }

  /** Messages with a line that stood in one before; each must say so, and a kill leads to one at most. */
  #repeats(): { readonly count: number; readonly inALife: number; readonly faults: string[] } {
    const heard = new Set<string>();
    const inLife = new Map<number, number>();
    const faults: string[] = [];
    for (const [index, { lines, marked }] of this.#messages().entries()) {
      const again = lines.filter((line) => heard.has(keyOf(line)));
      for (const line of lines) heard.add(keyOf(line));
      if (again.length === 0) continue;
      const life = this.#lives.findIndex((messages) => index < messages);
      inLife.set(life, (inLife.get(life) ?? 0) + 1);
      if (!marked)
        faults.push(`Slack was told again of ${again.map(keyOf).join(', ')} and not that it may be`);
    }
    const counts = [...inLife.values()];
    for (const [life, count] of inLife)
      if (count > 1) faults.push(`the kill before life ${life} led to ${count} repeated messages`);
    return {
      count: counts.reduce((sum, each) => sum + each, 0),
      inALife: Math.max(0, ...counts),
      faults,
    };
  }
}

const keyOf = ({ name, over }: ToldLine): string => `${name}${over ? ' (over)' : ''}`;

function raiseOf(name: number, kind: AlertKind, severity: Severity): Omit<Raise, 'at'> {
  return {
    type: 'raise',
    kind,
    condition: `condition ${name}`,
    severity,
    title: `Something of #${name}# has happened`,
    summary: 'Keywarden goes on trying.',
    action: 'Run `keywarden status`',
    deadline: null,
    evidence: { attempts: name },
  };
}
