import { type Clock, SECOND } from '../model/index.ts';
import type { OAuthClient, Provider, SeenClock } from '../providers/contract.ts';
import { type EngineContext, named } from './context.ts';

/** Clocks that are no further apart are one: ordinary drift, the seconds of a Date header, the way of the answer. */
const SAME = 5 * SECOND;

/**
 * The time that counts for a provider's keys: its own, by the Date header of its last answer, where ours differs from
 * it. Null where that cannot be said: it has not answered yet, or our wall clock was stepped, or the machine slept, since.
 */
function providerNow({ clock }: Pick<EngineContext, 'clock'>, provider: Provider): number | null {
  const seen = provider.seenClock();
  if (seen === null) return null;
  const now = clock.now();
  const passed = clock.steady() - seen.steady;
  const stepped = now - seen.wall - passed;
  if (Math.abs(stepped) > SAME) return null;
  const theirs = carried(clock, seen);
  return Math.abs(theirs - now) <= SAME ? now : Math.round(theirs);
}

/**
 * The time that counts for an OAuth client's tokens, by the Date header of the server's last answer; before the first, and
 * of a server that sends none, ours as it was when it was first asked for. Either is carried by the steady clock, so that a
 * step of our wall clock moves nothing: nobody could be asked what time it is without a token being spent, and an
 * application whose token is refused, because the machine slept, says so.
 */
export class ServerTime {
  readonly #clock: Clock;
  readonly #client: Pick<OAuthClient, 'seenClock'>;
  #first: Pick<SeenClock, 'date' | 'steady'> | null = null;

  constructor(clock: Clock, client: Pick<OAuthClient, 'seenClock'>) {
    this.#clock = clock;
    this.#client = client;
  }

  now(): number {
    this.#first ??= { date: this.#clock.now(), steady: this.#clock.steady() };
    const seen = this.#client.seenClock();
    const ours = carried(this.#clock, this.#first);
    const theirs = seen === null ? ours : carried(this.#clock, seen);
    return Math.round(Math.abs(theirs - ours) <= SAME ? ours : theirs);
  }
}

/** What a clock shows now that was seen before. */
function carried(clock: Clock, { date, steady }: Pick<SeenClock, 'date' | 'steady'>): number {
  return date + clock.steady() - steady;
}

/** The best that is known without asking: the provider's time, else ours. */
export function timeOf(context: EngineContext, credential: string): number {
  const name = context.config.credentials[credential]?.provider;
  const provider = name === undefined ? undefined : context.plugins.providers.get(name);
  return (provider && providerNow(context, provider)) ?? context.clock.now();
}

/** False where the provider has to be asked first. */
export function isTimeKnown({ config, plugins, clock }: EngineContext, credential: string): boolean {
  return (
    providerNow({ clock }, named(plugins.providers, config.credentials[credential]?.provider ?? '')) !== null
  );
}

/**
 * True once the provider's time is known: where it is not, it is asked by a test of the credential's current key. What
 * is closed or begun too early cannot be undone. False where the provider does not answer.
 */
export async function askTime(context: EngineContext, credential: string): Promise<boolean> {
  const provider = named(context.plugins.providers, context.config.credentials[credential]?.provider ?? '');
  if (providerNow(context, provider) !== null) return true;
  const snapshot = await context.state.credential(credential);
  const current = snapshot?.versions.find(({ state }) => state === 'current');
  // Without a key there is nobody whose time could be mistaken.
  if (current === undefined) return true;
  await provider.verify(await context.state.versionValue(current.id)).catch(() => undefined);
  return providerNow(context, provider) !== null;
}
