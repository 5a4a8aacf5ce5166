import { backoff } from '../alerting/backoff.ts';
import { cancelDelivery, planDelivery, wakeFollowers } from '../alerting/delivery.ts';
import type { Bundle, Owed } from '../alerting/gather.ts';
import type { Message } from '../channels/contract.ts';
import type { Config } from '../config/types.ts';
import { type Alert, type Claim, type Delivery, type Failure, failureOf, MINUTE } from '../model/index.ts';
import { alertsOf, foldBundle, type Gathered, gatherDue, put } from './bundle.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import { endsAny, owedAfterRecovery } from './owed.ts';
import { isOfContent, Pace } from './pace.ts';

/** When a trigger that waits for one under way looks again; what waits for a trigger to be settled is woken then. */
const LOOK_AGAIN = MINUTE / 2;
const LOOK_AGAIN_LATE = 10 * MINUTE;

/** The index of all runbooks. */
const RUNBOOKS = 'docs/runbooks/README.md';

const NOTHING = { due: [], alerts: [], deliveries: [] };

/** Sends what the outbox holds, as soon as its channel can bear it and, where a channel takes that, several alerts at once. */
export class Deliveries {
  readonly #context: EngineContext;
  readonly #committer: Committer;
  readonly #paces = new Map<string, Promise<Pace>>();

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
    const plan = planDelivery(delivery, before, { severity: alert.severity, late: waited && pace.wakes });
    if (plan === 'cancel') {
      const cancelled = cancelDelivery(delivery, clock.now());
      const changes = [put(cancelled), ...wakeFollowers(cancelled, before, clock.now())];
      return state.commit(changes, { hold: { claim, next: null } });
    }
    const look = delivery.event === 'trigger' ? LOOK_AGAIN : LOOK_AGAIN_LATE;
    const wait = plan === 'wait' ? look : pace.waitFor({ delivery, alert });
    if (wait > 0) return state.commit([], { hold: { claim, next: clock.now() + Math.ceil(wait) } });
    // Before anything is waited for: others of the lane look at it too.
    pace.begins();
    await this.#send(claim, { delivery, alert }, pace);
  }

  async #send(claim: Claim, head: Owed, pace: Pace): Promise<void> {
    const { state, clock, hash } = this.#context;
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
    const unit = hash.unit(head.delivery.id, String(head.delivery.attempts + 1));
    const turned = clock.now();
    const outcome = foldBundle(gathered, failure, {
      head: head.delivery.id,
      after,
      now: turned,
      unit,
      failures: pace.failures,
    });
    // By what the channel failed to take in succession: one message that it never takes must not hold up the others.
    if (failure !== null && outcome.nextAt !== null)
      pace.hold(backoff(pace.failures, unit, failure.retryAfterMs));
    const recovered = await endsAny(this.#context, outcome.signals);
    // One that was tried by itself and not taken is left out of the next message: that shows which of them is at fault.
    const leftOut = tries && failure?.retryAfterMs === undefined;
    const next = outcome.nextAt !== null && leftOut ? 2 * outcome.nextAt - turned : outcome.nextAt;
    await this.#committer.commit(outcome.changes, outcome.signals, { hold: { claim, next } });
    // A crash in between loses nothing: the next start looks for what is owed too.
    if (recovered) await state.commit(await owedAfterRecovery(this.#context));
  }

  /** What goes out together; where the channel takes one alert at a time, that one. */
  async #gathered(head: Owed, pace: Pace): Promise<Gathered> {
    const { state, clock, plugins } = this.#context;
    const { channel } = head.delivery;
    const several = pace.gathers && named(plugins.channels, channel).deliverBundle !== undefined;
    const alone = !several || head.alert.kind === 'test';
    const now = clock.now();
    return gatherDue(head, alone ? NOTHING : await state.outbox(channel, now), { now, most: pace.most });
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
