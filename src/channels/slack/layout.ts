import type { IncomingWebhookSendArguments } from '@slack/webhook';
import { type Line, renderBundle } from '../../alerting/digest.ts';
import { type Rendered, render } from '../../alerting/render.ts';
import { bounded } from '../../alerting/text.ts';
import type { BundleMessage, Message } from '../contract.ts';
import { safeLinks } from '../links.ts';
import { masked } from '../masked.ts';

/*
 * Block Kit (https://docs.slack.dev/reference/block-kit): a header takes 150 characters, a field 2,000, a section
 * 3,000, a button 75. The lengths here are those on the wire and keep a whole message below 10,000 characters.
 */
const HEADER = 150;
const FIELD = 350;
const SECTION = 2_800;
/** Ten of them and the rest fit into a section. */
const LINE = 220;
const ID = 60;
const CONTEXT = 600;
const BUTTON = 75;
const LINKS = 2;

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
/** Breaks the names that call everybody; without `<` no other mention is possible. */
const BROADCAST = /@(?=here|channel|everyone)/gi;
const WORD_JOINER = '\u2060';

type Blocks = NonNullable<IncomingWebhookSendArguments['blocks']>;

/** A message as Slack takes it: at most five blocks, and a line for notifications. */
export function layout(given: Message, now: number): IncomingWebhookSendArguments {
  const message = masked(given);
  const { event, alert, installation, environment } = message;
  const rendered = render(alert, { event, installation, environment, now });
  const full = event === 'trigger';
  return {
    text: plain(rendered.headline, HEADER),
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: full ? fullBlocks(message, rendered) : shortBlocks(message, rendered),
  };
}

/** Several alerts in one message: a line for each of the gravest, what is over among them, how many more there are. */
export function layoutBundle(given: BundleMessage): IncomingWebhookSendArguments {
  const message = masked(given);
  const rendered = renderBundle(message.bundle);
  const headline = plain(rendered.headline, HEADER);
  const lines = rendered.lines.map((line) => `• ${bundleLine(line)}`);
  const rest = rendered.rest === null ? [] : [plain(rendered.rest, FIELD)];
  const links = safeLinks(message.links, LINKS);
  const where = bounded(`${message.installation}/${message.environment}`, 130);
  const repeat = message.repeat ? 'Possible repeat · ' : '';
  const context = `${rendered.context} · ${where}${runbookPlace(message)}`;
  return {
    text: headline,
    link_names: false,
    unfurl_links: false,
    unfurl_media: false,
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: headline, emoji: false } },
      { type: 'section', text: mrkdwn([...lines, ...rest].join('\n')) },
      { type: 'context', elements: [mrkdwn(`${repeat}${plain(context, CONTEXT)}`)] },
      ...(links.length === 0 ? [] : [buttons(links)]),
    ],
  };
}

/** Where there is not room for both it is the verdict that is cut: without the id nobody can take the alert on. */
function bundleLine({ verdict, id }: Line): string {
  const end = ` · ${plain(id, ID)}`;
  return `${plain(verdict, LINE - end.length)}${end}`;
}

function fullBlocks(message: Message, rendered: Rendered): Blocks {
  const action = rendered.action === null ? '' : `\n*What to do:* ${plain(rendered.action, SECTION / 2)}`;
  const links = safeLinks(message.links, LINKS);
  const fields = rendered.facts.map(({ label, value }) =>
    mrkdwn(`*${plain(label, FIELD / 2)}*\n${plain(value, FIELD)}`),
  );
  return [
    { type: 'header', text: { type: 'plain_text', text: plain(rendered.headline, HEADER), emoji: false } },
    // A section without fields is none to Slack: it refuses the message.
    ...(fields.length === 0 ? [] : [{ type: 'section' as const, fields }]),
    {
      type: 'section',
      text: mrkdwn(`${plain(rendered.body.trim() || rendered.headline, SECTION / 2)}${action}`),
    },
    contextBlock(message, rendered),
    ...(links.length === 0 ? [] : [buttons(links)]),
  ];
}

/** The end of an alert, or that somebody has taken it on. */
function shortBlocks(message: Message, rendered: Rendered): Blocks {
  const text = `*${plain(rendered.headline, 2 * HEADER)}*\n${plain(rendered.body, SECTION / 2)}`;
  return [{ type: 'section', text: mrkdwn(text) }, contextBlock(message, rendered)];
}

function contextBlock(message: Message, rendered: Rendered): Blocks[number] {
  const where = bounded(`${message.installation}/${message.environment}`, 130);
  const repeat = message.repeat ? 'Possible repeat · ' : '';
  const context = `Alert ${rendered.context} · ${where}${runbookPlace(message)}`;
  return { type: 'context', elements: [mrkdwn(`${repeat}${plain(context, CONTEXT)}`)] };
}

/** With an address it is a button. */
function runbookPlace({ runbook }: Pick<Message, 'runbook'>): string {
  return URL.canParse(runbook) ? '' : ` · runbook: ${bounded(runbook, 130)}`;
}

function buttons(links: Message['links']): Blocks[number] {
  return {
    type: 'actions',
    elements: links.map(({ text, href }) => ({
      type: 'button' as const,
      text: {
        type: 'plain_text' as const,
        text: plain(bounded(text.trim() || 'Open', BUTTON), BUTTON),
        emoji: false,
      },
      url: href,
    })),
  };
}

/** `verbatim`: Slack turns nothing in it into a link or a mention by itself. */
function mrkdwn(text: string) {
  return { type: 'mrkdwn' as const, text, verbatim: true };
}

/** Text that means nothing to Slack, cut between characters so that it takes at most `max` on the wire. */
function plain(text: string, max: number): string {
  const calm = text.replace(BROADCAST, `@${WORD_JOINER}`);
  const whole = calm.replace(/[&<>]/g, (char) => ESCAPES[char] ?? char);
  if (JSON.stringify(whole).length - 2 <= max) return whole;
  let cut = '';
  let length = 1;
  for (const char of calm) {
    const piece = ESCAPES[char] ?? char;
    length += char === '"' || char === '\\' ? 2 : piece.length;
    if (length > max) break;
    cut += piece;
  }
  return `${cut}…`;
}
