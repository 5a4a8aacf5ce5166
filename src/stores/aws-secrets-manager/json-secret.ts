import { EdgeError } from '../../model/index.ts';
import { parseJson } from '../exchange.ts';
import { type Fields, isFields } from '../marked-fields.ts';

/**
 * A SecretString that is a JSON object.
 *
 * @throws {EdgeError} `malformed_secret`; what stands there is not quoted
 */
export function parseFields(text: string | null, where: string): Fields {
  const parsed = text === null ? null : parseJson(text);
  if (isFields(parsed)) return parsed;
  throw new EdgeError({
    code: 'malformed_secret',
    verdict: 'permanent',
    message: `${where} holds no JSON object; correct it by hand, or leave out field to write the whole secret`,
  });
}
