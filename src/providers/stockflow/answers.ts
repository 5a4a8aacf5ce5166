import type { NetResponse } from '../../model/index.ts';
import { commonMeaning, field, type Meaning, parseJson, unusableAnswer } from '../answers.ts';

/*
 * What StockFlow answers, read without trust. All that its public page leaves open is assumed here and in adapter.ts.
 * No message quotes an answer: it can hold a key.
 */

/** Where a person makes, changes and revokes keys. */
export const DASHBOARD = "StockFlow's dashboard under Settings > Integrations";

/**
 * What an answer that is no success means. 403: the key itself was accepted, but without `read_media` it may not search,
 * and a search is all that Keywarden can test it by or keep it alive with.
 */
export function meaning(_target: string, { status }: NetResponse): Meaning {
  if (status !== 403) return commonMeaning(status);
  const what = `the key is accepted but lacks the permission read_media, by which Keywarden tests and keeps alive a key; give it that, or make a key that has it, in ${DASHBOARD}`;
  return ['forbidden', 'permanent', what];
}

/**
 * Takes the documented answer to a search for what it is. Any other 200 comes from something that is not StockFlow and
 * proves nothing of the key.
 *
 * @throws {EdgeError} `unusable_answer`
 */
export function checkSearch(target: string, response: NetResponse): void {
  const body = parseJson(response.body.toString());
  const status = field(body, 'status');
  const documented = Array.isArray(field(body, 'results')) && (status === undefined || status === 200);
  if (!documented) throw unusableAnswer('StockFlow', target, 'it is no result of a search (status, results)');
}
