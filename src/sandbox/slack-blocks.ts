import { isObject } from './http.ts';

/*
 * Block Kit's limits (Slack's reference, "Blocks"), for the blocks that alerts are made of. Slack answers
 * `invalid_blocks` past any of them and posts nothing.
 */

const LIMITS: Readonly<Record<string, (block: Record<string, unknown>) => boolean>> = {
  header: ({ text }) => textFits(text, 150, ['plain_text']),
  section: ({ text, fields }) =>
    (text !== undefined || fields !== undefined) &&
    (text === undefined || textFits(text, 3000)) &&
    (fields === undefined || listFits(fields, 10, (field) => textFits(field, 2000))),
  context: ({ elements }) =>
    listFits(
      elements,
      10,
      (element) => isObject(element) && (element.type === 'image' || textFits(element, 3000)),
    ),
  actions: ({ elements }) => listFits(elements, 25, (element) => isObject(element) && buttonFits(element)),
  divider: () => true,
};

/** True where Slack would take `blocks`; of a type not listed here only the outer form is looked at. */
export function blocksFit(blocks: unknown): boolean {
  return listFits(blocks, 50, (block) => {
    if (!isObject(block) || typeof block.type !== 'string') return false;
    if (typeof block.block_id === 'string' && block.block_id.length > 255) return false;
    return LIMITS[block.type]?.(block) ?? true;
  });
}

function textFits(
  value: unknown,
  longest: number,
  types: readonly unknown[] = ['plain_text', 'mrkdwn'],
): boolean {
  if (!isObject(value) || !types.includes(value.type) || typeof value.text !== 'string') return false;
  return value.text.length >= 1 && value.text.length <= longest;
}

function buttonFits(element: Record<string, unknown>): boolean {
  if (element.type !== 'button') return true;
  const { url } = element;
  const urlFits = url === undefined || (typeof url === 'string' && url.length <= 3000 && URL.canParse(url));
  return urlFits && textFits(element.text, 75, ['plain_text']);
}

function listFits(value: unknown, longest: number, fits: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.length >= 1 && value.length <= longest && value.every(fits);
}
