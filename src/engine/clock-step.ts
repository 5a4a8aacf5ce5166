import { type Change, type Clock, SECOND } from '../model/index.ts';
import type { EngineContext } from './context.ts';
import { publicationId } from './publish.ts';

/** Smaller steps than this do no harm: nothing waits for a second less. */
const TOLERANCE = SECOND;

/** Sees, against the monotonic clock, that the wall clock was set back: due times then lie in a future that is over. */
export class ClockWatch {
  readonly #clock: Clock;
  #ahead: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#ahead = this.#lead();
  }

  /**
   * Runs `adapt` where the clock was set back since the last time that it was adapted to, or since the start. Small
   * steps add up until they count.
   *
   * @throws what `adapt` throws; the step is then seen again the next time
   */
  async follow(adapt: () => Promise<void>): Promise<void> {
    const ahead = this.#lead();
    const back = this.#ahead - ahead > TOLERANCE;
    if (back) await adapt();
    if (back || ahead > this.#ahead) this.#ahead = ahead;
  }

  /** How far the wall clock is ahead of the monotonic one. */
  #lead(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }
}

/** Makes everything that could be waiting due now; whoever is woken too early plans anew and waits again. */
export async function wakeAll({ config, state, clock }: EngineContext): Promise<Change[]> {
  const at = clock.now();
  const wake = (kind: 'credential' | 'publication' | 'login' | 'monitor' | 'delivery') => (id: string) =>
    ({ type: 'work.wake', kind, id, at }) as const;
  const credentials = Object.values(config.credentials);
  const { items } = await state.alerts({ limit: 1_000 });
  const deliveries = await Promise.all(items.map(({ id }) => state.deliveries(id)));
  return [
    ...credentials.map(({ name }) => name).map(wake('credential')),
    ...credentials
      .flatMap(({ name, destinations }) => destinations.map(({ id }) => publicationId(name, id)))
      .map(wake('publication')),
    ...Object.keys(config.stores).map(wake('login')),
    ...Object.keys(config.monitors).map(wake('monitor')),
    ...deliveries
      .flat()
      .filter(({ state: delivery }) => delivery === 'pending')
      .map(({ id }) => id)
      .map(wake('delivery')),
  ];
}
