import { type Answer, type ChannelFake, channelFake, type Received } from '../fake.ts';

type Text = { readonly type: string; readonly text: string };
type Block = {
  readonly type: string;
  readonly text?: Text;
  readonly fields?: readonly Text[];
  readonly elements?: ReadonlyArray<Text & { readonly text: string | Text; readonly url?: string }>;
};
export type Posted = { readonly text?: string; readonly blocks?: readonly Block[] };

export type SlackFake = ChannelFake & {
  /** The messages it took, in order. */
  readonly posted: readonly Posted[];
};

/** Slack's incoming webhook at `path`, with its words (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). */
export function slackFake(path: string): SlackFake {
  const posted: Posted[] = [];
  const fake = channelFake((request) => {
    if (request.path !== path) return plain(404, 'no_service');
    const message = parse(request);
    if (message === null) return plain(400, 'invalid_payload');
    const fault = faultOf(message);
    if (fault !== null) return plain(400, fault);
    posted.push(message);
    return plain(200, 'ok');
  });
  return { ...fake, posted };
}

function plain(status: number, body: string): Answer {
  return { status, headers: { 'content-type': 'text/html' }, body };
}

function parse({ contentType, body }: Received): Posted | null {
  if (!contentType.startsWith('application/json')) return null;
  try {
    return JSON.parse(body) as Posted;
  } catch {
    return null;
  }
}

/** The limits of Block Kit (https://docs.slack.dev/reference/block-kit/blocks). */
export function faultOf({ text = '', blocks = [] }: Posted): string | null {
  if (text === '' && blocks.length === 0) return 'no_text';
  if (blocks.length > 50) return 'invalid_blocks';
  return blocks.every(fits) ? null : 'invalid_blocks';
}

function fits({ type, text, fields = [], elements = [] }: Block): boolean {
  if (type === 'header') return text?.type === 'plain_text' && sized(text, 150);
  if (type === 'section') {
    const some = text !== undefined || fields.length > 0;
    return (
      some &&
      (text === undefined || sized(text, 3_000)) &&
      fields.length <= 10 &&
      fields.every((one) => sized(one, 2_000))
    );
  }
  if (type === 'context') return elements.length <= 10 && elements.every((one) => sized(one, 3_000));
  return (
    type === 'actions' &&
    elements.length <= 25 &&
    elements.every(({ text: label, url }) => {
      return sized(label, 75) && (url ?? '').length <= 3_000;
    })
  );
}

function sized(part: string | Text | { readonly text: string | Text }, most: number): boolean {
  const text = typeof part === 'string' ? part : part.text;
  if (typeof text !== 'string') return sized(text, most);
  return text.length > 0 && text.length <= most;
}
