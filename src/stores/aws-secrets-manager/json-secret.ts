import { EdgeError } from '../../model/index.ts';
import { type Fields, isFields } from '../marked-fields.ts';

/*
 * A SecretString that is a JSON object. Numbers of others that a double cannot hold are kept to the digit
 * (https://tc39.es/proposal-json-parse-with-source/; TypeScript does not know it yet).
 */

type Reviver = (key: string, value: unknown) => unknown;

const rawJson = Reflect.get(JSON, 'rawJSON') as (text: string) => unknown;

const keepNumber = (_key: string, value: unknown, context: { readonly source?: string }) =>
  typeof value === 'number' && context.source !== undefined && String(value) !== context.source
    ? rawJson(context.source)
    : value;

/** @throws {EdgeError} `malformed_secret`; what stands there is not quoted */
export function parseFields(text: string | null, where: string): Fields {
  const parsed = text === null ? null : parseOrNull(text);
  if (isFields(parsed)) return parsed;
  throw new EdgeError({
    code: 'malformed_secret',
    verdict: 'permanent',
    message: `${where} holds no JSON object; correct it by hand, or leave out field to write the whole secret`,
  });
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text, keepNumber as Reviver);
  } catch {
    return null;
  }
}
