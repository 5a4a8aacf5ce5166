import { identityOf } from '../alerting/identity.ts';
import {
  type Change,
  type Claim,
  type Failure,
  failureOf,
  formatDuration,
  MINUTE,
  SECOND,
} from '../model/index.ts';
import type { EngineContext } from './context.ts';
import { deliveryLane, HEARTBEAT_LANE } from './lanes.ts';

const ID = 'heartbeat';

/** A message that is due for so long, on a channel that works, is not going to be sent, ms. */
const STUCK_AFTER = 10 * MINUTE;

/** After a beat that failed or was withheld the next one comes sooner, ms. */
const AGAIN = 15 * SECOND;

/** The one record of its kind where a heartbeat is configured; else it is no longer wanted. Rooted at every start. */
export function heartbeatChange(configured: boolean, now: number): Change {
  return configured
    ? { type: 'work.put', work: { kind: 'watchdog', id: ID, lane: HEARTBEAT_LANE, dueAt: now } }
    : { type: 'work.delete', kind: 'watchdog', id: ID };
}

/** True for a claim of the heartbeat's record. */
export const isHeartbeat = ({ kind, id }: Pick<Claim, 'kind' | 'id'>): boolean =>
  kind === 'watchdog' && id === ID;

/** Makes it due after a step of the clock; without a heartbeat it changes nothing. */
export const wakeHeartbeat = (at: number): Change => ({ type: 'work.wake', kind: 'watchdog', id: ID, at });

/**
 * A dead man's switch: a service outside is called while all is well, and raises the alarm where the calls stay away.
 *
 * It is a record like any other, so that a call proves what it stands for: that the loop turns and claims, and that the
 * state takes writes (a claim is one). Before the call it is asked whether the outbox drains. A call that fails is
 * logged when that begins and ends and is no alert: whoever is called notices by himself.
 */
export class Heartbeat {
  readonly #context: EngineContext;
  readonly #stopping: AbortSignal;
  /** Why the last one did not arrive, as it was logged. */
  #trouble: string | null = null;

  constructor(context: EngineContext, stopping: AbortSignal) {
    this.#context = context;
    this.#stopping = stopping;
  }

  /** One beat, or the reason for none. */
  async turn(claim: Claim): Promise<void> {
    const { config, state, clock } = this.#context;
    const { heartbeat } = config;
    if (heartbeat === null) return state.commit([], { hold: { claim, next: null } });
    const withheld = await withholds(this.#context);
    const trouble = withheld === null ? await this.#call(heartbeat) : `it is withheld: ${withheld}`;
    this.#tell(trouble);
    const pause = trouble === null ? heartbeat.every : Math.min(heartbeat.every, AGAIN);
    await state.commit([], { hold: { claim, next: clock.now() + pause } });
  }

  /** GET is what every such service takes. Null where the beat has arrived, else what went wrong; never the address's path. */
  async #call({ url, timeout }: { readonly url: string; readonly timeout: number }): Promise<string | null> {
    const net = this.#context.plugins.heartbeat;
    if (net === undefined) throw new TypeError('the heartbeat has no connection');
    try {
      const { status, body } = await net.request({
        method: 'GET',
        url,
        deadlineMs: timeout,
        signal: this.#stopping,
      });
      const { origin } = new URL(url);
      if (status < 200 || status > 299) return `${origin} answered ${status}`;
      // healthchecks.io answers 200 also where no check has the address (https://healthchecks.io/docs/http_api/).
      return body.toString().startsWith('OK (not found)') ? `${origin} knows no check of that address` : null;
    } catch (error) {
      const failure: Failure = failureOf(error);
      return this.#stopping.aborted ? null : failure.message;
    }
  }

  #tell(trouble: string | null): void {
    const { log } = this.#context;
    if (trouble === this.#trouble) return;
    if (trouble === null) log.info({}, 'the heartbeat arrives again');
    else
      log.warn(
        { trouble },
        `no heartbeat: ${trouble}; Keywarden looks again every ${formatDuration(AGAIN)} at most, and whoever waits for it raises the alarm`,
      );
    this.#trouble = trouble;
  }
}

/**
 * Why nobody should be told that all is well, though the loop turns: a message has been due for long on a channel that
 * is not known to be down, or all channels are down. One channel of several that is down is told on the others.
 */
async function withholds({ config, state, clock }: EngineContext): Promise<string | null> {
  const channels = Object.keys(config.channels);
  if (channels.length === 0) return null;
  const identities = new Map(
    channels.map((channel) => [identityOf({ kind: 'channel-failed', channel, condition: channel }), channel]),
  );
  const failed = await state.alertsByIdentity([...identities.keys()]);
  const down = new Set(
    failed.filter((alert) => alert.state !== 'resolved').map(({ identity }) => identities.get(identity)),
  );
  const up = channels.filter((channel) => !down.has(channel));
  if (up.length === 0) return `every channel is down (${channels.join(', ')})`;
  const due = await state.nextDue(up.map(deliveryLane));
  for (const channel of up) {
    const late = clock.now() - (due.get(deliveryLane(channel)) ?? Infinity);
    if (late > STUCK_AFTER) return `a message to channel ${channel} has been due for ${formatDuration(late)}`;
  }
  return null;
}
