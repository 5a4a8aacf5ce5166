import type { Config } from '../config/types.ts';
import { type Clock, MINUTE, SECOND, type Signal } from '../model/index.ts';
import { reachChannels } from './check/channels.ts';
import { reachHeartbeat } from './check/heartbeat.ts';

/** When a channel that does not answer is looked at again, ms; the last holds from then on. */
const AGAIN = [15 * SECOND, 45 * SECOND, 5 * MINUTE];

/** So many looks in succession are more than a network that comes up after the machine. */
const PATIENCE = 3;

/** What a look may be told to. */
export type Told = {
  readonly log: { warn(fields: object, message: string): void };
  readonly clock: Pick<Clock, 'now' | 'after'>;
  readonly submit: (signals: readonly Signal[]) => Promise<void>;
};

/**
 * Looks at the start, and after each reload, whether the servers of the channels answer, without sending anything: who
 * has nothing to tell for months learns that nobody would have heard it. One that does not is looked at until it does,
 * and told on the others.
 */
export class ChannelProbe {
  readonly #told: Told;
  readonly #reach: typeof reachChannels;
  #cancel: () => void = () => undefined;
  /** Rises with every begin and end: what was begun before says nothing any more. */
  #round = 0;

  /** @param reach makes the test's channels answer */
  constructor(told: Told, reach = reachChannels) {
    this.#told = told;
    this.#reach = reach;
  }

  /** Looks at the channels of `config`, and no longer at any other's. Resolves after the first look. */
  async begin(config: Config): Promise<void> {
    this.stop();
    const round = this.#round;
    const [unreached] = await reachHeartbeat(config).then((all) => all.filter(({ level }) => level !== 'ok'));
    if (unreached !== undefined && round === this.#round)
      this.#told.log.warn({}, `the heartbeat cannot be sent: ${unreached.message}`);
    await this.#look(config, Object.keys(config.channels), { round, looks: 1 });
  }

  stop(): void {
    this.#round += 1;
    this.#cancel();
  }

  async #look(
    config: Config,
    names: readonly string[],
    { round, looks }: { readonly round: number; readonly looks: number },
  ): Promise<void> {
    const channels = Object.fromEntries(
      Object.entries(config.channels).filter(([name]) => names.includes(name)),
    );
    const results = await this.#reach({ ...config, channels });
    if (round !== this.#round) return;
    const { log, clock, submit } = this.#told;
    const now = clock.now();
    const down = new Map(
      Object.keys(channels).flatMap((name, index) => {
        const result = results[index];
        return result === undefined || result.level === 'ok' ? [] : [[name, result.message] as const];
      }),
    );
    const signals = names.flatMap((name): Signal[] => {
      const error = down.get(name);
      if (error === undefined) return [{ type: 'resolve', ...about(name, now) }];
      if (looks === 1) log.warn({ channel: name }, `${name} does not answer, nobody would hear it: ${error}`);
      return looks === PATIENCE ? [unreachable(name, error, now)] : [];
    });
    await submit(signals).catch((error: unknown) =>
      log.warn({ error }, 'what the look at the channels found could not be kept in the state'),
    );
    if (down.size === 0 || round !== this.#round) return;
    const next = { round, looks: looks + 1 };
    const pause = AGAIN[Math.min(looks, AGAIN.length) - 1] ?? 0;
    this.#cancel = clock.after(pause, () => void this.#look(config, [...down.keys()], next));
  }
}

function about(channel: string, at: number) {
  return { kind: 'channel-failed', channel, condition: 'does not answer', at } as const;
}

function unreachable(channel: string, error: string, at: number): Signal {
  return {
    type: 'raise',
    ...about(channel, at),
    severity: 'warning',
    title: `The channel ${channel} does not answer: an alert would not arrive there`,
    summary: `Nothing was sent: Keywarden looks whether the server of each channel answers, and ${PATIENCE} looks in succession found that this one does not. It looks again every five minutes.`,
    action: `See why: \`keywarden check\`. Once it answers: \`keywarden alerts test ${channel}\``,
    deadline: null,
    evidence: { channel, error },
  };
}
