import { type Change, type Clock, SECOND, type WorkKind } from '../model/index.ts';
import { silencesNotAhead } from './attend.ts';
import type { EngineContext } from './context.ts';
import { publicationId } from './destination.ts';
import { wakeHeartbeat } from './heartbeat.ts';
import { watchdogWork } from './watchdog.ts';

/** Smaller steps than this do no harm: nothing waits for a second less. */
const TOLERANCE = SECOND;

/** Sees, against the steady clock, that the wall clock was set back: due times then lie in a future that is over. */
export class ClockWatch {
  readonly #clock: Clock;
  #ahead: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = this.#lead();
  }

  /**
   * Runs `adapt`, with how far, in ms, where the clock was set back since the last time that it was adapted to, or since the start. Small
   * steps add up until they count.
   *
   * @throws what `adapt` throws; the step is then seen again the next time
   */
  async follow(adapt: (ms: number) => Promise<void>): Promise<void> {
    const ahead = this.#lead();
    const ms = this.#ahead - ahead;
    const back = ms > TOLERANCE;
    if (back) await adapt(ms);
    if (back || ahead > this.#ahead) this.#ahead = ahead;
  }

  /** How far the wall clock is ahead of the steady one. */
  #lead(): number {
    return this.#clock.now() - this.#clock.steady();
  }
}

/**
 * Makes everything that could be waiting due now, after the clock was set back by `ms`; whoever is woken too early plans anew
 * and waits again. Of grants there may be a million: their due times are set back as well.
 */
export async function wakeAll(context: EngineContext, ms: number): Promise<Change[]> {
  const { config, state, clock } = context;
  const at = clock.now();
  const wake = (kind: WorkKind) => (id: string) => ({ type: 'work.wake', kind, id, at }) as const;
  const credentials = Object.values(config.credentials);
  const publications = credentials.flatMap(({ name, destinations }) =>
    destinations.map(({ id }) => publicationId(name, id)),
  );
  return [
    ...credentials.map(({ name }) => name).map(wake('credential')),
    ...publications.map(wake('publication')),
    ...publications.map(wake('hook')),
    wake('watchdog')(watchdogWork(at).id),
    wakeHeartbeat(at),
    ...Object.keys(config.stores).map(wake('login')),
    ...Object.keys(config.monitors).map(wake('monitor')),
    ...Object.keys(config.oauthClients).map(wake('client')),
    ...Object.keys(config.oauthClients).map((client) => {
      return { type: 'grants.shift', client, after: at, by: Math.ceil(ms) } as const;
    }),
    ...(await state.scheduled('authorization')).map(({ id }) => id).map(wake('authorization')),
    ...(await state.scheduled('delivery')).map(({ id }) => id).map(wake('delivery')),
    ...(await state.scheduled('alert')).map(({ id }) => id).map(wake('alert')),
    ...(await silencesNotAhead(context)),
  ];
}
