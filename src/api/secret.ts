import { parseDuration } from '../model/index.ts';
import { badRequest, notFound } from './problem.ts';
import type { Answer, Request } from './router.ts';

/** The longest a reader may wait for a newer version, ms. */
const LONGEST_WAIT = 60_000;

/** What the route says of itself; the daemon and the agent have the same. */
export const SECRET_SUMMARY =
  'The current value; with If-None-Match, wait=30s (60s at most) holds until there is a newer one, else 304; without it, until there is one at all';

/** Its query, as the OpenAPI document shows it. */
export const WAIT = { type: 'string', description: 'a duration, such as 30s' };

/** One credential's value, for those who read it and wait for the next. */
export type Readable = {
  /** Null before the first version. */
  read(): Promise<{ readonly id: string; readonly number: number; readonly body: object } | null>;
  /** A place among those who wait; an abort of `signal` gives it up. */
  enter(signal: AbortSignal): {
    /** Resolves once something else than the version `have` may be current, or the place was given up. */
    after(have: string | null): Promise<void>;
    leave(): void;
  };
};

/** The ETag. Its number is part of it: after a rollback a version comes back under another. */
export function secretTag(versionId: string, number: number): string {
  return `"${versionId}.${number}"`;
}

/** How long the request may wait, ms. @throws {Problem} 400 */
export function waitOf({ query }: Request): number {
  const wait = parseDuration(query.get('wait') ?? '0s');
  if (wait === null || wait > LONGEST_WAIT) throw badRequest('wait must be a duration of at most 60s');
  return wait;
}

/**
 * Answers `GET …/secret` of the credential `name`: 200 with the value and its ETag, 304 where the reader has it, and
 * only once the time is up where it may wait.
 * @throws {Problem} 404 where there is no version at all
 */
export async function answerSecret(
  request: Request,
  name: string,
  readable: Readable,
  wait: number,
): Promise<Answer> {
  const deadline = AbortSignal.any([request.signal, AbortSignal.timeout(wait)]);
  const place = readable.enter(deadline);
  try {
    for (;;) {
      const held = await readable.read();
      const etag = held && secretTag(held.id, held.number);
      const unchanged = etag !== null && etagsIn(request.headers['if-none-match']).includes(etag);
      if (held !== null && etag !== null && !unchanged)
        return { status: 200, headers: { etag }, body: held.body };
      if (deadline.aborted || wait === 0) {
        if (etag === null) throw notFound(`${name} has no working key yet`);
        return { status: 304, headers: { etag } };
      }
      await place.after(held?.id ?? null);
    }
  } finally {
    place.leave();
  }
}

/** The ETags of an If-None-Match header. */
export function etagsIn(header: string | undefined): string[] {
  return (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
}
