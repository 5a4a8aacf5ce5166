import { z } from 'zod';
import { EdgeError, formatTime, type Hash, type Mark, Secret } from '../model/index.ts';

/*
 * A secret that is a JSON object: one field of it is ours, and beside it stands the mark, `api_key_keywarden` for
 * `api_key`. A sibling field, not `custom_metadata` or tags, because it is written and versioned together with the
 * value, in one request, on every server version. It is a string, as all we write is, and holds no secret.
 */

/** The fields of a secret as they stand; all but ours belong to others and are kept as they are. */
export type Fields = Readonly<Record<string, unknown>>;

export type MarkedValue = { readonly value: Secret | null; readonly mark: Mark | null };

type Digest = Hash['digest'];

const sibling = z.object({
  installation: z.string(),
  credential: z.string(),
  version: z.int().positive(),
  version_id: z.string(),
  key_id: z.string().nullable(),
  created_at: z.iso.datetime(),
  digest: z.string(),
});

/** `api_key_keywarden` for `api_key`. */
function markField(field: string): string {
  return `${field}_keywarden`;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Our field and its mark. The mark counts only for the value it was written with: one that somebody replaced
 * without touching the mark is theirs, not ours.
 *
 * @throws {EdgeError} `not_a_string` where the field holds something else; `where` names the secret in the message
 */
export function readMarked(fields: Fields, field: string, where: string, digest: Digest): MarkedValue {
  const held = own(fields, field);
  if (held === undefined || held === null || held === '') return { value: null, mark: null };
  if (typeof held !== 'string') {
    throw new EdgeError({
      code: 'not_a_string',
      verdict: 'permanent',
      message: `field ${field} of ${where} holds something other than a string; remove it, or choose another field`,
    });
  }
  return { value: Secret.from(held), mark: markFrom(own(fields, markField(field)), held, digest) };
}

/** `fields` with our value and its mark in place, the others as they were. */
export function withMarked(fields: Fields, field: string, value: Secret, mark: Mark, digest: Digest): Fields {
  const note: z.input<typeof sibling> = {
    installation: mark.installation,
    credential: mark.credential,
    version: mark.number,
    version_id: mark.versionId,
    key_id: mark.keyId,
    created_at: formatTime(mark.createdAt),
    digest: digestOf(mark.versionId, value.reveal(), digest),
  };
  return { ...fields, [field]: value.reveal(), [markField(field)]: JSON.stringify(note) };
}

/** True where `found` is this very version, so that nothing is left to write. */
export function isVersion(found: MarkedValue, value: Secret, mark: Mark): boolean {
  return found.value?.equals(value) === true && found.mark?.versionId === mark.versionId;
}

/** @throws {EdgeError} `value_unfit` where the bytes are no text: a JSON string would change them */
export function assertText(value: Secret): void {
  if (Buffer.from(value.reveal(), 'utf8').equals(value.bytes())) return;
  throw new EdgeError({
    code: 'value_unfit',
    verdict: 'permanent',
    message: 'the value is not valid UTF-8 and cannot be kept in a JSON string; publish it to a file instead',
  });
}

function markFrom(note: unknown, value: string, digest: Digest): Mark | null {
  if (typeof note !== 'string') return null;
  const parsed = sibling.safeParse(parseOrNull(note));
  if (!parsed.success) return null;
  const { data } = parsed;
  if (data.digest !== digestOf(data.version_id, value, digest)) return null;
  return {
    installation: data.installation,
    credential: data.credential,
    number: data.version,
    versionId: data.version_id,
    keyId: data.key_id,
    createdAt: Date.parse(data.created_at),
  };
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
