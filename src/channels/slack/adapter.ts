import { IncomingWebhook, type IncomingWebhookSendArguments } from '@slack/webhook';
import { plaintextFault } from '../../model/fields.ts';
import { EdgeError, type Failure, type PluginContext, SECOND } from '../../model/index.ts';
import { refusal, secretFault } from '../answer.ts';
import type { Channel } from '../contract.ts';
import { layout, layoutBundle } from './layout.ts';
import type { SlackConfig } from './schema.ts';

/** What the client hides or drops of an exchange. */
type Seen = { status: number | null; retryAfter: string | null; failure: Failure | null };

/**
 * Slack by an incoming webhook (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
 *
 * The client shows the webhook's URL, which is the secret, wherever it or its errors are printed: it lives for one
 * message, and nothing it throws goes further than this file.
 */
export function create(context: PluginContext<SlackConfig>): Channel {
  return {
    deliver: (message) => post(context, layout(message, context.clock.now())),
    deliverBundle: (message) => post(context, layoutBundle(message)),
    async close() {},
  };
}

async function post(
  context: PluginContext<SlackConfig>,
  payload: IncomingWebhookSendArguments,
): Promise<void> {
  const url = await webhookUrl(context);
  const seen: Seen = { status: null, retryAfter: null, failure: null };
  const client = new IncomingWebhook(url, {
    fetch: watched(context.net.fetch, seen),
    // The connection's own deadline comes first, and knows whether anything was sent.
    timeout: context.config.timeout + SECOND,
    // The client would post again after an answer that was cut, and so twice.
    retryConfig: { retries: 0 },
  });
  const body = await client.send(payload).then(
    ({ text }) => text,
    () => null,
  );
  // Any 2xx would pass for success with the client; Slack says `ok`.
  if (body?.trim() === 'ok') return;
  throw new EdgeError(failureOf(context.name, seen, context.clock.now()));
}

/** The client drops the Retry-After header and wraps what the connection throws: both are read on the way. */
function watched(fetch: typeof globalThis.fetch, seen: Seen): typeof globalThis.fetch {
  return async (input, init) => {
    try {
      const response = await fetch(input, init);
      seen.status = response.status;
      seen.retryAfter = response.headers.get('retry-after');
      return response;
    } catch (error) {
      if (error instanceof EdgeError) seen.failure = error.failure;
      throw error;
    }
  };
}

function failureOf(channel: string, seen: Seen, now: number): Failure {
  if (seen.failure !== null) return seen.failure;
  if (seen.status === null) {
    return {
      code: 'no_answer',
      verdict: 'unknown',
      message: `Slack did not answer channel ${channel} in time; the message may have arrived`,
    };
  }
  return refusal(
    'Slack',
    { status: seen.status, retryAfter: seen.retryAfter, now },
    `check that the webhook of channel ${channel} still exists and its Slack channel is not archived`,
  );
}

async function webhookUrl({ name, config }: PluginContext<SlackConfig>): Promise<string> {
  const secret = await config.webhookUrl.read().catch((error: unknown) => {
    throw secretFault(error);
  });
  const url = secret.reveal();
  const fault = URL.canParse(url) ? plaintextFault(url, config.allowPlaintextLoopback) : 'it is no URL';
  if (fault === null) return url;
  throw new EdgeError({
    code: 'bad_webhook_url',
    verdict: 'permanent',
    message: `the webhook URL of channel ${name} in ${config.webhookUrl.where} cannot be used: ${fault}`,
  });
}
