import type { Change, Claim, Signal } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { turnAlert } from './attend.ts';
import { AuditWatch } from './audit-watch.ts';
import { systemClock } from './clock.ts';
import { ClockSkew } from './clock-skew.ts';
import { ClockWatch, wakeAll } from './clock-step.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { CurrentValues } from './current-values.ts';
import { DeadClaims } from './dead-claims.ts';
import { Defects } from './defects.ts';
import { Deliveries } from './deliver.ts';
import type { GrantCommands } from './grants/contract.ts';
import { GrantWork } from './grants/work.ts';
import { Heartbeat, isHeartbeat } from './heartbeat.ts';
import { turnHook } from './hook.ts';
import { KeepHouse } from './keep-house.ts';
import { deliveryLane, lanesOf } from './lanes.ts';
import { Logins } from './login.ts';
import { Loop } from './loop.ts';
import { turnPublication } from './publish.ts';
import { turnCredential } from './rotate.ts';
import { startSchedule } from './schedule.ts';
import { takeInSpooled } from './spooled.ts';
import { reconcileAlerts, reconcileConfiguration } from './start.ts';
import { tidyDestinations } from './tidy.ts';
import { turnMonitor } from './watch/turn.ts';
import { turnWatchdog } from './watchdog.ts';

/**
 * How long a stop sends what is owed and waits for what is in flight, ms of real time; what has not ended by then is an
 * open intent, and what was not sent is owed still.
 */
const STOP_WITHIN = 8_000;
/** And how long it waits for what is in flight, however long the rest took. */
const AT_LEAST = 1_000;
/** How long a successor waits for what is in flight, ms of real time: meanwhile nobody takes up anything. */
const HAND_OVER_WITHIN = 3_000;

/** The daemon's heart: the loop, its handlers, and the clockwork beneath. */
export class Engine {
  readonly context: EngineContext;
  /** The current versions, and who waits for the next. */
  readonly values: CurrentValues;
  /** What people and applications may ask about OAuth grants. */
  readonly grants: GrantCommands;
  /** Looks through the audit log. */
  readonly audit: AuditWatch;
  readonly #grantWork: GrantWork;
  readonly #loop: Loop;
  readonly #committer: Committer;
  readonly #deliveries: Deliveries;
  readonly #logins = new Logins();
  readonly #clock: ClockWatch;
  readonly #skew: ClockSkew;
  readonly #dead: DeadClaims;
  readonly #defects = new Defects();
  readonly #listeners: Set<() => void>;
  #former: Engine | null;
  /** Nothing new is begun: a stop, or a successor. */
  readonly #stopping = new AbortController();
  /** What only this process knows is given up where the state does not take it: a stop alone. */
  readonly #ending = new AbortController();
  readonly #heartbeat: Heartbeat;
  readonly #house: KeepHouse;
  #schedule: { stop(): void } | null = null;
  #started = false;

