import { EdgeError, type Failure, type Verdict } from '../../model/index.ts';

/** What was tried, for the message (`reading footage/frameflow`), and whether it could change anything. */
export type Attempt = { readonly doing: string; readonly writes: boolean };

/** `lost`: there is no usable answer; harmless for a read, unknown for a write. */
export type Ruling = { readonly code: string; readonly verdict: Verdict | 'lost'; readonly message: string };
/** By the name of an error. */
export type Rulings = Readonly<Record<string, Ruling>>;

const THROTTLED: Ruling = {
  code: 'rate_limited',
  verdict: 'retryable',
  message: 'AWS slows this account down; trying again later',
};
const DENIED: Ruling = {
  code: 'denied',
  verdict: 'permanent',
  message:
    'the IAM policy does not allow it; grant secretsmanager:GetSecretValue, PutSecretValue, UpdateSecretVersionStage, ' +
    'DescribeSecret, TagResource (and CreateSecret with create: true) on this secret, and kms:Decrypt and ' +
    'kms:GenerateDataKey where it has a KMS key of its own',
};
export const REJECTED: Ruling = {
  code: 'login_refused',
  verdict: 'rejected',
  message:
    'AWS does not accept the credentials (unknown, expired or wrongly signed); renew them where the SDK finds them',
};
const CLOCK: Ruling = {
  code: 'clock_skew',
  verdict: 'retryable',
  message: "the request's time is too far from that of AWS; set the clock of this machine",
};
const FAILED: Ruling = {
  code: 'unavailable',
  verdict: 'lost',
  message: 'AWS failed inside; it is tried again',
};
const KMS: Ruling = {
  code: 'kms_failure',
  verdict: 'permanent',
  message:
    "the secret's KMS key cannot be used; enable it, and allow kms:Decrypt and kms:GenerateDataKey on it",
};
export const INVALID: Ruling = {
  code: 'invalid_request',
  verdict: 'permanent',
  message: 'AWS refuses the request as invalid; check secretId and the state of the secret',
};

/** What any service of AWS may say. The names without "Exception" are those of its query protocol, and of proxies. */
export const COMMON: Rulings = {
  ThrottlingException: THROTTLED,
  Throttling: THROTTLED,
  TooManyRequestsException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  ExpiredTokenException: REJECTED,
  ExpiredToken: REJECTED,
  UnrecognizedClientException: REJECTED,
  InvalidClientTokenId: REJECTED,
  InvalidSignatureException: REJECTED,
  SignatureDoesNotMatch: REJECTED,
  IncompleteSignature: REJECTED,
  MissingAuthenticationTokenException: REJECTED,
  MissingAuthenticationToken: REJECTED,
  RequestExpired: CLOCK,
  RequestTimeTooSkewed: CLOCK,
  InternalServiceError: FAILED,
  InternalFailure: FAILED,
  ServiceUnavailable: FAILED,
  ServiceUnavailableException: FAILED,
};

/**
 * By the error's name and never by the HTTP status, which is 400 for nearly all of them.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html and each operation's page.
 */
const RULINGS: Rulings = {
  ...COMMON,
  AccessDeniedException: DENIED,
  AccessDenied: DENIED,
  NotAuthorized: DENIED,
  OptInRequired: DENIED,
  DecryptionFailure: KMS,
  EncryptionFailure: KMS,
  InvalidParameterException: { ...INVALID, code: 'invalid_parameter' },
  InvalidRequestException: INVALID,
  ValidationException: INVALID,
  ValidationError: INVALID,
  UnknownOperationException: {
    code: 'invalid_request',
    verdict: 'permanent',
    message: 'what answers is not AWS Secrets Manager; check endpoint',
  },
  LimitExceededException: {
    code: 'quota',
    verdict: 'permanent',
    message:
      'a quota of AWS Secrets Manager is used up (versions, labels or tags of this secret); make room or raise it',
  },
  ResourceNotFoundException: {
    code: 'missing',
    verdict: 'permanent',
    message:
      'there is no such secret in this region and account; create it, or set create: true for this destination',
  },
  ResourceExistsException: {
    code: 'conflict',
    verdict: 'retryable',
    message: 'the secret has changed since it was read; reading it again',
  },
};

const PENDING_DELETION: Ruling = {
  code: 'pending_deletion',
  verdict: 'permanent',
  message:
    'the secret is scheduled for deletion; restore it (aws secretsmanager restore-secret) or publish elsewhere',
};
export const UNREADABLE: Ruling = {
  code: 'bad_answer',
  verdict: 'lost',
  message: 'the answer is not one of AWS; see what stands between, such as a proxy. It is tried again',
};

/**
 * What the SDK threw, as a fresh error: its own holds the request, and may hold the answer. Only its name is told.
 * An EdgeError of the connection keeps its words.
 */
export function refusal(error: unknown, attempt: Attempt): EdgeError {
  return judged(error, attempt, rulingOn(error));
}

/** The time of the whole operation is up. */
export function late(ms: number, attempt: Attempt): EdgeError {
  return new EdgeError({
    code: 'timeout',
    verdict: lost(attempt),
    message: `${attempt.doing}: AWS was not done within ${ms} ms; it is tried again, or raise timeout`,
  });
}

/** The store was closed. */
export function closed(attempt: Attempt): EdgeError {
  return new EdgeError({
    code: 'closed',
    verdict: lost(attempt),
    message: `${attempt.doing}: called off, because Keywarden is stopping; it is done anew after the next start`,
  });
}

/** An error with the words and the verdict of `ruling`; an EdgeError of the connection keeps its own. */
export function judged(error: unknown, attempt: Attempt, ruling: Ruling): EdgeError {
  if (error instanceof EdgeError) return fromConnection(error.failure, attempt);
  return new EdgeError({
    code: ruling.code,
    verdict: ruling.verdict === 'lost' ? lost(attempt) : ruling.verdict,
    message: `${attempt.doing}: ${ruling.message}`,
  });
}

function rulingOn(error: unknown): Ruling {
  if (!(error instanceof Error)) return UNREADABLE;
  // AWS has one name for every request that does not fit the secret's state; its text alone tells of a deletion.
  if (error.name === 'InvalidRequestException' && /delet/i.test(error.message)) return PENDING_DELETION;
  return named(error, RULINGS) ?? UNREADABLE;
}

/** Null where `rulings` do not know the error's name. */
export function named(error: unknown, rulings: Rulings): Ruling | null {
  const name = error instanceof Error ? error.name : '';
  return Object.hasOwn(rulings, name) ? (rulings[name] ?? null) : null;
}

/** A read that may have been served has changed nothing. */
function fromConnection(failure: Failure, attempt: Attempt): EdgeError {
  if (failure.verdict !== 'unknown' || attempt.writes) return new EdgeError(failure);
  return new EdgeError({ ...failure, verdict: failure.code === 'too_large' ? 'permanent' : 'retryable' });
}

function lost(attempt: Attempt): Verdict {
  return attempt.writes ? 'unknown' : 'retryable';
}
