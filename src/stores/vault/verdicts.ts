import { EdgeError, type Failure } from '../../model/index.ts';
import type { Answer } from '../exchange.ts';
import { isFields } from '../marked-fields.ts';

/** What was tried, for the message (`reading secret/footage/frameflow`), and whether it could change anything. */
export type Attempt = {
  readonly doing: string;
  readonly writes: boolean;
  /** The right to ask for where it is denied, if it is another than to read or write this path. */
  readonly grant?: string;
};

/**
 * An answer that is no success, as a failure. The status decides; only among the 400s and 500s, where Vault has
 * no other sign, its text does. The text itself is never quoted: it can hold what was sent.
 * Source: https://developer.hashicorp.com/vault/api-docs#http-status-codes and recorded exchanges.
 */
export function refusal(answer: Answer, attempt: Attempt): EdgeError {
  const { code, verdict, message } = verdictOn(answer, attempt);
  const wait = answer.retryAfterMs === null ? {} : { retryAfterMs: answer.retryAfterMs };
  return new EdgeError({ code, verdict, message: `${attempt.doing}: ${message}`, ...wait });
}

function verdictOn(answer: Answer, attempt: Attempt): Failure {
  const { status } = answer;
  if (status === 400) return badRequest(answer);
  if (status === 429) return retryable('rate_limited', "Vault's rate limit is exceeded; waiting as it asks");
  if (status === 503) {
    return retryable(
      'sealed',
      'Vault is sealed or down for maintenance; unseal it, then this goes on by itself',
    );
  }
  if (status >= 500) return serverFault(answer, attempt);
  if (status >= 300 && status < 400) return standby(answer);
  if (status === 412) return retryable('behind', 'this node has not caught up yet; trying again');
  return permanentlyRefused(status, attempt);
}

function permanentlyRefused(status: number, { writes, grant }: Attempt): Failure {
  if (status === 403) {
    const rights = grant ?? `${writes ? 'create and update' : 'read'} on this path`;
    return permanent('denied', `the login is good but its policy does not allow this; grant ${rights}`);
  }
  if (status === 404) {
    return permanent(
      'not_found',
      'there is nothing at this mount; create it (KV version 2) or correct mount',
    );
  }
  if (status === 413)
    return permanent('too_large', 'Vault refuses a request of this size; shorten the secret');
  if (status < 300) {
    const message =
      'the answer does not have the form that Vault gives; see what stands between, such as a proxy';
    return { code: 'bad_answer', verdict: writes ? 'unknown' : 'retryable', message };
  }
  return permanent(
    'refused',
    `Vault answered ${status}; see whether address leads to Vault and mount to KV version 2`,
  );
}

function badRequest(answer: Answer): Failure {
  if (says(answer, /check-and-set parameter did not match/)) {
    return retryable('conflict', 'the secret has changed since it was read; reading it again');
  }
  if (says(answer, /upgrading from non-versioned/i)) {
    return retryable('mount_upgrading', 'the mount is being upgraded to KV version 2; trying again shortly');
  }
  return permanent('refused', 'Vault refuses the request as invalid (400); see its log for the reason');
}

/** A redirect is how a standby that does not forward answers; it has done nothing. */
function standby({ redirect }: Answer): Failure {
  return retryable(
    'standby',
    `this Vault node is a standby that sends its clients to ${redirect ?? 'another place'}, and a token is taken only ` +
      'to the hosts of the configuration: list that node under nodes, or give the address of the load balancer ' +
      'before the cluster. Where it is listed, the cluster has no leader now: see its log',
  );
}

function serverFault(answer: Answer, attempt: Attempt): Failure {
  if (says(answer, /too large/)) {
    return permanent('too_large', "the secret is larger than Vault's storage takes; remove fields from it");
  }
  const message = `Vault failed (${answer.status}); it may have no leader: see its log. It is tried again`;
  return { code: 'unavailable', verdict: attempt.writes ? 'unknown' : 'retryable', message };
}

/** True where it is the token that may be at fault. One that got lost on its way was a 400 until late 2021. */
export function mayRefuseToken(answer: Answer): boolean {
  return answer.status === 403 || (answer.status === 400 && says(answer, /missing client token/));
}

function says(answer: Answer, pattern: RegExp): boolean {
  const errors = isFields(answer.body) ? answer.body.errors : undefined;
  return Array.isArray(errors) && errors.some((text) => typeof text === 'string' && pattern.test(text));
}

function retryable(code: string, message: string): Failure {
  return { code, verdict: 'retryable', message };
}

function permanent(code: string, message: string): Failure {
  return { code, verdict: 'permanent', message };
}
