import {
  beginDelivery,
  cancelDelivery,
  foldDelivery,
  overSince,
  planDelivery,
  wakeFollowers,
} from '../alerting/delivery.ts';
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
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import { endsAny, owedAfterRecovery } from './owed.ts';

/** When a delivery that waits for the one before it looks again, should the wake-up have missed it. */
const LOOK_AGAIN = MINUTE / 2;

/** One turn of one message: the intent to send is recorded, then it is sent, then what the channel said. */
export async function turnDelivery(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
): Promise<void> {
  const { state, clock, hash, log, counters } = context;
  const delivery = await state.delivery(claim.id);
  const alert = delivery && (await state.alert(delivery.alertId));
  if (!delivery || !alert || delivery.state !== 'pending')
    return state.commit([], { hold: { claim, next: null } });

  const before = await state.deliveries(alert.id);
  const plan = planDelivery(delivery, before, alert.severity);
  if (plan === 'wait') return state.commit([], { hold: { claim, next: clock.now() + LOOK_AGAIN } });
  if (plan === 'cancel') {
    const cancelled = cancelDelivery(delivery, clock.now());
    const changes = [put(cancelled), ...wakeFollowers(cancelled, before, clock.now())];
    return state.commit(changes, { hold: { claim, next: null } });
  }

  const attempt = beginDelivery(delivery);
  await state.commit([put(attempt.delivery)], { under: claim });
  const failure = await send(context, alert, delivery, attempt.repeat);
  counters.count('alert_deliveries_total', {
    channel: delivery.channel,
    outcome: failure === null ? 'delivered' : failure.code,
  });
  if (failure !== null) {
    log.warn(
      { alert: alert.id, channel: delivery.channel, failure },
      `${delivery.channel}: ${failure.message}`,
    );
  }
  // Read again: the alert may have ended while the message was under way.
  const after = await state.deliveries(alert.id);
  const folded = foldDelivery(attempt.delivery, failure, {
    now: clock.now(),
    unit: hash.unit(delivery.id, String(attempt.delivery.attempts)),
    overSince: overSince(delivery, after, alert),
  });
  const recovered = await endsAny(context, folded.signals);
  const changes = [put(folded.delivery), ...wakeFollowers(folded.delivery, after, clock.now())];
  await committer.commit(changes, folded.signals, { hold: { claim, next: folded.nextAt } });
  // A crash in between loses nothing: the next start looks for what is owed too.
  if (recovered) await state.commit(await owedAfterRecovery(context));
}

function put(delivery: Delivery): Change {
  return { type: 'delivery.put', delivery };
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
  // Nothing is to be done about a test: the index of all runbooks.
  return runbookUrl?.replaceAll('{kind}', kind) ?? `docs/runbooks/${kind === 'test' ? 'README' : kind}.md`;
}

function linksOf({ config }: EngineContext, alert: Alert): Message['links'] {
  const links = [];
  if (config.runbookUrl !== null) links.push({ text: 'Runbook', href: runbookOf(config, alert) });
  if (config.api?.publicUrl) links.push({ text: 'Keywarden', href: config.api.publicUrl });
  return links;
}
