import { formatTime } from '../model/index.ts';
import { nearest } from '../model/nearest.ts';
import { MOMENT_EXPECTED, parseMoment } from './moment.ts';
import { badRequest, notFound } from './problem.ts';

type Body = Readonly<Record<string, unknown>>;

/** A text of a body, unless it says otherwise; in characters. */
const LONGEST_TEXT = 500;

/** Members that several routes take, as the OpenAPI document shows them. */
export const REASON = { type: 'string', maxLength: LONGEST_TEXT };
export const MOMENT = { type: 'string', description: MOMENT_EXPECTED };

/** Parameters of every list. */
export const PAGE = { cursor: { type: 'string' }, limit: { type: 'integer', minimum: 1, maximum: 500 } };

/** Refuses members that the route does not know. @throws {Problem} 400 */
export function only(body: Body, names: readonly string[]): void {
  for (const key of Object.keys(body)) {
    if (names.includes(key)) continue;
    const near = nearest(key, names);
    throw badRequest(
      `unknown member ${JSON.stringify(key.slice(0, 60))}${near ? `; did you mean ${near}?` : ''}`,
    );
  }
}

/**
 * Refuses parameters that the route does not know, or that come twice: a misspelt `scope` must not give all scopes.
 * @throws {Problem} 400
 */
export function onlyOnce(query: URLSearchParams, names: readonly string[]): void {
  for (const key of new Set(query.keys())) {
    const shown = JSON.stringify(key.slice(0, 60));
    if (names.includes(key)) {
      if (query.getAll(key).length > 1) throw badRequest(`${key} stands in the query more than once`);
      continue;
    }
    const near = nearest(key, names);
    throw badRequest(`unknown query parameter ${shown}${near ? `; did you mean ${near}?` : ''}`);
  }
}

/** A text of at most `limit` characters, or null where it is absent. @throws {Problem} 400 */
export function text(body: Body, name: string, limit = LONGEST_TEXT): string | null {
  const value = body[name];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' && value.length <= limit) return value;
  throw badRequest(`${name} must be text of at most ${limit} characters`);
}

/** A moment after `now`, or null where it is absent. @throws {Problem} 400 */
export function future(body: Body, name: string, now: number): number | null {
  const written = text(body, name, 40);
  if (written === null) return null;
  const at = parseMoment(written, now);
  if (at === null) throw badRequest(`${name} must be ${MOMENT_EXPECTED}`);
  if (at <= now) throw badRequest(`${name} must lie in the future; it is ${formatTime(now)} here`);
  return at;
}

/** True or false; false where it is absent. @throws {Problem} 400 */
export function flag(body: Body, name: string): boolean {
  const value = body[name];
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw badRequest(`${name} must be true or false`);
}

/** How many rows a list gives: `limit`, 1 to 500. @throws {Problem} 400 */
export function pageOf(query: URLSearchParams): { readonly cursor: string | null; readonly limit: number } {
  const limit = Number(query.get('limit') ?? 100);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw badRequest('limit must be 1 to 500');
  return { cursor: query.get('cursor'), limit };
}

/** The named thing, or a 404 that names the nearest. @throws {Problem} 404 */
export function known(kind: string, name: string, names: readonly string[]): string {
  if (names.includes(name)) return name;
  const near = nearest(name, names);
  throw notFound(
    `no ${kind} is configured under the name ${JSON.stringify(name.slice(0, 63))}${near ? `; did you mean ${near}?` : ''}`,
  );
}
