import type { PagerDutyEvent, SlackMessage } from '../sandbox/index.ts';

type Text = { readonly text?: unknown };
type Block = {
  readonly type?: unknown;
  readonly text?: Text;
  readonly fields?: readonly Text[];
  readonly elements?: readonly Text[];
};

/** The detail that a responder reads first. */
const ACTION = 'what to do';

const ENTITIES: Readonly<Record<string, string>> = { '&lt;': '<', '&gt;': '>', '&amp;': '&' };

/** A Slack message as Slack would show it: one entry a paragraph, the headline first. */
export function slackParagraphs({ payload, text }: SlackMessage): readonly string[] {
  const blocks = Array.isArray(payload.blocks) ? (payload.blocks as readonly Block[]) : [];
  const paragraphs = blocks.flatMap((block) => [
    ...(block.fields === undefined ? [] : [block.fields.map(field).join(' · ')]),
    ...(block.text === undefined ? [] : shown(block.text).split('\n')),
    ...(block.type === 'context' ? (block.elements ?? []).map(shown) : []),
  ]);
  return paragraphs.length > 0 ? paragraphs : [text];
}

/** `*Key*` above `key_1` becomes `Key: key_1`. */
function field(entry: Text): string {
  return shown(entry).replace('\n', ': ');
}

function shown({ text }: Text): string {
  return String(text ?? '')
    .replace(/\*([^*\n]+)\*/g, '$1')
    .replace(/&(?:lt|gt|amp);/g, (entity) => ENTITIES[entity] ?? entity);
}

/** An event as PagerDuty took it: what it does to which incident, its summary, its details. Long lists are cut. */
export function pagerdutyParagraphs({ action, dedupKey, payload }: PagerDutyEvent): readonly string[] {
  const summary = String(payload?.summary ?? '');
  const severity = payload?.severity;
  const details = (payload?.custom_details ?? {}) as Readonly<Record<string, unknown>>;
  const head = [action, severity, cut(dedupKey, 64)].filter((part) => part !== undefined && part !== '');
  const pairs = Object.entries(details)
    .filter(([name, value]) => name !== ACTION && !summary.includes(String(value)))
    .map(([name, value]) => `${name}: ${cut(String(value), 70)}`);
  return [
    head.join(' · '),
    ...(summary === '' ? [] : [summary]),
    ...(ACTION in details ? [`${ACTION}: ${details[ACTION]}`] : []),
    ...(pairs.length === 0 ? [] : [pairs.join(' · ')]),
  ];
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}

/**
 * Breaks text between words so that no line is longer than `width`; a longer word stands alone, cut.
 *
 * @example wrapped('one two three', 7) // ['one two', 'three']
 */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ').flatMap((each) => pieces(each, width))) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function pieces(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word];
  return [word.slice(0, width), ...pieces(word.slice(width), width)];
}