  /** @param former the one whose place it takes on the same state; who waits there is told here */
  constructor(context: EngineContext, former: Engine | null = null) {
    this.context = context;
    this.#former = former;
    this.#listeners = former === null ? new Set() : former.#listeners;
    this.#clock = former === null ? new ClockWatch(context.clock) : former.#clock;
    this.#house = new KeepHouse(context, this.#stopping.signal, former === null ? null : former.#house);
    this.#skew = new ClockSkew(context.plugins.providers);
    this.#dead = new DeadClaims(context);
    this.#heartbeat = new Heartbeat(context, this.#stopping.signal);
    this.values = former?.values ?? new CurrentValues(context.state);
    this.#committer = new Committer(
      context,
      () => this.#wake(),
      (changes) => {
        this.values.committed(changes);
        this.#grantWork.committed(changes);
      },
    );
    this.audit = new AuditWatch(context, this.#committer, this.#stopping.signal, former?.audit ?? null);
    this.#deliveries = new Deliveries(context, this.#committer);
    const [wake, nextTurn] = [() => this.#wake(), (signal: AbortSignal) => this.nextTurn(signal)];
    const surroundings = { ...this.#surroundings(), wake, nextTurn };
    const formerWork = former === null ? null : former.#grantWork;
    this.#grantWork = new GrantWork(context, this.#committer, surroundings, formerWork);
    this.grants = this.#grantWork.commands;
    const lanes = lanesOf(context.config, (client) => this.#grantWork.gate(client));
    this.#loop = new Loop(context, lanes, (claim) => this.#turn(claim));
  }

  /** True once the loop has turned. */
  get ready(): boolean {
    return this.#loop.turns > 0;
  }

  /** True while the loop looks for due work. */
  get turning(): boolean {
    return this.#loop.turning;
  }

  /** How much runs now; 0: at rest until the next due time. */
  get active(): number {
    return this.#loop.active;
  }

  /** @param schedule makes the clockwork beneath the loop */
  async start(schedule: typeof startSchedule = startSchedule): Promise<void> {
    const { config, state } = this.context;
    await state.prove();
    const succeeds = this.#former !== null;
    await state.commit(await reconcileConfiguration(this.context, { succeeds }));
    // A former one may be writing there, and offers the state itself what it has spooled.
    if (!succeeds) await takeInSpooled(this.context, this.#committer);
    await this.#reconcileAlerts();
    await this.#defects.recall(state, Object.keys(config.credentials));
    await this.#grantWork.load();
    // A folder that does not answer holds up nobody else.
    void tidyDestinations(this.context);
    const tasks = {
      reconcile: () => {
        void this.reconcile();
        // What the look has not seen is not deleted.
        void this.audit.daily().then(() => this.#house.daily());
      },
      pollLogs: () => void this.pollLogs(),
    };
    // The expressions mean the machine's time, also in the demonstration, whose daemon lives on a faster clock.
    this.#schedule = schedule(config.schedule, tasks, systemClock());
    this.#started = true;
    this.#wake();
    if (this.#former !== null) this.#former.#loop.succeeded(() => this.#wake());
    this.#former = null;
  }

  /** Turns the loop; before it is started nobody does, whatever is committed: it may never be. */
  #wake(): void {
    if (this.#started) this.#loop.wake();
  }

  #surroundings() {
    return {
      stopping: this.#stopping.signal,
      ending: this.#ending.signal,
      pause: (ms: number) => this.#loop.pause(ms),
    };
  }

  async #reconcileAlerts(): Promise<void> {
    const { changes, signals } = await reconcileAlerts(this.context);
    await this.#committer.commit(changes, signals);
  }

  /**
   * The net beneath the loop's timers: turns it, makes everything due where the wall clock was set back, and ends what the
   * dead still claim.
   */
  async reconcile(): Promise<void> {
    const { state, log } = this.context;
    try {
      await this.#clock.follow(async (ms) => {
        log.warn({}, 'the clock was set back; everything that waits looks again at what time it is');
        await state.commit(await wakeAll(this.context, ms));
      });
    } catch (error) {
      log.error(
        { error },
        'what waits could not be made due after the clock was set back; the next turn of the schedule tries again',
      );
    }
    await this.#freeDead();
    this.#wake();
  }

  async #freeDead(): Promise<void> {
    const { state, log } = this.context;
    try {
      const changes = await this.#dead.look();
      if (changes.length > 0) await state.commit(changes);
    } catch (error) {
      log.error({ error }, 'what a dead process claims could not be freed; it is tried again');
    }
  }

  /** Makes every log monitor due. */
  async pollLogs(): Promise<void> {
    const { config, state, clock, log } = this.context;
    try {
      await state.commit(
        Object.keys(config.monitors).map(
          (id): Change => ({ type: 'work.wake', kind: 'monitor', id, at: clock.now() }),
        ),
      );
      this.#wake();
    } catch (error) {
      log.error({ error }, 'the log monitors could not be made due');
    }
  }

  /** Commits what a command asks for and turns the loop. */
  async submit(changes: readonly Change[], signals: readonly Signal[] = []): Promise<void> {
    await this.#committer.commit(changes, signals);
    this.#committed();
    this.#wake();
  }

  /** Resolves once everything that was raised until now is committed; what is raised later sees what is committed by now. */
  settled(): Promise<void> {
    return this.#committer.settled();
  }

  /** Resolves after the next turn of any record or submitted command, or when `signal` aborts. */
  nextTurn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#listeners.delete(done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (signal.aborted) return resolve();
      this.#listeners.add(done);
      signal.addEventListener('abort', done, { once: true });
    });
  }

  /** Sends what is owed, and ends what is in flight or parks it, within ten seconds; the state may be closed afterwards. */
  async stop(): Promise<void> {
    this.#schedule?.stop();
    this.#stopping.abort();
    this.#ending.abort();
    const began = this.context.clock.monotonic();
    await this.#loop.drain(Object.keys(this.context.config.channels).map(deliveryLane), STOP_WITHIN);
    const passed = Math.ceil(this.context.clock.monotonic() - began);
    const ended = await this.#loop.stop(Math.max(AT_LEAST, STOP_WITHIN - passed));
    await this.audit.idle();
    if (!ended)
      this.context.log.warn(
        {},
        'stopped with work in flight; the next start takes it up as an unknown outcome',
      );
  }

  /**
   * Makes room for a successor on the same state: claims nothing more, and waits for what is in flight, not long. What
   * has not ended by then goes on under its claims, which nobody else takes. What is owed is the successor's to send.
   *
   * @param hurry ends the wait
   * @returns resolves once nothing is left in flight
   */
  async handOver(hurry: AbortSignal): Promise<{ readonly ended: Promise<void> }> {
    this.#schedule?.stop();
    this.#stopping.abort();
    const hurried = new Promise<void>((resolve) => {
      if (hurry.aborted) resolve();
      hurry.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([this.#loop.park(HAND_OVER_WITHIN), hurried]);
    return { ended: Promise.all([this.#loop.ended(), this.audit.idle()]).then(() => undefined) };
  }

  /**
   * Ends what the former one has begun to tell, in its last turns, of what, or where, is no longer configured. One that has a
   * successor itself does not know what is configured by now, and does nothing.
   */
  async formerEnded(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    await this.#reconcileAlerts();
    this.#wake();
  }

  async #turn(claim: Claim): Promise<void> {
    const { clock } = this.context;
    try {
      await this.#perform(claim);
    } catch (error) {
      const foreseen = error instanceof StateError && error.code === 'claim_lost';
      // The state may be what fails: then nobody can be told by way of it.
      if (!foreseen)
        await this.#committer
          .commit([], this.#defects.failed(claim, error, clock.now()))
          .catch(() => undefined);
      throw error;
    }
    const skew = this.#skew.news(clock.now());
    await this.#committer.commit([], [...this.#defects.succeeded(claim, clock.now()), ...skew]);
    this.#skew.told(skew);
    this.#committed();
  }

  async #perform(claim: Claim): Promise<void> {
    const { context } = this;
    switch (claim.kind) {
      case 'credential':
        await turnCredential(context, this.#committer, claim, this.#surroundings());
        break;
      case 'publication':
        await turnPublication(context, this.#committer, claim);
        break;
      case 'hook':
        await turnHook(context, this.#committer, claim);
        break;
      case 'watchdog':
        if (isHeartbeat(claim)) await this.#heartbeat.turn(claim);
        else await turnWatchdog(context, this.#committer, claim);
        break;
      case 'login':
        await this.#logins.turn(context, claim);
        break;
      case 'monitor':
        await turnMonitor(context, this.#committer, claim, this.#stopping.signal);
        break;
      case 'delivery':
        await this.#deliveries.turn(claim);
        break;
      case 'alert':
        await turnAlert(context, this.#committer, claim);
        break;
      case 'authorization':
      case 'client':
      case 'grant':
        await this.#grantWork.turn(claim);
        break;
    }
  }

  #committed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
