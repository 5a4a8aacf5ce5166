import { groupOf, type Owed } from '../alerting/gather.ts';
import { type Caps, capsOf, freeAt, type Urgency, urgencyOf } from '../alerting/throttle.ts';
import { type Clock, type Failure, HOUR, MINUTE, type Severity } from '../model/index.ts';
import type { State } from '../state/contract.ts';

/** Groups that were told long ago are forgotten beyond so many. */
const GROUPS = 1_000;

const GRAVITY: Readonly<Record<Severity, number>> = { critical: 2, warning: 1, info: 0 };

type Told = { readonly at: number; readonly gravity: number };

/**
 * How soon a channel may be sent something. It is kept in memory, by the steady clock, so that a step of the wall clock
 * moves nothing; what was delivered in the last minute before the start is read from the state.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #caps: Caps;
  readonly #wait: number;
  readonly #groups = new Map<string, Told>();
  readonly #booked: Record<Urgency, number[]> = { page: [], end: [], other: [] };
  #most = Number.POSITIVE_INFINITY;
  #sent: number[];
  #failures = 0;
  #heldUntil = 0;
  #askedUntil = 0;

  /** @param sent the times of the messages of the last minute, by the wall clock, ascending */
  constructor(clock: Clock, caps: Caps, wait: number, sent: readonly number[] = []) {
    this.#clock = clock;
    this.#caps = caps;
    this.#wait = wait;
    const [now, steady] = [clock.now(), clock.steady()];
    this.#sent = sent.filter((at) => at <= now).map((at) => steady - (now - at));
  }

  static async of(
    { state, clock }: { readonly state: State; readonly clock: Clock },
    channel: { readonly name: string; readonly kind: string; readonly wait: number },
  ): Promise<Pace> {
    const sent = await state.sentSince(channel.name, clock.now() - MINUTE);
    return new Pace(clock, capsOf(channel.kind), channel.wait, sent);
  }

  /** Several alerts may go in one message. */
  get gathers(): boolean {
    return this.#caps.gathers;
  }

  /** Messages that the channel has failed to take in succession. */
  get failures(): number {
    return this.#failures;
  }

  /** For how long the message has to wait, ms; 0: it may go now. A test waits only where the channel asked for it. */
  waitFor(owed: Owed): number {
    const now = this.#clock.steady();
    const { delivery, alert } = owed;
    if (alert.kind === 'test') return Math.max(0, this.#askedUntil - now);
    const free = freeAt(this.#sent, this.#caps, urgencyOf(delivery.event, alert.severity), now);
    const held = Math.max(this.#heldUntil, this.#askedUntil, this.#gatheredUntil(owed));
    if (held > free) return held - now;
    return free === now ? 0 : this.#slot(owed, now) - now;
  }

  /**
   * Where each message goes by itself, those that wait are told different times: else all of them would come back
   * whenever there is room for one.
   */
  #slot({ delivery, alert }: Owed, now: number): number {
    const urgency = urgencyOf(delivery.event, alert.severity);
    const { perMinute } = this.#caps;
    if (this.gathers || perMinute === null) return freeAt(this.#sent, this.#caps, urgency, now);
    // Those before the last of a minute bound no further one.
    const booked = this.#booked[urgency].filter((at) => at > now).slice(-perMinute);
    const slot = freeAt([...this.#sent, ...booked], this.#caps, urgency, now);
    this.#booked[urgency] = [...booked, slot];
    return slot;
  }

  /** So many alerts may go in one message: fewer after one of several was refused for what it held. */
  get most(): number {
    return this.#most;
  }

  /** A message of so many was refused for what it held: one of them is at fault, and the others shall not suffer for it. */
  split(size: number): void {
    this.#most = Math.max(1, Math.floor(size / 2));
  }

  /** A message is sent now. */
  begins(): void {
    const now = this.#clock.steady();
    this.#sent = [...this.#sent.filter((at) => at > now - MINUTE), now];
  }

  /** The channel took it. */
  delivered(items: readonly Owed[]): void {
    this.#most *= 2;
    this.#failures = 0;
    this.#heldUntil = 0;
    if (!this.gathers) return;
    const at = this.#clock.steady();
    for (const { alert } of items) {
      const group = groupOf(alert);
      const former = this.#groups.get(group);
      const gravity = former?.at === at ? former.gravity : 0;
      this.#groups.delete(group);
      this.#groups.set(group, { at, gravity: Math.max(gravity, GRAVITY[alert.severity]) });
    }
    for (const [group, told] of this.#groups) {
      if (this.#groups.size <= GROUPS && told.at > at - this.#wait) break;
      this.#groups.delete(group);
    }
  }

  /** The channel did not take it; several that were under way at once count as one. Call it before the outcome is folded. */
  failed(failure: Failure): void {
    const now = this.#clock.steady();
    if (now >= this.#heldUntil) this.#failures += 1;
    if (failure.retryAfterMs !== undefined) {
      this.#askedUntil = Math.max(this.#askedUntil, now + Math.min(failure.retryAfterMs, HOUR));
    }
  }

  /** Nothing goes to the channel for so long, ms. */
  hold(ms: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.steady() + ms);
  }

  /** The first of a group goes at once, and so does one that is graver; what follows is gathered. */
  #gatheredUntil({ delivery, alert }: Owed): number {
    if (!this.gathers || delivery.event !== 'trigger') return 0;
    const told = this.#groups.get(groupOf(alert));
    return told === undefined || GRAVITY[alert.severity] > told.gravity ? 0 : told.at + this.#wait;
  }
}
