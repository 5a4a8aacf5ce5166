import { backoff } from '../alerting/backoff.ts';
import { cancelDelivery, isLasting, planDelivery, tellingOf, wakeFollowers } from '../alerting/delivery.ts';
import type { Bundle, Owed } from '../alerting/gather.ts';
import type { Message } from '../channels/contract.ts';
import type { Config } from '../config/types.ts';
import {
  type Alert,
  type Change,
  type Claim,
  type Delivery,
  type Failure,
  failureOf,
  MINUTE,
} from '../model/index.ts';
import { recoveryWork } from './attend.ts';
import { alertsOf, foldBundle, type Gathered, gatherDue, put } from './bundle.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import { besides, isAmong, isWorkOf, leastTried, unclaimed, withHead } from './lead.ts';
import { endsAny } from './owed.ts';
import { isOfContent, Pace } from './pace.ts';

/** When a trigger that waits for one under way looks again; what waits for a trigger to be settled is woken then. */
const LOOK_AGAIN = MINUTE / 2;
const LOOK_AGAIN_LATE = 10 * MINUTE;

/** The index of all runbooks. */
const RUNBOOKS = 'docs/runbooks/README.md';

const NOTHING = { due: [], alerts: [], deliveries: [] };

type After = {
  readonly turned: number;
  readonly failure: Failure | null;
  /** It went by itself, of several that were not taken together. */
  readonly tries: boolean;
  /** See {@link Pace.behind}. */
  readonly behind: number;
};

/** Sends what the outbox holds, as soon as its channel can bear it and, where a channel takes that, several alerts at once. */
export class Deliveries {
  readonly #context: EngineContext;
  readonly #committer: Committer;
  readonly #paces = new Map<string, Promise<Pace>>();
  /** When all that is open is looked at, or was last, by the steady clock. */
  #looksAt = Number.NEGATIVE_INFINITY;

  constructor(context: EngineContext, committer: Committer) {
    this.#context = context;
    this.#committer = committer;
  }

