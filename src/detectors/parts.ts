import type { Json } from './stored.ts';

/**
 * One part of what a watch remembers, as it is stored: `clock`, `repeats.N`, `story.N`, `detector.KIND`, and for each key
 * `key.ID`, of what changes with its calls, and `key.ID rest`. Its body is JSON: the number of its form, and what it holds.
 *
 * @example ['key.key_9Xc1', '[1,[1760000000000,1760000060000,[["203.0.113.5",1760000000000,1760000060000]],{\n}]]']
 */
export type Part = readonly [name: string, body: string];

export type Stored = { readonly form: number; readonly data: Json };

export const CLOCK = 'clock';
export const REPEATED = 'repeats.';
export const STORY = 'story.';
export const KEY = 'key.';

/** After the name of a key's part: what seldom changes of it. No id of a key has a blank. */
export const REST = ' rest';

/** The forms of the parts that are no detector's. */
export const FORMS = { clock: 1, repeats: 1, story: 1, key: 1, rest: 1 } as const;

/** The name of a detector's part. */
export const nameOf = (kind: string): string => `detector.${kind}`;

export const bodyOf = (form: number, data: Json): string => JSON.stringify([form, data]);

/** @throws {TypeError} where the body is no JSON of that form */
export function parse(body: string): Stored {
  let parsed: Json;
  try {
    parsed = JSON.parse(body);
  } catch {
    throw new TypeError('it is no JSON');
  }
  const [form, data] = Array.isArray(parsed) ? (parsed as readonly Json[]) : [];
  if (typeof form === 'number' && data !== undefined) return { form, data };
  throw new TypeError('it does not say in which form it is');
}
