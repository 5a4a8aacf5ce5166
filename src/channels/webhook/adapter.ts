import { EdgeError, type PluginContext, SECOND } from '../../model/index.ts';
import { refusal, secretFault } from '../answer.ts';
import type { Channel, Message } from '../contract.ts';
import { bodyOf } from './body.ts';
import type { WebhookConfig } from './schema.ts';
import { keyOf, signatureOf } from './sign.ts';

/**
 * A signed call to any address, for a SIEM or a chat tool: Standard Webhooks 1.0.0 (https://www.standardwebhooks.com).
 *
 * `webhook-id` is the delivery's own: the receiver folds what comes twice by it. Any 2xx means that it was taken; what
 * the answer says is not read.
 */
export function create(context: PluginContext<WebhookConfig>): Channel {
  return {
    deliver: (message) => deliver(context, message),
    async close() {},
  };
}

async function deliver(context: PluginContext<WebhookConfig>, message: Message): Promise<void> {
  const { name, config, net, clock } = context;
  const key = await signingKey(context);
  const body = JSON.stringify(bodyOf(message));
  const timestamp = Math.floor(clock.now() / SECOND);
  const { status, headers } = await net.request({
    method: 'POST',
    url: config.url,
    headers: {
      'content-type': 'application/json',
      'webhook-id': message.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signatureOf({ id: message.id, timestamp, body }, key),
    },
    body,
    deadlineMs: config.timeout,
  });
  if (status >= 200 && status < 300) return;
  const hint = `check url and signingSecret of channel ${name}, and whether its receiver still wants these messages`;
  const answer = { status, retryAfter: headers['retry-after'] ?? null, now: clock.now() };
  throw new EdgeError(refusal(`the receiver of channel ${name}`, answer, hint));
}

/** Read anew for each message, so that a changed one serves at once. */
async function signingKey({ name, config }: PluginContext<WebhookConfig>): Promise<Buffer> {
  const secret = await config.signingSecret.read().catch((error: unknown) => {
    throw secretFault(error);
  });
  const key = keyOf(secret.reveal());
  if (key !== null) return key;
  throw new EdgeError({
    code: 'bad_signing_secret',
    verdict: 'permanent',
    message: `the signing secret of channel ${name} in ${config.signingSecret.where} cannot be used: what follows whsec_ must be base64`,
  });
}
