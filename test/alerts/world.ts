import { onTestFinished } from 'vitest';
import { acknowledge } from '../../src/alerting/acknowledge.ts';
import type { Channel } from '../../src/channels/contract.ts';
import type { Answer, Fault } from '../../src/channels/fake.ts';
import { create as createPagerduty } from '../../src/channels/pagerduty/adapter.ts';
import { type PagerdutyFake, pagerdutyFake } from '../../src/channels/pagerduty/fake.ts';
import { create as createSlack } from '../../src/channels/slack/adapter.ts';
import { type SlackFake, slackFake } from '../../src/channels/slack/fake.ts';
import type { Config } from '../../src/config/types.ts';
import { turnAlert } from '../../src/engine/attend.ts';
import { alertingScope, Committer } from '../../src/engine/commit.ts';
import type { EngineContext } from '../../src/engine/context.ts';
import { Deliveries } from '../../src/engine/deliver.ts';
import { lanesOf } from '../../src/engine/lanes.ts';
import { reconcileAlerts, reconcileConfiguration } from '../../src/engine/start.ts';
import { clockAt, contextOf, plainHash, quiet, routesTo } from '../../src/engine/testing/context.ts';
import {
  type Alert,
  type AlertKind,
  HOUR,
  type Raise,
  SECOND,
  Secret,
  SecretSource,
  type Signal,
} from '../../src/model/index.ts';
import { makeCa, serve, testNet } from '../../src/net/testing/index.ts';
import type { State } from '../../src/state/contract.ts';
import { openMemory, openMemoryDatabase } from '../../src/state/sqlite/index.ts';

const START = Date.UTC(2026, 9, 1, 9);
const COMMON = { timeout: 5 * SECOND, allowPlaintextLoopback: false };
const PATH = '/services/T0/B0/secret';
const ROUTING_KEY = 'R0ROUTINGKEY00000000000000000000';

const unused = () => {
  throw new Error('a channel has no use for files');
};
const UNUSED_FILES = { read: unused, replace: unused, sweep: unused, probe: unused };

type Down = Answer | null;

/** Slack and PagerDuty as local servers, and the part of the daemon that tells them, on a clock that the test moves. */
export class AlertsWorld {
  now = START;
  readonly slack: SlackFake;
  readonly pagerduty: PagerdutyFake;
  readonly routes: Config['routes'];
  readonly repeat: number;
  /** What the services answer for as long as this stands; null: by their protocol. */
  down: { slack: Down; pagerduty: Down } = { slack: null, pagerduty: null };
  /** When Slack took each message. */
  readonly postedAt: number[] = [];
  readonly #open: () => Promise<State>;
  readonly #channels: ReadonlyMap<string, Channel>;
  #dies = false;
  #ids = 0;
  state: State;
  #context: EngineContext;
  #committer: Committer;
  #deliveries: Deliveries;

  private constructor(
    parts: Pick<AlertsWorld, 'slack' | 'pagerduty' | 'routes' | 'repeat'>,
    open: (now: () => number) => Promise<State>,
    state: State,
    channels: (now: () => number) => ReadonlyMap<string, Channel>,
  ) {
    this.slack = parts.slack;
    this.pagerduty = parts.pagerduty;
    this.routes = parts.routes;
    this.repeat = parts.repeat;
    this.#open = () => open(() => this.now);
    this.state = state;
    this.#channels = channels(() => this.now);
    this.#context = this.#contextOf();
    this.#committer = new Committer(this.#context, () => {});
    this.#deliveries = new Deliveries(this.#context, this.#committer);
  }

