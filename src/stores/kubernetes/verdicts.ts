import { EdgeError, type Failure } from '../../model/index.ts';
import type { Answer } from '../exchange.ts';
import { isFields } from '../marked-fields.ts';

/** What was tried, for the message (`reading footage/frameflow`), where, and whether it could change anything. */
export type Attempt = { readonly doing: string; readonly namespace: string; readonly writes: boolean };

/** What of a Status object decides. https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
type Status = {
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly causes: ReadonlyArray<Readonly<Record<string, unknown>>>;
};

/**
 * An answer that is no success, as a failure. The text of a Status is matched and never quoted: that of a refused value
 * holds the value.
 */
export function refusal(answer: Answer, attempt: Attempt): EdgeError {
  const status = statusIn(answer);
  if (answer.status === 403 && /User "system:anonymous"/.test(status.message)) return loginRefused();
  const { code, verdict, message } = verdictOn(answer.status, status, attempt);
  const wait = answer.retryAfterMs === null ? {} : { retryAfterMs: answer.retryAfterMs };
  return new EdgeError({ code, verdict, message: `${attempt.doing}: ${message}`, ...wait });
}

export function loginRefused(): EdgeError {
  return new EdgeError({
    code: 'login_refused',
    verdict: 'rejected',
    message:
      'the Kubernetes API refuses the login: the token or client certificate is unknown, expired or revoked; ' +
      'check the service account of the pod, or put a valid one into the kubeconfig',
  });
}

/** True for a Secret that is not there, and not for a server that knows no Secrets. */
export function isAbsence(answer: Answer): boolean {
  return answer.status === 404 && statusIn(answer).details.kind === 'secrets';
}

/** True where an admission webhook cannot be asked without effect: https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run */
export function isDryRunUnsupported(answer: Answer): boolean {
  return answer.status === 400 && /does not support dry run/i.test(statusIn(answer).message);
}

function verdictOn(http: number, status: Status, attempt: Attempt): Failure {
  switch (http) {
    case 403:
      return forbidden(status, attempt);
    case 404:
      return notFound(status, attempt);
    case 409:
      return conflict(status);
    case 413:
      return TOO_LARGE;
    case 422:
      return invalid(status);
    case 429:
      return {
        code: 'rate_limited',
        verdict: 'retryable',
        message: "the API server's limit for this login is exceeded; waiting as it asks",
      };
    default:
      return http >= 500 ? unavailable(http, attempt) : unforeseen(http, attempt);
  }
}

function forbidden({ message }: Status, { namespace }: Attempt): Failure {
  const [, verb] = /\bcannot (get|patch|create) resource "secrets"/.exec(message) ?? [];
  if (verb !== undefined) {
    return permanent(
      'denied',
      `the login may not ${verb} secrets in namespace ${namespace}; it needs a Role there with get, patch and create on secrets`,
    );
  }
  if (/because it is being terminated/.test(message)) {
    return permanent('namespace_ending', `namespace ${namespace} is being deleted; choose another one`);
  }
  if (/exceeded quota/.test(message)) {
    return permanent('quota', `the quota of namespace ${namespace} allows no further Secret; raise it`);
  }
  return permanent(
    'denied',
    `the API server forbids it (403): the login has no right to secrets in namespace ${namespace}, or an admission policy objects`,
  );
}

function notFound({ details }: Status, { namespace }: Attempt): Failure {
  if (details.kind === 'namespaces') {
    return permanent('no_namespace', `there is no namespace ${namespace}; create it or correct namespace`);
  }
  return permanent('not_found', 'this address is no Kubernetes API server; correct the server');
}

/** Another manager owns the key, or the Secret is another one than was read. */
function conflict({ causes }: Status): Failure {
  const owned = causes.some(({ reason }) => reason === 'FieldManagerConflict');
  const message = owned
    ? 'somebody else has written this key since it was read; reading it again'
    : 'the Secret has changed since it was read; reading it again';
  return { code: 'conflict', verdict: 'retryable', message };
}

function invalid({ message, causes }: Status): Failure {
  const has = (reason: string, field: RegExp) =>
    causes.some((cause) => cause.reason === reason && field.test(String(cause.field)));
  if (/field is immutable when `immutable` is set/.test(message)) return IMMUTABLE;
  if (has('FieldValueTooLong', /^data/)) return TOO_LARGE;
  if (has('FieldValueTooLong', /^metadata\.annotations/)) {
    return permanent('too_large', 'its annotations would be larger than 256 KiB; remove some of them');
  }
  return permanent(
    'invalid',
    'the API server does not accept the value in a Secret of this type (422); use a Secret of type Opaque, or a key whose form is free',
  );
}

export const IMMUTABLE = permanent(
  'immutable',
  'the Secret is immutable and takes no new value; delete it and create it without immutable: true',
);

/** https://kubernetes.io/docs/concepts/configuration/secret/#restriction-data-size */
export const TOO_LARGE = permanent(
  'too_large',
  'the Secret would be larger than the 1 MiB that Kubernetes takes; remove keys from it',
);

function unavailable(http: number, { writes }: Attempt): Failure {
  const message = `the API server failed (${http}); see its health and that of its admission webhooks. It is tried again`;
  return { code: 'unavailable', verdict: writes ? 'unknown' : 'retryable', message };
}

function unforeseen(http: number, { writes }: Attempt): Failure {
  if (http < 300) {
    const message =
      'the answer does not have the form that Kubernetes gives; see what stands between, such as a proxy';
    return { code: 'bad_answer', verdict: writes ? 'unknown' : 'retryable', message };
  }
  return permanent(
    'refused',
    `the server answered ${http}; see whether it is a Kubernetes API server (1.22 or later)`,
  );
}

function statusIn({ body }: Answer): Status {
  const status = isFields(body) && body.kind === 'Status' ? body : {};
  const details = isFields(status.details) ? status.details : {};
  const causes = Array.isArray(details.causes) ? details.causes.filter(isFields) : [];
  return { message: typeof status.message === 'string' ? status.message : '', details, causes };
}

function permanent(code: string, message: string): Failure {
  return { code, verdict: 'permanent', message };
}
