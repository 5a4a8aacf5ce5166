import { processRefreshTokenResponse } from 'oauth4webapi';
import { DAY, SECOND, Secret } from '../../model/index.ts';
import { field, parseJson } from '../answers.ts';
import type { TokenAnswer } from '../contract.ts';
import { jsonResponse } from './transport.ts';

/** A life longer than this is a mistake of units or sign. */
const LONGEST_LIFE = 3_650 * DAY;

/** RFC 6749, 3.3. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a token endpoint's 200 (RFC 6749, 5.1). oauth4webapi says whether it is right; what it refuses is read as far as
 * that goes, for the tokens in it are good: the server has counted them as delivered. Faults are told without any value.
 * Null where no token is in it. An ID token is not looked at: nothing here relies on one.
 *
 * @param separator What divides scopes at this server besides a space.
 */
export async function readTokens(answer: Secret, separator: ' ' | ','): Promise<TokenAnswer | null> {
  const faults: string[] = [];
  const fields = fieldsOf(answer.reveal(), faults);
  const access = tokenOf(fields, 'access_token', faults);
  const refresh = tokenOf(fields, 'refresh_token', faults);
  if (access === null && refresh === null) return null;
  if (access === null && !faults.some((fault) => fault.startsWith('access_token'))) {
    faults.push('access_token is missing');
  }
  const type = fields.token_type;
  if (type === undefined) faults.push('token_type is missing');
  else if (typeof type !== 'string' || type.toLowerCase() !== 'bearer')
    faults.push('token_type is not Bearer');
  const read = {
    access,
    refresh,
    expiresIn: lifeOf(fields, ['expires_in'], faults),
    refreshExpiresIn: lifeOf(fields, ['refresh_token_expires_in', 'refresh_expires_in'], faults),
    scopes: scopesOf(fields.scope, separator, faults),
  };
  if (faults.length === 0 && !(await conforms(fields)))
    faults.push('it does not follow RFC 6749, section 5.1');
  return { ...read, faults };
}

async function conforms({ id_token: _unused, ...fields }: Fields): Promise<boolean> {
  try {
    await processRefreshTokenResponse(
      { issuer: 'https://unused' },
      { client_id: 'unused' },
      jsonResponse(JSON.stringify(fields)),
    );
    return true;
  } catch {
    // The error holds the answer, tokens and all.
    return false;
  }
}

/** The members of the answer, in whatever form it came. */
function fieldsOf(text: string, faults: string[]): Fields {
  const parsed = parseJson(text);
  if (hasToken(parsed)) return parsed;
  const form = parsed === undefined ? formOf(text) : null;
  if (form !== null) {
    faults.push('it is form-encoded and not JSON');
    return form;
  }
  faults.push(parsed === undefined ? 'it is no JSON' : 'its tokens are not where they belong');
  return membersIn(text);
}

function hasToken(value: unknown): value is Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return field(value, 'access_token') !== undefined || field(value, 'refresh_token') !== undefined;
}

/** As servers answered before it was settled, and a few still do. */
function formOf(text: string): Fields | null {
  if (!/^[\w.~%+*-]+=[^\s{}"]*$/.test(text.trim())) return null;
  const fields = Object.fromEntries(new URLSearchParams(text.trim()));
  return hasToken(fields) ? fields : null;
}

const MEMBER =
  /"(access_token|refresh_token|token_type|expires_in|refresh_token_expires_in|refresh_expires_in|scope)"\s*:\s*("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?)/g;

/** Whole members of an answer that is cut off, wrapped or nested; the first of each name. */
function membersIn(text: string): Fields {
  const found: Record<string, unknown> = {};
  for (const [, name = '', value = ''] of text.matchAll(MEMBER)) {
    const parsed = parseJson(value);
    if (parsed !== undefined && !Object.hasOwn(found, name)) found[name] = parsed;
  }
  return found;
}

function tokenOf(fields: Fields, name: 'access_token' | 'refresh_token', faults: string[]): Secret | null {
  const value = fields[name];
  if (value === undefined) return null;
  // RFC 6749, A.12 and A.17: printable ASCII. What is not could end or forge the header that it stands in.
  if (typeof value === 'string' && /^[\x20-\x7e]+$/.test(value)) return Secret.from(value);
  faults.push(value === '' || value === null ? `${name} is empty` : `${name} is no token`);
  return null;
}

/** Ms of a number of seconds. Null where nothing, or nothing that can be believed, is said. */
function lifeOf(fields: Fields, names: readonly string[], faults: string[]): number | null {
  const name = names.find((each) => fields[each] !== undefined);
  if (name === undefined) return null;
  const value = fields[name];
  const text = typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value);
  const seconds = text ? Number(value) : value;
  // Of a refresh token 0 says that it does not end by itself.
  if (seconds === 0 && name !== 'expires_in') return null;
  if (typeof seconds !== 'number' || !(seconds > 0)) {
    faults.push(`${name} is not a positive number`);
    return null;
  }
  const life = Math.floor(seconds * SECOND);
  if (life > LONGEST_LIFE) {
    faults.push(`${name} is beyond ten years`);
    return null;
  }
  if (text) faults.push(`${name} is text and not a number`);
  return life;
}

function scopesOf(value: unknown, separator: ' ' | ',', faults: string[]): readonly string[] | null {
  if (value === undefined) return null;
  const list = Array.isArray(value) && value.every((each) => typeof each === 'string');
  if (!list && typeof value !== 'string') {
    faults.push('scope is not text');
    return null;
  }
  if (list) faults.push('scope is a list and not text');
  const text = list ? value.join(' ') : String(value);
  if (separator !== ',' && text.includes(',')) faults.push('scope has commas between its parts');
  const parts = [...new Set(text.split(/[\s,]+/).filter((part) => part !== ''))];
  const scopes = parts.filter((part) => SCOPE.test(part));
  if (scopes.length < parts.length) faults.push('scope has signs that no scope can have');
  if (scopes.length > 0) return scopes;
  faults.push('scope is empty');
  return null;
}
