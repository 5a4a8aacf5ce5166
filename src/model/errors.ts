/**
 * What an effect's failure means for what comes next. Plans read verdicts, never messages.
 *
 * - `retryable`: nothing was changed; the same may succeed later.
 * - `permanent`: nothing was changed and repeating it as it was is useless; a person must act.
 * - `unknown`: it was sent and no usable answer came; it may have taken effect.
 * - `rejected`: the credential itself was refused.
 */
export type Verdict = 'retryable' | 'permanent' | 'unknown' | 'rejected';

/** A failure as data: what is stored, planned upon and shown. Holds no secret. */
export type Failure = {
  /** Stable, snake_case: people and plans match on it. */
  readonly code: string;
  readonly verdict: Verdict;
  /** What failed, why, and what to do; one line, for a person. */
  readonly message: string;
  /** How long the other side asked us to wait, in ms. */
  readonly retryAfterMs?: number;
};

/** The code of a failure by which a channel refuses one message for what it holds, and no other. */
export const BAD_MESSAGE = 'bad_message';

/** An error with a stable code, as a command or a route reports it. */
export class KeywardenError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'KeywardenError';
    this.code = code;
  }
}

/**
 * What every edge (provider, store, channel) throws, and nothing else.
 *
 * The cause is kept only where it cannot carry a secret: a vendor's client error is never chained.
 *
 * @example
 * throw new EdgeError({ code: 'rate_limited', verdict: 'retryable', retryAfterMs: 30_000,
 *   message: 'FrameFlow answered 429 to POST /v1/auth/rotate; waiting 30 s as it asks' });
 */
export class EdgeError extends KeywardenError {
  readonly failure: Failure;

  constructor(failure: Failure, options?: ErrorOptions) {
    super(failure.code, failure.message, options);
    this.name = 'EdgeError';
    this.failure = failure;
  }
}

/** The failure in whatever was thrown. Anything but an {@link EdgeError} is a defect of ours: `unknown`. */
export function failureOf(error: unknown): Failure {
  if (error instanceof EdgeError) return error.failure;
  const name = error instanceof Error ? error.name : typeof error;
  return {
    code: 'internal',
    verdict: 'unknown',
    message: `an unforeseen fault inside Keywarden (${name}); the log has the details`,
  };
}
