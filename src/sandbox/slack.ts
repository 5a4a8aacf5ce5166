import { type Call, type Handler, isObject, objectIn, text } from './http.ts';
import { Inbox } from './inbox.ts';
import { token } from './random.ts';
import { blocksFit } from './slack-blocks.ts';

/** One message as it was posted. */
export type SlackMessage = {
  /** By the sandbox's clock. */
  readonly receivedAt: number;
  /** The fallback text; empty where only blocks were sent. */
  readonly text: string;
  readonly payload: Readonly<Record<string, unknown>>;
};

/** The incoming webhook of one Slack app: posts JSON in, the text `ok` out. */
export class Slack {
  /** Its last parts are the secret. */
  readonly path = `/services/T${digits()}/B${digits()}/${token(24)}`;
  readonly inbox = new Inbox<SlackMessage>('Slack message');
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  readonly handle: Handler = (call) => {
    if (call.path !== this.path) return text(404, 'no_service');
    if (call.method !== 'POST') return text(405, 'method_not_allowed');
    const payload = payloadOf(call);
    if (payload === null) return text(400, 'invalid_payload');
    const said = payload.text ?? '';
    if (typeof said !== 'string') return text(400, 'invalid_payload');
    if (payload.blocks !== undefined && !blocksFit(payload.blocks)) return text(400, 'invalid_blocks');
    if (attachmentCount(payload) > 100) return text(400, 'too_many_attachments');
    if (said === '' && payload.blocks === undefined && attachmentCount(payload) === 0) {
      return text(400, 'no_text');
    }
    this.inbox.add({ receivedAt: this.#now(), text: said, payload });
    return text(200, 'ok');
  };
}

/** The body is the JSON itself or, in the old way, a form with the JSON in `payload`. */
function payloadOf(call: Call): Record<string, unknown> | null {
  if (call.tooLarge) return null;
  if (!(call.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) {
    return objectIn(call.body);
  }
  const form = new URLSearchParams(call.body.toString('utf8')).get('payload');
  return objectIn(Buffer.from(form ?? call.body.toString('utf8'), 'utf8'));
}

function attachmentCount(payload: Readonly<Record<string, unknown>>): number {
  return Array.isArray(payload.attachments) ? payload.attachments.filter(isObject).length : 0;
}

function digits(): string {
  return token(9).toUpperCase();
}
