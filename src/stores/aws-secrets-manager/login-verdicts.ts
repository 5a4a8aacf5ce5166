import type { EdgeError } from '../../model/index.ts';
import {
  COMMON,
  INVALID,
  judged,
  named,
  REJECTED,
  type Ruling,
  type Rulings,
  UNREADABLE,
} from './verdicts.ts';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html and …_AssumeRoleWithWebIdentity.html */
const STS: Rulings = {
  ...COMMON,
  InvalidIdentityToken: REJECTED,
  InvalidIdentityTokenException: REJECTED,
  IDPRejectedClaim: REJECTED,
  IDPRejectedClaimException: REJECTED,
  RegionDisabledException: {
    code: 'sts_disabled',
    verdict: 'permanent',
    message: 'AWS STS is not active in this region; activate it in the account settings of IAM',
  },
};

const CHAIN_DENIED = denied(
  "AWS refuses the role that the SDK's default chain is told to take (AWS_ROLE_ARN, or role_arn of a profile); " +
    'correct the trust policy of that role',
);
const CHAIN: Rulings = { ...STS, AccessDenied: CHAIN_DENIED, AccessDeniedException: CHAIN_DENIED };
const NO_CREDENTIALS: Ruling = {
  code: 'no_credentials',
  verdict: 'retryable',
  message:
    "the SDK's default chain finds none that can be used (environment, shared files, web identity, container or " +
    'instance role); provide some',
};

const ROLE_DENIED = denied(
  "AWS refuses it; the role's trust policy must name the principal whose credentials the SDK finds, and that " +
    'principal must be allowed sts:AssumeRole on this role',
);
const ROLE_INVALID: Ruling = { ...INVALID, message: 'AWS refuses the request as invalid; check roleArn' };
const ROLE: Rulings = {
  ...STS,
  AccessDenied: ROLE_DENIED,
  AccessDeniedException: ROLE_DENIED,
  ValidationError: ROLE_INVALID,
};

/** What failed before a request: whatever the default chain throws, it has no credentials for us. */
export function loginRefusal(error: unknown): EdgeError {
  return judged(
    error,
    { doing: 'finding AWS credentials', writes: false },
    named(error, CHAIN) ?? NO_CREDENTIALS,
  );
}

/** What STS answered in place of the credentials of `roleArn`. */
export function roleRefusal(error: unknown, roleArn: string): EdgeError {
  return judged(error, { doing: `assuming ${roleArn}`, writes: false }, named(error, ROLE) ?? UNREADABLE);
}

function denied(message: string): Ruling {
  return { code: 'role_refused', verdict: 'permanent', message };
}
