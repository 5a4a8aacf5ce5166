import { onTestFinished } from 'vitest';
import type { BundleMessage, Message } from '../../channels/contract.ts';
import {
  EdgeError,
  type Failure,
  MINUTE,
  type Raise,
  Secret,
  SecretSource,
  type Signal,
} from '../../model/index.ts';
import type { State } from '../../state/contract.ts';
import { openMemory } from '../../state/sqlite/index.ts';
import { turnAlert } from '../attend.ts';
import { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { Deliveries } from '../deliver.ts';
import { clockAt, contextOf, raiseOf, routesTo } from './context.ts';

export const BUSY: Failure = { code: 'unavailable', verdict: 'retryable', message: 'Slack answered 503' };
export const REFUSED: Failure = { code: 'refused', verdict: 'permanent', message: 'Slack answered 404' };

const SLACK = {
  kind: 'slack' as const,
  webhookUrl: new SecretSource({ env: 'SLACK' }),
  timeout: 1_000,
  allowPlaintextLoopback: false,
};
const { webhookUrl: _, ...CONNECTION } = SLACK;
const PAGERDUTY = {
  ...CONNECTION,
  kind: 'pagerduty' as const,
  routingKey: new SecretSource({ env: 'KEY' }),
  eventsUrl: 'https://events',
};

/** The channels of these names are PagerDuty, every other Slack. */
const PAGERS: readonly string[] = ['oncall', 'second'];

/** Channels that answer as a test says, and the part of the daemon that tells them, on a clock that the test moves. */
export class OutboxWorld {
  now = Date.UTC(2026, 9, 1, 9);
  /** The last message of one alert that any channel got. */
  last: Message | null = null;
  /** What each channel got, in order: `team trigger clock-skew resolved`; of a message of several, the titles. */
  readonly seen: string[] = [];
  /** How often a channel was sent something. */
  sent = 0;
  /** What a channel answers; nothing: it takes the message. */
  readonly down = new Map<string, Failure>();
  /** What a channel answers to a message that bears this title, by itself or among others. */
  bad: { readonly title: string; readonly failure: Failure } | null = null;
  /** The channels take several alerts in one message. */
  gathers = false;
  readonly state: State;

  private constructor(open: (now: () => number) => State) {
    this.state = open(() => this.now);
  }

  static async make(): Promise<OutboxWorld> {
    let now = () => 0;
    const keys = [Secret.from(Buffer.alloc(32, 7))];
    const state = await openMemory({ keys, now: () => now(), owner: 'test' });
    onTestFinished(() => state.close());
    return new OutboxWorld((clock) => {
      now = clock;
      return state;
    });
  }

  /** A daemon with these channels. */
  contextWith(...channels: readonly string[]): EngineContext {
    return contextOf({
      state: this.state,
      clock: clockAt(() => this.now),
      config: {
        channels: Object.fromEntries(
          channels.map((name) => [name, PAGERS.includes(name) ? PAGERDUTY : SLACK]),
        ),
        routes: routesTo(...channels),
      },
      plugins: { channels: new Map(channels.map((name) => [name, this.#channel(name)])) },
    });
  }

  commit(context: EngineContext, ...signals: readonly Signal[]): Promise<void> {
    return new Committer(context, () => {}).commit([], signals);
  }

  raise(fields: Partial<Raise> = {}): Raise {
    return raiseOf({ at: this.now, title: 'The clock is wrong', ...fields });
  }

  /** Lets all happen that is due within `ms` from now. */
  async pass(context: EngineContext, ms: number, own?: Deliveries): Promise<void> {
    const committer = new Committer(context, () => {});
    const deliveries = own ?? new Deliveries(context, committer);
    const lanes = ['alerts', ...Object.keys(context.config.channels).map((name) => `channel:${name}`)];
    const end = this.now + ms;
    const nextDue = async () => Math.min(...(await this.state.nextDue(lanes)).values());
    for (let due = await nextDue(); due <= end; due = await nextDue()) {
      this.now = Math.max(this.now, due);
      for (const lane of lanes) {
        const { now } = this;
        const claims = await this.state.claim(lane, { now, until: now + MINUTE, limit: 1 });
        for (const claim of claims)
          await (claim.kind === 'alert' ? turnAlert(context, committer, claim) : deliveries.turn(claim));
      }
    }
    this.now = end;
  }

  #channel(name: string) {
    return {
      deliver: async (message: Message) => {
        const { event, alert } = message;
        this.last = message;
        this.#answer(name, [alert.title]);
        this.seen.push(`${name} ${event} ${alert.kind} ${alert.state}`);
      },
      ...(this.gathers
        ? {
            deliverBundle: async ({ bundle }: BundleMessage) => {
              const titles = bundle.items.map(({ alert }) => alert.title);
              this.#answer(name, titles);
              this.seen.push(...titles);
            },
          }
        : {}),
      async close() {},
    };
  }

  #answer(name: string, titles: readonly string[]): void {
    this.sent += 1;
    const failure = this.down.get(name);
    if (failure !== undefined) throw new EdgeError(failure);
    if (this.bad !== null && titles.includes(this.bad.title)) throw new EdgeError(this.bad.failure);
  }
}
