import { type EdgeError, type LogPage, type NetResponse, Secret } from '../../model/index.ts';
import { commonMeaning, field, type Meaning, parseJson, unusableAnswer } from '../answers.ts';
import type { LogQuery, MintedKey } from '../contract.ts';
import { parseTime } from '../rfc3339.ts';
import { isIdentifier, parseLogEvent } from './log-event.ts';

/*
 * What FrameFlow answers, read without trust. All that its public page leaves open is assumed here, in adapter.ts and,
 * of most statuses, in commonMeaning. No message quotes an answer: it can hold a key.
 */

/** A FrameFlow key: the page shows `ff_live_8x9a2b…`; alphabet and length are assumed. */
export const KEY = /^ff_live_[A-Za-z0-9]{16,64}$/;

/**
 * What an answer that is no success means. 409 `in_progress`: an earlier call with the same Idempotency-Key is still at
 * work. The rest as everywhere.
 */
export function meaning(target: string, response: NetResponse): Meaning {
  const { status } = response;
  const error = errorCode(response);
  if (status === 409 && error === 'in_progress') {
    return ['in_progress', 'retryable', 'the same call is still at work; asking again'];
  }
  if (status === 410 && target.startsWith('GET '))
    return ['cursor_expired', 'permanent', 'the log cursor is no longer known; resuming by time'];
  if (status === 403 && error === 'ip_not_allowed') {
    const what = "this address is not on the account's IP allowlist; add it in the Developer Console";
    return ['ip_not_allowed', 'permanent', what];
  }
  if (status === 403)
    return ['forbidden', 'permanent', 'the key may not do this; check its rights in the Developer Console'];
  return commonMeaning(status);
}

/** The answer's error code, where it is one that matters here. Any other could be an echo of the key. */
function errorCode({ body }: NetResponse): string | null {
  const error = field(parseJson(body.toString()), 'error');
  const code = field(error, 'code');
  return code === 'in_progress' || code === 'ip_not_allowed' ? code : null;
}

/**
 * The new key in the answer to a mint. Pure.
 *
 * @throws {EdgeError} `unusable_answer`
 */
export function parseMint(answer: Secret, signer?: Secret): MintedKey {
  const target = 'POST /v1/auth/rotate';
  const body = parseJson(answer.reveal());
  const key = field(body, 'key');
  if (typeof key !== 'string' || !KEY.test(key)) throw unusable(target, 'it has no key of the known form');
  const minted = Secret.from(key);
  if (signer?.equals(minted) === true)
    throw unusable(target, 'its "new" key is the one that was to be replaced');
  const previous = field(body, 'previous_key');
  const keyId = field(body, 'key_id');
  const previousKeyId = field(previous, 'key_id');
  if (!isIdentifier(keyId) || !isIdentifier(previousKeyId))
    throw unusable(target, 'it lacks the id of a key');
  if (keyId === previousKeyId) throw unusable(target, 'it gives both keys the same id');
  const createdAt = timeOf(field(body, 'created_at'));
  const previousRotatedAt = timeOf(field(previous, 'rotated_at'));
  const previousExpiresAt = timeOf(field(previous, 'expires_at'));
  if (createdAt === null || previousRotatedAt === null || previousExpiresAt === null) {
    throw unusable(target, 'a time is missing or not RFC 3339');
  }
  if (previousExpiresAt < previousRotatedAt)
    throw unusable(target, 'the previous key ends before it was rotated');
  return { key: minted, keyId, createdAt, previousKeyId, previousRotatedAt, previousExpiresAt };
}

/**
 * A page of the log. Entries that cannot be read are counted in `skipped`.
 * `hasMore` is believed only where the page brought something and moved on, so that no answer makes its reader turn forever;
 * else the page is `stuck`.
 *
 * @throws {EdgeError} `unusable_answer`
 */
export function parsePage(target: string, response: NetResponse, query: Pick<LogQuery, 'cursor'>): LogPage {
  const body = parseJson(response.body.toString());
  const entries = field(body, 'events');
  const more = field(body, 'has_more');
  if (!Array.isArray(entries) || typeof more !== 'boolean') {
    throw unusable(target, 'it is no page of the log (events, has_more)');
  }
  const events = [];
  for (const entry of entries) {
    const event = parseLogEvent(entry);
    if (event !== null) events.push(event);
  }
  const cursor = field(body, 'next_cursor');
  const nextCursor = isCursor(cursor) ? cursor : null;
  const moved = nextCursor !== null && nextCursor !== query.cursor;
  const page = { events, skipped: entries.length - events.length, nextCursor, hasMore: false };
  if (!more) return page;
  if (entries.length > 0 && moved) return { ...page, hasMore: true };
  const what = moved ? 'gives none of it' : 'gives no cursor that leads there';
  return { ...page, stuck: `FrameFlow says that there is more in the log and ${what}` };
}

/** Opaque, yet it is kept in the state and sent again. */
function isCursor(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 2_048 && /^[\x20-\x7e]+$/.test(value);
}

function timeOf(value: unknown): number | null {
  return typeof value === 'string' ? parseTime(value) : null;
}

function unusable(target: string, what: string): EdgeError {
  return unusableAnswer('FrameFlow', target, what);
}