  /** One turn of one message: the intent to send is recorded, then it is sent, then what the channel said. */
  async turn(claim: Claim): Promise<void> {
    const { state, clock } = this.#context;
    const delivery = await state.delivery(claim.id);
    const alert = delivery && (await state.alert(delivery.alertId));
    if (!delivery || !alert || delivery.state !== 'pending')
      return state.commit([], { hold: { claim, next: null } });

    const pace = await this.#pace(delivery.channel);
    const before = await state.deliveries(alert.id);
    const waited = delivery.attempts > 0 || claim.dueAt > delivery.createdAt;
    const plan = planDelivery(delivery, before, tellingOf(alert, waited && pace.wakes));
    if (plan === 'cancel') {
      pace.forget(delivery.id);
      const cancelled = cancelDelivery(delivery, clock.now());
      const changes = [put(cancelled), ...wakeFollowers(cancelled, before, clock.now())];
      return state.commit(changes, { hold: { claim, next: null } });
    }
    const look = delivery.event === 'trigger' ? LOOK_AGAIN : LOOK_AGAIN_LATE;
    const wait = plan === 'wait' ? look : pace.waitFor({ delivery, alert });
    const behind = plan === 'wait' ? 0 : pace.behind(delivery.attempts, this.#unit(delivery));
    if (wait > 0) return state.commit([], { hold: { claim, next: clock.now() + Math.ceil(wait) + behind } });
    // Before anything is waited for: others of the lane look at it too.
    pace.begins();
    await this.#send(claim, { delivery, alert }, pace);
  }

  async #send(claim: Claim, head: Owed, pace: Pace): Promise<void> {
    const { state, clock } = this.#context;
    const { channel } = head.delivery;
    const gathered = await this.#gathered(head, pace);
    const { bundle, attempts } = gathered;
    const { tries } = pace;
    await state.commit([...gathered.cancelled, ...attempts.map(({ delivery }) => put(delivery))], {
      under: claim,
    });
    const answer = await deliver(this.#context, channel, gathered);
    this.#count(channel, answer, alertsOf(bundle));
    const failure = answer === null ? null : ofSeveral(bundle, answer);
    if (failure === null) pace.delivered(bundle.items);
    else pace.failed(failure, bundle.items.length);
    // Read again: an alert may have ended while the message was under way.
    const after = await state.deliveriesOf(alertsOf(bundle).map(({ id }) => id));
    const unit = this.#unit(head.delivery, 1);
    const turned = clock.now();
    const outcome = foldBundle(gathered, failure, {
      head: head.delivery.id,
      after,
      now: turned,
      unit,
      failures: pace.failures,
    });
    // By what the channel failed to take in succession: one message that it never takes must not hold up the others.
    if (failure !== null && !isLasting(failure))
      pace.hold(backoff(pace.failures, unit, failure.retryAfterMs));
    const recovered = (await endsAny(this.#context, outcome.signals)) ? [this.#lookAtAll()] : [];
    const next = isAmong(head, gathered)
      ? nextOf(outcome.nextAt, {
          turned,
          failure,
          tries,
          behind: pace.behind(head.delivery.attempts + 1, unit),
        })
      : turned + (failure === null ? 0 : backoff(pace.failures, unit, failure.retryAfterMs));
    await this.#committer.commit([...outcome.changes, ...recovered], outcome.signals, {
      hold: { claim, next },
    });
  }

  /** Soon, and once a minute at most: one that takes some messages and not others comes back again and again. */
  #lookAtAll(): Change {
    const { clock } = this.#context;
    const now = clock.steady();
    if (this.#looksAt <= now) this.#looksAt = Math.max(now, this.#looksAt + MINUTE);
    return { type: 'work.put', work: recoveryWork(clock.now() + Math.ceil(this.#looksAt - now)) };
  }

  /** Jitter of the attempts that it has had, and so many more. */
  #unit({ id, attempts }: Delivery, more = 0): number {
    return this.#context.hash.unit(id, String(attempts + more));
  }

  /** What goes out together; where the channel takes one alert at a time, that one. */
  async #gathered(head: Owed, pace: Pace): Promise<Gathered> {
    const { state, clock, plugins } = this.#context;
    const { channel } = head.delivery;
    const several = pace.gathers && named(plugins.channels, channel).deliverBundle !== undefined;
    const alone = !several || head.alert.kind === 'test';
    const now = clock.now();
    const { most, failures } = pace;
    const outbox = alone ? NOTHING : await state.outbox(channel, now);
    if (alone || !pace.doubts) return gatherDue(head, outbox, { now, most });
    const lead = leastTried(head, outbox, pace.tries ? failures : 0);
    if (lead === head) return gatherDue(head, besides(head, outbox), { now, most });
    const all = withHead(outbox, head, await state.deliveries(head.alert.id));
    const gathered = gatherDue(lead, besides(lead, all), { now, most });
    const others = gathered.cancelled.filter((change) => !isWorkOf(change, head));
    return { ...gathered, cancelled: [...others, unclaimed(lead, gathered.attempts, now)] };
  }

  #pace(name: string): Promise<Pace> {
    const { config, state, clock } = this.#context;
    let pace = this.#paces.get(name);
    if (pace === undefined) {
      const kind = config.channels[name]?.kind ?? '';
      pace = Pace.of({ state, clock }, { name, kind, wait: config.group.wait });
      // What cannot be read now is read at the next turn.
      pace.catch(() => this.#paces.delete(name));
      this.#paces.set(name, pace);
    }
    return pace;
  }

  #count(channel: string, failure: Failure | null, alerts: readonly Alert[]): void {
    const { counters, log } = this.#context;
    const outcome = failure === null ? 'delivered' : failure.code;
    for (const _ of alerts) counters.count('alert_deliveries_total', { channel, outcome });
    if (failure === null) return;
    log.warn(
      { alert: alerts[0]?.id, alerts: alerts.length, channel, failure },
      `${channel}: ${failure.message}`,
    );
  }
}

/** When the claimed one is due again, of what is to be sent again at `nextAt`; null: it is settled. */
function nextOf(nextAt: number | null, { turned, failure, tries, behind }: After): number | null {
  if (nextAt === null) return null;
  // One that was tried by itself and not taken is left out of the next message: that shows which of them is at fault.
  const leftOut = tries && failure?.retryAfterMs === undefined;
  return leftOut ? 2 * nextAt - turned : nextAt + behind;
}

/** What the channel says to it; null: it took it. */
async function deliver(
  context: EngineContext,
  name: string,
  { bundle, attempts }: Gathered,
): Promise<Failure | null> {
  const repeat = attempts.some((attempt) => attempt.repeat);
  const [{ delivery, alert }] = bundle.items;
  return bundle.form === 'single'
    ? send(context, alert, delivery, repeat)
    : sendBundle(context, name, bundle, repeat);
}

async function sendBundle(
  context: EngineContext,
  name: string,
  bundle: Bundle,
  repeat: boolean,
): Promise<Failure | null> {
  const { config, plugins } = context;
  const [{ alert }] = bundle.items;
  const links = linksOf(context, alert).filter(({ text }) => bundle.form === 'group' || text !== 'Runbook');
  try {
    await named(plugins.channels, name).deliverBundle?.({
      bundle,
      installation: config.installation.name,
      environment: config.installation.environment,
      links,
      runbook: bundle.form === 'group' ? runbookOf(config, alert) : RUNBOOKS,
      repeat,
    });
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

async function send(
  context: EngineContext,
  alert: Alert,
  delivery: Delivery,
  repeat: boolean,
): Promise<Failure | null> {
  const { config, plugins } = context;
  const message: Message = {
    id: delivery.id,
    event: delivery.event,
    alert,
    provider: providerOf(config, alert),
    installation: config.installation.name,
    environment: config.installation.environment,
    links: linksOf(context, alert),
    runbook: runbookOf(config, alert),
    repeat,
  };
  try {
    await named(plugins.channels, delivery.channel).deliver(message);
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

function providerOf({ credentials, monitors }: Config, { credential, monitor }: Alert): string | null {
  const issued = credential === undefined ? undefined : credentials[credential]?.provider;
  return issued ?? (monitor === undefined ? undefined : monitors[monitor]?.provider) ?? null;
}

/** The documents of the package have no address of their own: without `runbookUrl` their path is told. */
function runbookOf({ runbookUrl }: Config, { kind }: Alert): string {
  // Nothing is to be done about a test.
  return runbookUrl?.replaceAll('{kind}', kind) ?? (kind === 'test' ? RUNBOOKS : `docs/runbooks/${kind}.md`);
}

function linksOf({ config }: EngineContext, alert: Alert): Message['links'] {
  const links = [];
  if (config.runbookUrl !== null) links.push({ text: 'Runbook', href: runbookOf(config, alert) });
  if (config.api?.publicUrl) links.push({ text: 'Keywarden', href: config.api.publicUrl });
  return links;
}

/** Refused for what it holds, a message of several is sent in halves, until the one at fault is by itself. */
function ofSeveral({ items }: Bundle, failure: Failure): Failure {
  return items.length > 1 && isOfContent(failure) ? { ...failure, verdict: 'retryable' } : failure;
}
