import { beginDelivery, cancelDelivery, foldDelivery, planDelivery } from '../alerting/delivery.ts';
import type { Message } from '../channels/contract.ts';
import {
  type Alert,
  type Change,
  type Claim,
  type Delivery,
  type Failure,
  failureOf,
  SECOND,
} from '../model/index.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';

/** How soon a delivery that waits for the one before it looks again. */
const LOOK_AGAIN = 2 * SECOND;

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

  const plan = planDelivery(delivery, await state.deliveries(alert.id));
  if (plan === 'wait') return state.commit([], { hold: { claim, next: clock.now() + LOOK_AGAIN } });
  if (plan === 'cancel')
    return state.commit([put(cancelDelivery(delivery, clock.now()))], { hold: { claim, next: null } });

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
  const folded = foldDelivery(attempt.delivery, failure, {
    now: clock.now(),
    unit: hash.unit(delivery.id, String(attempt.delivery.attempts)),
    alertOpen: alert.state !== 'resolved',
  });
  await committer.commit([put(folded.delivery)], folded.signals, { hold: { claim, next: folded.nextAt } });
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
    event: delivery.event,
    alert,
    installation: config.installation.name,
    environment: config.installation.environment,
    links: linksOf(context, alert),
    repeat,
  };
  try {
    await named(plugins.channels, delivery.channel).deliver(message);
    return null;
  } catch (error) {
    return failureOf(error);
  }
}

function linksOf({ config }: EngineContext, { kind }: Alert): Message['links'] {
  const links = [];
  if (config.runbookUrl !== null)
    links.push({ text: 'Runbook', href: config.runbookUrl.replace('{kind}', kind) });
  if (config.api?.publicUrl) links.push({ text: 'Keywarden', href: config.api.publicUrl });
  return links;
}
