import type { Message } from '../../../src/channels/contract.ts';
import { alertEvent, changeEvent, isChange } from '../../../src/channels/pagerduty/event.ts';
import type { Posted } from '../../../src/channels/slack/fake.ts';
import { layout } from '../../../src/channels/slack/layout.ts';

/** What a person reads in Slack, and what PagerDuty is sent, of one message: for a snapshot that is read as text. */
export function textOf(message: Message, now: number): string {
  const posted = layout(message, now) as Posted;
  const body = bodyOf(message, now);
  return [
    '=== Slack ===',
    ...(posted.blocks ?? []).map(blockText),
    '',
    isChange(message) ? '=== PagerDuty, a change event ===' : '=== PagerDuty ===',
    JSON.stringify(body, null, 2),
    '',
  ].join('\n');
}

/** The event without what has nothing to do with the alert. */
function bodyOf(message: Message, now: number): object {
  return (isChange(message) ? changeEvent : alertEvent)(message, 'ROUTING-KEY', now);
}

type Block = NonNullable<Posted['blocks']>[number];

function blockText({ type, text, fields = [], elements = [] }: Block): string {
  const shown = (part: string | { readonly text: string }) =>
    (typeof part === 'string' ? part : part.text).replaceAll('&lt;', '<').replaceAll('&gt;', '>');
  if (type === 'header') return `# ${shown(text ?? '')}`;
  if (fields.length > 0) return fields.map((field) => `  ${shown(field).replace('\n', ' ')}`).join('\n');
  if (type === 'actions') return elements.map((one) => `[${shown(one.text)}] ${one.url}`).join('  ');
  return text === undefined ? `-- ${elements.map((one) => shown(one.text)).join(' ')}` : shown(text);
}
