import { UnavailableError } from '../../engine/grants/contract.ts';
import { KeywardenError, SECOND } from '../../model/index.ts';
import { Problem } from '../problem.ts';

/** The status of each code that the commands about grants throw; the rest is a fault of ours. */
const STATUS: ReadonlyMap<string, number> = new Map([
  ['unknown_client', 404],
  ['unknown_authorization', 404],
  ['unknown_grant', 404],
  ['unknown_state', 400],
  ['return_url_not_allowed', 400],
  ['bad_subject', 400],
  ['bad_token', 400],
  ['consent_required', 409],
  ['scope_not_granted', 409],
  ['provider_unavailable', 503],
]);

/** When to ask again where nobody says it, ms. */
const AGAIN = 30 * SECOND;

/**
 * Does what was asked about grants; a refusal becomes the problem that the surface names.
 * @throws {Problem}
 */
export async function granted<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UnavailableError) throw unavailable(error.message, error.retryAfterMs);
    if (!(error instanceof KeywardenError)) throw error;
    const status = STATUS.get(error.code);
    if (status === 503) throw unavailable(error.message, AGAIN);
    if (status === undefined) throw error;
    throw new Problem(status, status === 404 ? 'not-found' : error.code.replaceAll('_', '-'), error.message);
  }
}

function unavailable(detail: string, retryAfterMs: number): Problem {
  const headers = { 'retry-after': String(Math.max(1, Math.ceil(retryAfterMs / SECOND))) };
  return new Problem(503, 'unavailable', detail, { headers });
}
