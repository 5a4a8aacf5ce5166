import type { IncomingMessage } from 'node:http';
import { badRequest, Problem } from './problem.ts';

const USUAL_LIMIT = 64 * 1024;
/** So much more is read and dropped, so that the client has finished and reads our answer instead of a cut connection. */
const DRAIN = 1024 * 1024;

/**
 * The JSON object in a request's body; an empty object where there is no body.
 * @param limit bytes
 * @throws {Problem} 400 for anything but a JSON object, 413 over the limit, 415 for another content type
 */
export async function readBody(
  request: IncomingMessage,
  limit = USUAL_LIMIT,
): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let length = 0;
  const incoming: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  for await (const chunk of incoming) {
    length += chunk.length;
    if (length > limit + DRAIN) break;
    if (length <= limit) chunks.push(chunk);
  }
  if (length > limit) {
    const headers = { connection: 'close' };
    throw new Problem(413, 'too-large', `a body may have ${limit / 1024} KB at most`, { headers });
  }
  if (length === 0) return {};
  const { 'content-type': type = 'application/json', 'content-encoding': encoding = 'identity' } =
    request.headers;
  if (!/^application\/json\s*(;|$)/i.test(type) || !/^identity$/i.test(encoding)) {
    throw new Problem(
      415,
      'unsupported-media-type',
      'send JSON as it is: Content-Type: application/json, without Content-Encoding',
    );
  }
  return parse(Buffer.concat(chunks));
}

function parse(bytes: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw badRequest('the body is not valid JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badRequest('the body must be a JSON object');
  return value as Record<string, unknown>;
}
