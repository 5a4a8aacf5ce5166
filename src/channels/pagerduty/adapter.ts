import { change, event } from '@pagerduty/pdjs';
import { EdgeError, type Failure, type PluginContext, SECOND } from '../../model/index.ts';
import { refusal, secretFault } from '../answer.ts';
import type { Channel, Message } from '../contract.ts';
import { type Bridged, bridge } from './bridge.ts';
import { alertEvent, type ClientEvent, changeEvent, isChange, minimalEvent } from './event.ts';
import type { PagerdutyConfig } from './schema.ts';

/** How an exchange went, which the client does not say. */
type Seen = { accepted: boolean; status: number | null; failure: Failure | null };

/** So many messages that PagerDuty refused in full are remembered; one that is forgotten is refused once more. */
const REMEMBERED = 1_000;

/**
 * PagerDuty by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview).
 *
 * The client sets no deadline of its own, takes a 400 for success, repeats a 429 every 20 s and follows a redirect
 * with the routing key in the body. Its requests go over the channel's own connection ({@link bridge}), and it gets
 * to see a 202 or a cut connection and nothing else.
 */
export function create(context: PluginContext<PagerdutyConfig>): Channel {
  const refused = new Set<string>();
  return {
    deliver: (message) => deliver(context, message, refused),
    async close() {},
  };
}

/**
 * What PagerDuty answers 400 to is never sent as it was again: somebody is woken by the least that it may not refuse, and
 * where it refuses that too, the message is lost on this channel.
 *
 * @param refused the ids of messages that it has refused in full
 */
async function deliver(
  context: PluginContext<PagerdutyConfig>,
  message: Message,
  refused: Set<string>,
): Promise<void> {
  const secret = await context.config.routingKey.read().catch((error: unknown) => {
    throw secretFault(error);
  });
  const key = secret.reveal();
  const whole = refused.has(message.id)
    ? null
    : await attempt(context, message, eventOf(message, key, context.clock.now()));
  if (whole?.accepted) return;
  const again = whole === null || (whole.status === 400 && message.event === 'trigger');
  if (whole !== null && again) {
    remember(refused, message.id);
    context.log.warn(
      { alert: message.alert.id, kind: message.alert.kind },
      'PagerDuty refused an event (400); a minimal one with the same dedup key goes in its place',
    );
  }
  const last = again ? await attempt(context, message, minimalEvent(message, key)) : whole;
  const failure = last.accepted ? null : (last.failure ?? noAnswer(context.name));
  // It does not come again.
  if (failure === null || failure.verdict === 'permanent') refused.delete(message.id);
  if (failure !== null) throw new EdgeError(failure);
}

function remember(refused: Set<string>, id: string): void {
  refused.add(id);
  const [oldest] = refused;
  if (refused.size > REMEMBERED && oldest !== undefined) refused.delete(oldest);
}

function eventOf(message: Message, key: string, now: number): ClientEvent {
  return isChange(message) ? changeEvent(message, key, now) : alertEvent(message, key, now);
}

async function attempt(
  context: PluginContext<PagerdutyConfig>,
  message: Message,
  data: ClientEvent,
): Promise<Seen> {
  const { config } = context;
  const seen: Seen = { accepted: false, status: null, failure: null };
  const calledOff = new AbortController();
  const options = {
    server: config.eventsUrl.replace(/^https?:\/\//, ''),
    agent: bridge((request) => forward(context, request, seen, calledOff.signal)),
    requestTimeout: 0,
    // The connection's own deadline comes first, and knows whether anything was sent.
    timeout: config.timeout + SECOND,
    redirect: 'error' as const,
    signal: calledOff.signal,
    data,
  };
  const send = isChange(message) ? async () => change(options) : async () => event(options);
  // Its errors hold the request: what became of it is read from `seen` alone.
  await send().catch(() => null);
  calledOff.abort();
  return seen;
}

/** Sends what the client wrote. 202: PagerDuty has queued the event. */
async function forward(
  context: PluginContext<PagerdutyConfig>,
  request: Bridged,
  seen: Seen,
  signal: AbortSignal,
): Promise<Buffer | null> {
  const { config, net } = context;
  try {
    const { status, headers, body } = await net.request({
      method: 'POST',
      url: `${new URL(config.eventsUrl).origin}${request.path}`,
      headers: { 'content-type': request.contentType, accept: 'application/json' },
      body: request.body,
      deadlineMs: config.timeout,
      signal,
    });
    seen.status = status;
    seen.accepted = status === 202;
    if (seen.accepted) return body;
    const hint = `check routingKey and eventsUrl of channel ${context.name}: an Events API v2 integration is needed`;
    const answer = { status, retryAfter: headers['retry-after'] ?? null, now: context.clock.now() };
    seen.failure = refusal('PagerDuty', answer, hint);
  } catch (error) {
    if (error instanceof EdgeError) seen.failure = error.failure;
  }
  return null;
}

function noAnswer(channel: string): Failure {
  return {
    code: 'no_answer',
    verdict: 'unknown',
    message: `PagerDuty did not answer channel ${channel} in time; the event is sent again under the same dedup key`,
  };
}
