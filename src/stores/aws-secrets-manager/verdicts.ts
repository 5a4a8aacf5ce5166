import { EdgeError, type Failure, type Verdict } from '../../model/index.ts';

/** What was tried, for the message (`reading footage/frameflow`), and whether it could change anything. */
export type Attempt = { readonly doing: string; readonly writes: boolean };

/** `lost`: there is no usable answer; harmless for a read, unknown for a write. */
type Ruling = { readonly code: string; readonly verdict: Verdict | 'lost'; readonly message: string };

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
    'DescribeSecret, TagResource (and CreateSecret with create: true) on this secret',
};
const REJECTED: Ruling = {
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
const INVALID: Ruling = {
  code: 'invalid_request',
  verdict: 'permanent',
  message: 'AWS refuses the request as invalid; check secretId and the state of the secret',
};

/**
 * By the error's name and never by the HTTP status, which is 400 for nearly all of them.
 * Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/CommonErrors.html and each operation's page;
 * the names without "Exception" are those of AWS's other protocols, which proxies and emulators use.
 */
const RULINGS: Readonly<Record<string, Ruling>> = {
  ThrottlingException: THROTTLED,
  Throttling: THROTTLED,
  TooManyRequestsException: THROTTLED,
  RequestLimitExceeded: THROTTLED,
  AccessDeniedException: DENIED,
  AccessDenied: DENIED,
  NotAuthorized: DENIED,
  OptInRequired: DENIED,
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
  CredentialsProviderError: {
    code: 'no_credentials',
    verdict: 'retryable',
    message:
      "the SDK's default chain finds no AWS credentials (environment, shared files, container or instance role); provide some",
  },
};

const PENDING_DELETION: Ruling = {
  code: 'pending_deletion',
  verdict: 'permanent',
  message:
    'the secret is scheduled for deletion; restore it (aws secretsmanager restore-secret) or publish elsewhere',
};
const UNREADABLE: Ruling = {
  code: 'bad_answer',
  verdict: 'lost',
  message:
    'the answer is not one of AWS Secrets Manager; see what stands between, such as a proxy. It is tried again',
};

/**
 * What the SDK threw, as a fresh error: its own holds the request, and may hold the answer. Only its name is told.
 * An EdgeError of the connection keeps its words.
 */
export function refusal(error: unknown, attempt: Attempt): EdgeError {
  if (error instanceof EdgeError) return fromConnection(error.failure, attempt);
  const ruling = rulingOn(error);
  return new EdgeError({
    code: ruling.code,
    verdict: ruling.verdict === 'lost' ? lost(attempt) : ruling.verdict,
    message: `${attempt.doing}: ${ruling.message}`,
  });
}

/** The time of the whole operation is up. */
export function late(ms: number, attempt: Attempt): EdgeError {
  return new EdgeError({
    code: 'timeout',
    verdict: lost(attempt),
    message: `${attempt.doing}: AWS Secrets Manager was not done within ${ms} ms; it is tried again, or raise timeout`,
  });
}

function rulingOn(error: unknown): Ruling {
  if (!(error instanceof Error)) return UNREADABLE;
  // AWS has one name for every request that does not fit the secret's state; its text alone tells of a deletion.
  if (error.name === 'InvalidRequestException' && /delet/i.test(error.message)) return PENDING_DELETION;
  return Object.hasOwn(RULINGS, error.name) ? (RULINGS[error.name] ?? UNREADABLE) : UNREADABLE;
}

/** A read that may have been served has changed nothing. */
function fromConnection(failure: Failure, attempt: Attempt): EdgeError {
  if (failure.verdict !== 'unknown' || attempt.writes) return new EdgeError(failure);
  return new EdgeError({ ...failure, verdict: failure.code === 'too_large' ? 'permanent' : 'retryable' });
}

function lost(attempt: Attempt): Verdict {
  return attempt.writes ? 'unknown' : 'retryable';
}
