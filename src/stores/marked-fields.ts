import { EdgeError, formatTime, type Hash, type Mark, Secret } from '../model/index.ts';

/*
 * A secret that is a JSON object: one field of it is ours, and beside it stands the mark, `api_key_keywarden` for
 * `api_key`. A sibling field rather than metadata or tags, because it is written and versioned together with the
 * value, in one request, on every server version; a store may keep the same mark elsewhere where people want that.
 * It is a string, as all we write is, and holds no secret.
 */

/** The fields of a secret as they stand; all but ours belong to others and are kept as they are. */
export type Fields = Readonly<Record<string, unknown>>;

export type MarkedValue = { readonly value: Secret | null; readonly mark: Mark | null };

type Digest = Hash['digest'];

/** The mark as it stands there. Read by hand: an agent, which is to stay small, carries no schema library. */
type Note = {
  readonly installation: string;
  readonly credential: string;
  readonly version: number;
  readonly version_id: string;
  readonly key_id: string | null;
  readonly created_at: string;
  readonly digest: string;
};

/** `api_key_keywarden` for `api_key`. */
export function markField(field: string): string {
  return `${field}_keywarden`;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Our field and its mark. The mark counts only for the value it was written with: one that somebody replaced
 * without touching the mark is theirs, not ours. `notes` is where the mark stands, if not among the fields.
 *
 * @throws {EdgeError} `not_a_string` where the field holds something else; `where` names the secret in the message
 */
export function readMarked(
  fields: Fields,
  field: string,
  where: string,
  digest: Digest,
  notes = fields,
): MarkedValue {
  const held = own(fields, field);
  if (held === undefined || held === null || held === '') return { value: null, mark: null };
  if (typeof held !== 'string') {
    throw new EdgeError({
      code: 'not_a_string',
      verdict: 'permanent',
      message: `field ${field} of ${where} holds something other than a string; remove it, or choose another field`,
    });
  }
  return { value: Secret.from(held), mark: markFrom(own(notes, markField(field)), held, digest) };
}

/** `fields` with our value and its mark in place, the others as they were. */
export function withMarked(fields: Fields, field: string, value: Secret, mark: Mark, digest: Digest): Fields {
  return {
    ...fields,
    [field]: value.reveal(),
    [markField(field)]: markNote(value.reveal(), mark, digest),
  };
}

/** `fields` with our value in place; its mark stands elsewhere, and one of ours that stood beside it goes. */
export function withUnmarked(fields: Fields, field: string, value: Secret): Fields {
  const { [markField(field)]: note, ...others } = fields;
  return { ...(parseNote(note) === null ? fields : others), [field]: value.reveal() };
}

/** The mark as the text that stands beside the value; `value` as the store holds it. */
export function markNote(value: string, mark: Mark, digest: Digest): string {
  const note: Note = {
    installation: mark.installation,
    credential: mark.credential,
    version: mark.number,
    version_id: mark.versionId,
    key_id: mark.keyId,
    created_at: formatTime(mark.createdAt),
    digest: digestOf(mark.versionId, value, digest),
  };
  return JSON.stringify(note);
}

/** True where `found` is this very publication of this version, so that nothing is left to write. */
export function isVersion(found: MarkedValue, value: Secret, mark: Mark): boolean {
  return found.value?.equals(value) === true && isSamePublication(found.mark, mark);
}

/** A version that comes back after a rollback is published anew, under a number of its own. */
function isSamePublication(one: Mark | null | undefined, other: Mark | null | undefined): boolean {
  return one?.versionId === other?.versionId && one?.number === other?.number;
}

/** True where our field is as it was when the caller read it, whatever has become of its neighbours. */
export function isAsRead(found: MarkedValue, read: MarkedValue | null): boolean {
  const same = read?.value ? found.value?.equals(read.value) === true : found.value === null;
  return same && isSamePublication(found.mark, read?.mark);
}

/** @throws {EdgeError} `value_unfit` where the bytes are no text: a JSON string would change them */
export function assertText(value: Secret): void {
  if (Buffer.from(value.reveal(), 'utf8').equals(value.bytes())) return;
  throw new EdgeError({
    code: 'value_unfit',
    verdict: 'permanent',
    message:
      'the value is not valid UTF-8 and cannot be kept in a JSON string; publish it to a raw file instead',
  });
}

/** The mark in a note, where it was written with this very `value`; else null. */
export function markFrom(note: unknown, value: string, digest: Digest): Mark | null {
  const data = parseNote(note);
  if (data === null || data.digest !== digestOf(data.version_id, value, digest)) return null;
  return {
    installation: data.installation,
    credential: data.credential,
    number: data.version,
    versionId: data.version_id,
    keyId: data.key_id,
    createdAt: Date.parse(data.created_at),
  };
}

function parseNote(note: unknown): Note | null {
  const found = typeof note === 'string' ? parseOrNull(note) : null;
  return isFields(found) && isNote(found) ? found : null;
}

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?Z$/;

function isNote(fields: Fields): fields is Fields & Note {
  const { version, key_id: keyId, created_at: createdAt } = fields;
  const texts = ['installation', 'credential', 'version_id', 'digest'].map((name) => fields[name]);
  return (
    texts.every((text) => typeof text === 'string') &&
    Number.isSafeInteger(version) &&
    Number(version) > 0 &&
    (keyId === null || typeof keyId === 'string') &&
    typeof createdAt === 'string' &&
    RFC_3339.test(createdAt) &&
    !Number.isNaN(Date.parse(createdAt))
  );
}

/** Ties the mark to the value; salted with the version, and no more than the value beside it tells. */
function digestOf(versionId: string, value: string, digest: Digest): string {
  return digest(versionId, value).slice(0, 16);
}

function own(fields: Fields, field: string): unknown {
  return Object.hasOwn(fields, field) ? fields[field] : undefined;
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
