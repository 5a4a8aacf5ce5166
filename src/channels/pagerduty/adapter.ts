import { change, event } from '@pagerduty/pdjs';
import { EdgeError, type Failure, type PluginContext, SECOND } from '../../model/index.ts';
import { refusal, secretFault } from '../answer.ts';
import type { Channel, Message } from '../contract.ts';
import { type Bridged, bridge } from './bridge.ts';
import { alertEvent, changeEvent, isChange } from './event.ts';
import type { PagerdutyConfig } from './schema.ts';

/** How the exchange went, which the client does not say. */
type Seen = { accepted: boolean; failure: Failure | null };

/**
 * PagerDuty by its Events API v2 (https://developer.pagerduty.com/docs/events-api-v2-overview).
 *
 * The client sets no deadline of its own, takes a 400 for success, repeats a 429 every 20 s and follows a redirect
 * with the routing key in the body. Its requests go over the channel's own connection ({@link bridge}), and it gets
 * to see a 202 or a cut connection and nothing else.
 */
export function create(context: PluginContext<PagerdutyConfig>): Channel {
  return {
    deliver: (message) => deliver(context, message),
    async close() {},
  };
}

async function deliver(context: PluginContext<PagerdutyConfig>, message: Message): Promise<void> {
  const { config } = context;
  const secret = await config.routingKey.read().catch((error: unknown) => {
    throw secretFault(error);
  });
  const now = context.clock.now();
  const seen: Seen = { accepted: false, failure: null };
  const calledOff = new AbortController();
  const options = {
    server: config.eventsUrl.replace(/^https?:\/\//, ''),
    agent: bridge((request) => forward(context, request, seen, calledOff.signal)),
    requestTimeout: 0,
    // The connection's own deadline comes first, and knows whether anything was sent.
    timeout: config.timeout + SECOND,
    redirect: 'error' as const,
    signal: calledOff.signal,
  };
  const key = secret.reveal();
  const send = isChange(message)
    ? async () => change({ ...options, data: changeEvent(message, key, now) })
    : async () => event({ ...options, data: alertEvent(message, key, now) });
  // Its errors hold the request: what became of it is read from `seen` alone.
  await send().catch(() => null);
  calledOff.abort();
  if (!seen.accepted) throw new EdgeError(seen.failure ?? noAnswer(context.name));
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
    seen.accepted = status === 202;
    if (seen.accepted) return body;
    const hint = `check routingKey and eventsUrl of channel ${context.name}: an Events API v2 integration is needed`;
    seen.failure = refusal('PagerDuty', { status, retryAfter: headers['retry-after'] ?? null }, hint);
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
