import { groupOf, type Owed } from '../alerting/gather.ts';
import { type Caps, capsOf, freeAt, type Urgency, urgencyOf } from '../alerting/throttle.ts';
import {
  type Alert,
  BAD_MESSAGE,
  type Clock,
  type Failure,
  HOUR,
  MINUTE,
  SECOND,
  type Severity,
} from '../model/index.ts';
import type { Sent, State } from '../state/contract.ts';

/** Groups that were told long ago are forgotten beyond so many. */
const GROUPS = 1_000;

const GRAVITY: Readonly<Record<Severity, number>> = { critical: 2, warning: 1, info: 0 };

/** After so many failures in succession of messages of several, one of what they held is tried by itself. */
const DOUBT_AFTER = 3;

/** And after every so many more: mostly it is the channel that is down. */
const DOUBT_EVERY = 4;

/** What is further off than a minute looks again after a minute and this part of the rest. */
const LOOK_AGAIN = 4;

/** A message that has failed so often waits behind the others for half of the longest that any does. */
const OFTEN = 8;

/** More than this is never owed at once. */
const BOUNDLESS = 4_000;

type Told = { readonly at: number; readonly gravity: number };

/** The channel refuses what was sent for what it holds, not because it is down. */
export function isOfContent({ code }: Failure): boolean {
  return code === BAD_MESSAGE || code === 'internal';
}

type About = Parameters<typeof groupOf>[0] & Pick<Alert, 'severity'>;

/**
 * How soon a channel may be sent something. It is kept in memory, by the steady clock, so that a step of the wall clock
 * moves nothing; what was before the start is read from the state.
 */
