import type { Failure, Grant, RefreshAttempt } from '../../model/index.ts';
import { lifeOf } from './access.ts';
import { faultSeen } from './faults.ts';
import { type ClientStep, paused, served, strained } from './pauses.ts';
import { becomes } from './put.ts';
import { foldRefused } from './refused.ts';
import { afterPause, retried, withinGrace } from './retry.ts';
import type { GrantFolded, GrantSituation } from './situation.ts';

/** What a failed refresh says, and of whom. */
type Meaning =
  /** this grant is dead */
  | 'grant-refused'
  /** all grants of the client stand still: its own credentials are at fault */
  | 'client-refused'
  /** 429 */
  | 'rate-limited'
  /** 503, or nothing was sent */
  | 'not-served'
  /** it was sent, and may have been processed */
  | 'unknown'
  /** what the request holds is at fault: a configuration's error, or the server's */
  | 'request-refused'
  /** the fewer scopes that a caller wants are not to be had */
  | 'scope-refused';

const MEANINGS: Readonly<Record<string, Meaning>> = {
  invalid_grant: 'grant-refused',
  invalid_client: 'client-refused',
  unauthorized_client: 'client-refused',
  rate_limited: 'rate-limited',
};

export function meaningOf({ code, verdict }: Failure, { scope }: Pick<RefreshAttempt, 'scope'>): Meaning {
  if (code === 'invalid_scope' && scope !== null) return 'scope-refused';
  const named = verdict === 'unknown' ? undefined : MEANINGS[code];
  if (named !== undefined) return named;
  if (verdict === 'retryable') return 'not-served';
  return verdict === 'unknown' ? 'unknown' : 'request-refused';
}

/** A refresh that brought no 200. The situation has the attempt that was committed before it was sent. */
export function foldFailed(
  situation: GrantSituation,
  attempt: RefreshAttempt,
  failure: Failure,
  now: number,
): GrantFolded {
  const { held, client, spread } = situation;
  const meaning = meaningOf(failure, attempt);
  if (held.grant.state !== 'active' && meaning !== 'unknown') return unneeded(situation);
  const open: Grant = { ...held.grant, attempt: withoutLast(attempt) };
  const as = (grant: Grant, step: ClientStep) =>
    becomes(situation, afterPause(situation, grant, step.client, now), step.client, step.signals);
  switch (meaning) {
    case 'grant-refused':
      return foldRefused(situation, failure, now);
    case 'scope-refused':
      return as(withoutScope(open, failure, { now, spread }), served(client, now));
    case 'client-refused':
    case 'rate-limited':
      return as(
        { ...open, attempts: open.attempts + 1, lastError: failure },
        paused(client, meaning, failure, now),
      );
    case 'not-served':
      return as(
        withinGrace(situation, retried(open, failure, { now, spread }), now),
        strained(client, failure, now, spread),
      );
    case 'request-refused': {
      const heard = served(client, now);
      const told = faultSeen(heard.client, 'rejected-request', failure, now, lifeOf(held.grant));
      const signals = [...heard.signals, ...told.signals];
      return as(retried(open, failure, { now, spread, leisure: true }), { ...told, signals });
    }
    case 'unknown':
      return as(unknown(situation, attempt, failure, now), strained(client, failure, now, spread));
  }
}

/** It was not presented; an earlier presentation stays as open as it was. */
function withoutLast(attempt: RefreshAttempt): RefreshAttempt | null {
  return attempt.sent > 1 ? { ...attempt, sent: attempt.sent - 1 } : null;
}

/** What became of an earlier presentation is found out with all scopes: with fewer it is refused, whatever became of it. */
function withoutScope(
  open: Grant,
  failure: Failure,
  { now, spread }: { readonly now: number; readonly spread: number },
): Grant {
  if (open.attempt === null) return open;
  return retried({ ...open, attempt: { ...open.attempt, scope: null } }, failure, { now, spread });
}

/** The attempt stays open. The first replay within the provider's grace comes at once, and others as long as it lasts. */
export function unknown(
  situation: GrantSituation,
  attempt: RefreshAttempt | null,
  failure: Failure,
  now: number,
): Grant {
  const { held, policy, spread } = situation;
  const later = retried({ ...held.grant, attempt }, failure, { now, spread });
  const replays = attempt?.sent === 1 && now < attempt.sentAt + policy.refreshGrace;
  return replays ? { ...later, retryAt: null } : withinGrace(situation, later, now);
}

/** The user has disconnected meanwhile: what was refused matters to nobody. */
function unneeded(situation: GrantSituation): GrantFolded {
  return becomes(situation, { ...situation.held.grant, attempt: null }, situation.client, []);
}
