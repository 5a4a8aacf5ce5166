import type { HandOutRequest, TakenOver } from '../../engine/grants/contract.ts';
import { parseDuration, SECOND, Secret } from '../../model/index.ts';
import { badRequest } from '../problem.ts';
import type { Request } from '../router.ts';

/** The longest name an application may have for its user; in characters. */
const LONGEST_SUBJECT = 255;

/** No refresh token is longer, in characters. */
const LONGEST_TOKEN = 16_384;

/** How long a caller waits for a refresh where it does not say, and at most; ms. */
const PATIENCE = { usual: 20 * SECOND, longest: 60 * SECOND };

/** Members of bodies, as the OpenAPI document shows them. */
export const SUBJECT = { type: 'string', minLength: 1, maxLength: LONGEST_SUBJECT };
export const SCOPE = { type: 'string', description: 'scopes divided by spaces' };
export const TOKEN = { type: 'string', maxLength: LONGEST_TOKEN, writeOnly: true };

/**
 * Who the user is to the application: any text of up to 255 characters.
 * @throws {Problem} 400
 */
export function subjectOf(value: unknown): string {
  const fault = subjectFault(value);
  if (fault !== null) throw badRequest(fault);
  return value as string;
}

/** Why this names no user; null where it does. */
function subjectFault(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return 'subject must be text that names the user';
  if ([...value].length > LONGEST_SUBJECT) return `subject must have ${LONGEST_SUBJECT} characters at most`;
  return value.isWellFormed() && !value.includes('\0') ? null : 'subject must be Unicode text without NUL';
}

/** RFC 6749, A.17. */
function tokenFault(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return 'refreshToken must be the refresh token';
  if (value.length > LONGEST_TOKEN) return `refreshToken must have ${LONGEST_TOKEN} characters at most`;
  return /^[\x20-\x7e]+$/.test(value) ? null : 'refreshToken must be printable ASCII (RFC 6749)';
}

/** Scopes divided by spaces; null where nothing is said of them. */
function scopeFault(value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const fits =
    typeof value === 'string' && value.length <= 4_096 && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(value);
  return fits && value.trim() !== '' ? null : 'scope must be scopes divided by spaces, such as "a b"';
}

/** @throws {Problem} 400 */
function scopesIn(value: string | null | undefined): readonly string[] | null {
  const fault = scopeFault(value);
  if (fault !== null) throw badRequest(fault);
  return value === null || value === undefined ? null : value.split(' ').filter((scope) => scope !== '');
}

/** What a caller of `…/access-token` asks for. @throws {Problem} 400 */
export function handOutRequest({ query, signal }: Request): HandOutRequest {
  const patienceMs = parseDuration(query.get('wait') ?? `${PATIENCE.usual}ms`);
  if (patienceMs === null || patienceMs > PATIENCE.longest)
    throw badRequest('wait must be a duration of at most 60s');
  return {
    scopes: scopesIn(query.get('scope')),
    rejected: rejectedIn(query.get('rejected')),
    patienceMs,
    signal,
  };
}

function rejectedIn(text: string | null): number | null {
  if (text === null) return null;
  const version = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (version > 0) return version;
  throw badRequest('rejected must be the version of the token that was refused, such as 3');
}

/** Reads one grant that moves in, or says why it cannot: in words that hold nothing of it. */
export function entryOf(value: unknown): TakenOver | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'it is no JSON object';
  const { subject, refreshToken, scope, ...rest } = value as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return 'it has other members than subject, refreshToken and scope';
  const fault = subjectFault(subject) ?? tokenFault(refreshToken) ?? scopeFault(scope);
  if (fault !== null) return fault;
  return {
    subject: subject as string,
    refreshToken: Secret.from(refreshToken as string),
    scopes: scopesIn(scope as string | null | undefined),
  };
}