  /**
   * @param routes absent: everything to both
   * @param repeat after so long what is triggered is told again, ms
   */
  static async make(routes = routesTo('team', 'oncall'), repeat = 4 * HOUR): Promise<AlertsWorld> {
    const ca = await makeCa();
    const [slack, pagerduty] = [slackFake(PATH), pagerdutyFake(ROUTING_KEY)];
    const tls = await ca.issue();
    let world: AlertsWorld | null = null;
    const slackServer = await serve(
      (request, response) => {
        const answer = world?.down.slack ?? null;
        if (answer !== null) return void response.writeHead(answer.status, answer.headers).end(answer.body);
        world?.postedAt.push(world.now);
        return slack.handler(request, response);
      },
      { tls },
    );
    const pagerdutyServer = await serve(
      (request, response) => {
        const answer = world?.down.pagerduty ?? null;
        if (answer !== null) return void response.writeHead(answer.status, answer.headers).end(answer.body);
        return pagerduty.handler(request, response);
      },
      { tls },
    );
    const net = testNet(ca, { timeoutMs: 5 * SECOND });
    const database = openMemoryDatabase();
    const open = (now: () => number) =>
      openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now, owner: 'test', database });
    const made = new AlertsWorld(
      { slack, pagerduty, routes, repeat },
      open,
      await open(() => START),
      (now) => {
        const context = { net, log: quiet, clock: clockAt(now), files: UNUSED_FILES, hash: plainHash };
        const webhookUrl = secretOf(`${slackServer.url}${PATH}`);
        const routingKey = secretOf(ROUTING_KEY);
        const eventsUrl = pagerdutyServer.url;
        return new Map([
          [
            'team',
            createSlack({ ...context, name: 'team', config: { kind: 'slack', webhookUrl, ...COMMON } }),
          ],
          [
            'oncall',
            createPagerduty({
              ...context,
              name: 'oncall',
              config: { kind: 'pagerduty', routingKey, eventsUrl, ...COMMON },
            }),
          ],
        ]);
      },
    );
    world = made;
    onTestFinished(async () => {
      await made.state.close();
      await Promise.all([net.close(), slackServer.close(), pagerdutyServer.close()]);
    });
    return made;
  }

  /** The blocks of what Slack took, as text. */
  get posts(): string[] {
    return this.slack.posted.map((post) => JSON.stringify(post));
  }

  async commit(...signals: readonly Signal[]): Promise<void> {
    await this.#committer.commit([], signals);
  }

  /** A person takes an alert on by Keywarden. */
  async acknowledge(alert: Alert, actor: string): Promise<void> {
    const deliveries = await this.state.deliveries(alert.id);
    await this.state.commit(acknowledge(alert, actor, { ...alertingScope(this.#context), deliveries }));
  }

  /** Nobody is told of the begin of alerts of this kind for so long, ms. */
  async silence(kind: AlertKind, ms: number): Promise<void> {
    const silence = {
      id: `silence of ${kind}`,
      kind: [kind],
      credential: [],
      severity: [],
      reason: '',
      author: 'ops',
      createdAt: this.now,
      endsAt: this.now + ms,
    };
    await this.state.commit([{ type: 'silence.put', silence }]);
  }

  /** Newest first. */
  async alerts(): Promise<readonly Alert[]> {
    return (await this.state.alerts({ limit: 1_000 })).items;
  }

  /** Lets all happen that is due within `ms` from now. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    const lanes = lanesOf(this.#context.config, () => undefined);
    const names = lanes.map(({ name }) => name);
    for (;;) {
      const due = Math.min(...(await this.state.nextDue(names)).values());
      if (due > end) break;
      this.now = Math.max(this.now, due);
      await Promise.all(lanes.map(({ name, capacity }) => this.#turnLane(name, capacity)));
      if (this.#dies) return;
    }
    this.now = end;
  }

  async #turnLane(lane: string, limit: number): Promise<void> {
    const { now } = this;
    const claims = await this.state.claim(lane, { now, until: now + 1_000 * HOUR, limit });
    for (const claim of claims) {
      const turn =
        claim.kind === 'alert'
          ? turnAlert(this.#context, this.#committer, claim)
          : this.#deliveries.turn(claim);
      await turn.catch((error: unknown) => {
        if (!this.#dies) throw error;
      });
    }
  }

  /** From now on no outcome reaches the state: the process dies between the answer and the record. */
  dies(): void {
    this.#dies = true;
  }

  /** A new process over the same state. */
  async restart(): Promise<void> {
    this.#dies = false;
    this.state = await this.#open();
    this.#context = this.#contextOf();
    this.#committer = new Committer(this.#context, () => {});
    this.#deliveries = new Deliveries(this.#context, this.#committer);
    await this.state.commit(await reconcileConfiguration(this.#context));
    const { changes, signals } = await reconcileAlerts(this.#context);
    await this.#committer.commit(changes, signals);
  }

  #contextOf(): EngineContext {
    const { state } = this;
    return contextOf({
      config: {
        channels: CHANNELS,
        routes: this.routes,
        group: { wait: 10 * SECOND, repeat: this.repeat },
      },
      state: {
        ...state,
        commit: async (changes, options) => {
          if (this.#dies && options?.hold !== undefined) throw new Error('the process died');
          return state.commit(changes, options);
        },
      },
      plugins: { channels: this.#channels },
      clock: clockAt(() => this.now),
      newId: () => `id-${String(++this.#ids).padStart(6, '0')}`,
    });
  }
}

function secretOf(value: string): SecretSource {
  const source = new SecretSource({ env: 'CHANNEL' });
  source.bind(async () => Secret.from(value));
  return source;
}

/** Of their addresses only the kind counts here: the channels themselves are made with those of the servers. */
const CHANNELS: Config['channels'] = {
  team: { kind: 'slack', webhookUrl: secretOf(''), ...COMMON },
  oncall: { kind: 'pagerduty', routingKey: secretOf(''), eventsUrl: 'https://events', ...COMMON },
};

/** Slack first, and PagerDuty where nobody has taken it on after so long. */
export function escalatingAfter(after: number): Config['routes'] {
  return routesTo('team').map((route) => ({ ...route, escalate: { after, channels: ['oncall'] } }));
}

/** Something holds; `condition` tells it apart. */
export function raise(world: AlertsWorld, condition: string, fields: Partial<Raise> = {}): Raise {
  return {
    type: 'raise',
    kind: 'clock-skew',
    condition,
    severity: 'critical',
    at: world.now,
    title: `Event ${condition}`,
    summary: 'It is so.',
    action: null,
    deadline: null,
    evidence: {},
    ...fields,
  };
}

export function resolve(world: AlertsWorld, condition: string): Signal {
  return { type: 'resolve', kind: 'clock-skew', condition, at: world.now };
}

export const UNAVAILABLE: Fault & Answer = { status: 503, body: 'try later' };