export class Pace {
  readonly #clock: Clock;
  readonly #caps: Caps;
  readonly #wait: number;
  readonly #groups = new Map<string, Told>();
  /** Those that wait for room, by their ids in the order in which they came, and when each looks again. */
  readonly #queues: Record<Urgency, Map<string, number>> = {
    page: new Map(),
    end: new Map(),
    other: new Map(),
  };
  #most = Number.POSITIVE_INFINITY;
  /** The largest message that the channel did not take since it took one; 0: none. */
  #refused = 0;
  /** It takes some of what it was sent and some not. */
  #dividing = false;
  /** When the messages of the last minute were answered: they may have arrived only then. */
  #answered: number[] = [];
  /** When those that are under way began. */
  #underWay: number[] = [];
  #failures = 0;
  #heldUntil = 0;
  /** How long the last hold was, ms. */
  #holding = 0;
  #askedUntil = 0;

  constructor(clock: Clock, caps: Caps, wait: number) {
    this.#clock = clock;
    this.#caps = caps;
    this.#wait = wait;
  }

  /** Of a channel that may have been sent something before the start. */
  static async of(
    { state, clock }: { readonly state: Pick<State, 'sent'>; readonly clock: Clock },
    { name, kind, wait }: { readonly name: string; readonly kind: string; readonly wait: number },
  ): Promise<Pace> {
    const now = clock.now();
    const pace = new Pace(clock, capsOf(kind), wait);
    pace.#recall(
      await state.sent(name, {
        since: now - MINUTE,
        toldSince: now - wait,
        triedSince: now - HOUR,
      }),
      now,
    );
    return pace;
  }

  #recall({ times, told, tried }: Sent, now: number): void {
    const lead = now - this.#clock.steady();
    // A clock that was set back meanwhile cannot say how long ago it was.
    const past = (at: number | null): at is number => at !== null && at <= now;
    // Of a message of several all were settled at one time.
    this.#answered = times.flatMap(({ at, count }) =>
      past(at) ? Array.from({ length: this.gathers ? 1 : count }, () => at - lead) : [],
    );
    for (const { at, about } of told) if (past(at)) this.#tell([about], at - lead);
    const asked = tried?.lastError?.retryAfterMs;
    if (tried && asked !== undefined && past(tried.at))
      this.#askedUntil = tried.at - lead + Math.min(asked, HOUR);
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
    const free = freeAt(this.#sent(), this.#caps, urgencyOf(delivery.event, alert.severity), now);
    const held = Math.max(this.#heldUntil, this.#askedUntil, this.#gatheredUntil(owed));
    if (held > free) return held - now;
    if (free > now) return this.#slot(owed, now) - now;
    this.forget(delivery.id);
    return 0;
  }

  /**
   * When there is room for it. Where each message goes by itself, those that wait are told different times: else all of
   * them would come back whenever there is room for one. Of what is further off than a minute nobody knows whether those
   * before it will still be owed: it looks again sooner.
   */
  #slot({ delivery, alert }: Owed, now: number): number {
    const urgency = urgencyOf(delivery.event, alert.severity);
    const { perMinute } = this.#caps;
    if (this.gathers || perMinute === null) return freeAt(this.#sent(), this.#caps, urgency, now);
    const place = this.#place(delivery.id, urgency, now);
    const before = Array.from({ length: place % perMinute }, () => now);
    const first = freeAt([...this.#sent(), ...before], this.#caps, urgency, now);
    const wait = first - now + MINUTE * Math.floor(place / perMinute);
    const at = now + (wait <= MINUTE ? wait : MINUTE + (wait - MINUTE) / LOOK_AGAIN);
    this.#queues[urgency].set(delivery.id, at);
    return at;
  }

  /** So many wait before it. */
  #place(id: string, urgency: Urgency, now: number): number {
    const queue = this.#queues[urgency];
    if (!queue.has(id)) {
      this.forget(id);
      // Of those that have not come back nothing more is owed.
      for (const [other, at] of queue) if (at < now - MINUTE) queue.delete(other);
      queue.set(id, now);
      return queue.size - 1;
    }
    let place = 0;
    for (const other of queue.keys()) {
      if (other === id) break;
      place += 1;
    }
    return place;
  }

  /** It is sent, or no longer owed: it keeps no place from others. */
  forget(id: string): void {
    for (const queue of Object.values(this.#queues)) queue.delete(id);
  }

  /** Whoever is told is woken. */
  get wakes(): boolean {
    return this.#caps.wakes;
  }

  /** So many alerts may go in one message: fewer after one of several was not taken. */
  get most(): number {
    return this.#most;
  }

  /** It did not take a message of several, and nobody knows yet for which of them. */
  get doubts(): boolean {
    return this.#refused > 0 || this.#most < Number.POSITIVE_INFINITY;
  }

  /** Of several that were not taken together one is tried by itself. */
  get tries(): boolean {
    return this.#most === 1;
  }

  /** A message is sent now. */
  begins(): void {
    const now = this.#clock.steady();
    // Of what is under way for longer nothing will be heard: its claim was lost.
    this.#underWay = [...this.#underWay.filter((at) => at > now - MINUTE), now];
  }

  /** The oldest that is under way counts from now on, whichever it was. */
  #ends(): void {
    const now = this.#clock.steady();
    this.#underWay.shift();
    const recent = this.#answered.filter((at) => at > now - MINUTE);
    this.#answered = [...recent, now].slice(-(this.#caps.perMinute ?? 1));
  }

  /** Ascending. */
  #sent(): number[] {
    return [...this.#answered, ...this.#underWay].sort((a, b) => a - b);
  }

  /** The channel took it. */
  delivered(items: readonly Owed[]): void {
    this.#ends();
    if (this.#refused > 0) this.#dividing = true;
    this.#most = Math.max(this.#most * 2, Math.floor(this.#refused / 2));
    this.#refused = 0;
    if (this.#most >= BOUNDLESS) {
      this.#most = Number.POSITIVE_INFINITY;
      this.#dividing = false;
    }
    this.#failures = 0;
    this.#heldUntil = 0;
    this.#tell(
      items.map(({ alert }) => alert),
      this.#clock.steady(),
    );
  }

  /** @param at by the steady clock */
  #tell(alerts: readonly About[], at: number): void {
    if (!this.gathers) return;
    for (const alert of alerts) {
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

  /**
   * The channel did not take a message of so many; several that were under way at once count as one. Call it before the
   * outcome is folded.
   */
  failed(failure: Failure, size: number): void {
    this.#ends();
    const now = this.#clock.steady();
    if (now >= this.#heldUntil) this.#failures += 1;
    if (failure.retryAfterMs !== undefined) {
      this.#askedUntil = Math.max(this.#askedUntil, now + Math.min(failure.retryAfterMs, HOUR));
    }
    if (isOfContent(failure)) this.#split(size);
    else if (this.gathers && failure.code !== 'rate_limited') this.#doubt(size);
  }

  /** One of so many is at fault, and the others shall not suffer for it. */
  #split(size: number): void {
    if (size > 1) this.#most = Math.floor(size / 2);
  }

  /**
   * Nobody can tell whether a message of so many was not taken for what it held. Now and then one goes by itself; once the
   * channel has taken that, the others are divided until the one at fault is by itself.
   */
  #doubt(size: number): void {
    if (size > 1) this.#refused = Math.max(this.#refused, size);
    const beyond = this.#failures - DOUBT_AFTER;
    const tries = this.#refused > 0 && beyond >= 0 && beyond % DOUBT_EVERY === 0;
    if (this.#dividing) this.#split(size);
    else this.#most = tries ? 1 : Number.POSITIVE_INFINITY;
  }

  /**
   * So long after the end of a hold, ms, is a message due again that was not taken, by itself, so often: what was never tried, or
   * less often, goes before it, whatever its rank.
   *
   * @param unit in [0, 1): those that failed as often do not all come in one order
   */
  behind(attempts: number, unit: number): number {
    if (this.gathers || attempts === 0) return 0;
    return Math.round(SECOND / 2 + (this.#holding / 4) * (attempts / (attempts + OFTEN) + unit / 4));
  }

  /** Nothing goes to the channel for so long, ms. */
  hold(ms: number): void {
    this.#holding = ms;
    this.#heldUntil = Math.max(this.#heldUntil, this.#clock.steady() + ms);
  }

  /** The first of a group goes at once, and so does one that is graver; what follows is gathered. */
  #gatheredUntil({ delivery, alert }: Owed): number {
    if (!this.gathers || delivery.event !== 'trigger') return 0;
    const told = this.#groups.get(groupOf(alert));
    return told === undefined || GRAVITY[alert.severity] > told.gravity ? 0 : told.at + this.#wait;
  }
}
