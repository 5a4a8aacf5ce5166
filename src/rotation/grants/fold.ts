import type { Change, RefreshAttempt, Secret } from '../../model/index.ts';
import { foldFailed } from './failed.ts';
import { foldRevoked } from './forget.ts';
import { expectGrant, putAnswer, putGrant } from './put.ts';
import { died } from './refused.ts';
import type { GrantAction, GrantFolded, GrantOutcome, GrantSituation } from './situation.ts';
import { foldTaken, foldUnusable, isUnusable } from './take.ts';

/**
 * What is committed before an action is performed: the attempt, before its refresh is sent. Nothing for the others.
 * A commit that is refused as stale sent nothing: load and plan again.
 */
export function intendGrant({ held }: GrantSituation, action: GrantAction, _now: number): readonly Change[] {
  if (action.do !== 'refresh') return [];
  const unusable = isUnusable(held.grant);
  const grant = { ...held.grant, attempt: action.attempt, ...(unusable ? { lastError: null } : {}) };
  return [expectGrant(held), putGrant(grant), ...(unusable ? [putAnswer(grant, null)] : [])];
}

/**
 * What came of an action, as one commit. The situation has the intent applied; where the commit is refused as stale
 * (somebody else wrote the grant or its client meanwhile), load it again and fold the same outcome into what is there:
 * an outcome is never dropped, for the attempt would be open for ever.
 *
 * A refresh's 200 is sealed and nothing else; the next plan takes it in. Where the user consented anew or disconnected
 * meanwhile, what came of the old token is nobody's.
 */
export function foldGrant(
  situation: GrantSituation,
  action: GrantAction,
  outcome: GrantOutcome,
  now: number,
): GrantFolded {
  const { state, attempt } = situation.held.grant;
  switch (outcome.of) {
    case 'refresh': {
      if (action.do !== 'refresh' || attempt === null || movedOn(attempt, action.attempt)) return NOTHING;
      return 'answer' in outcome
        ? sealed(situation, action.attempt, outcome.answer)
        : foldFailed(situation, attempt, outcome.failure, now);
    }
    case 'take':
      if (situation.held.answer === null) return NOTHING;
      if (attempt === null) return unasked(situation);
      return 'tokens' in outcome
        ? foldTaken(situation, outcome.tokens, now)
        : foldUnusable(situation, outcome.failure, now);
    case 'revoke':
      return state === 'forgotten' ? foldRevoked(situation, outcome.failure, now) : NOTHING;
    case 'step':
      return action.do === 'give-up' && state === 'active' && attempt !== null
        ? died(situation, situation.client, action.reason, null, now)
        : NOTHING;
  }
}

/** The raw answer, and with it when its request was sent, where only the answer has told what time it is at the server. */
function sealed({ held }: GrantSituation, { sentAt }: RefreshAttempt, answer: Secret): GrantFolded {
  const dated = held.grant.attempt?.sentAt !== sentAt;
  const changes = [...(dated ? [putGrant(held.grant)] : []), putAnswer(held.grant, answer)];
  return { changes: [expectGrant(held), ...changes], signals: [] };
}

/** Nothing was sent of which this could be the answer: its tokens are those of a refresh token that was replaced since. */
function unasked({ held }: GrantSituation): GrantFolded {
  return { changes: [expectGrant(held), putAnswer(held.grant, null)], signals: [] };
}

const NOTHING: GrantFolded = { changes: [], signals: [] };

/** The generation moved on, or the token was replaced: whatever is known of this attempt is out of date. */
function movedOn(open: RefreshAttempt, sent: RefreshAttempt): boolean {
  return open.generation !== sent.generation || open.fingerprint !== sent.fingerprint;
}

/**
 * The situation as a commit of these changes leaves it: for a turn that goes on without reading. Null: the grant is gone.
 * Of another refresh token the fingerprint and the spread are others: the caller sets them.
 */
export function afterwards(situation: GrantSituation, changes: readonly Change[]): GrantSituation | null {
  let next: GrantSituation = situation;
  for (const change of changes) {
    if (change.type === 'grant.delete') return null;
    if (change.type === 'client.put') {
      next = { ...next, client: change.record, clientRevision: next.clientRevision + 1 };
    } else if (change.type === 'grant.answer') {
      const revision = next.held.revision + (change.answer === null ? 0 : 1);
      next = { ...next, held: { ...next.held, answer: change.answer, revision } };
    } else if (change.type === 'grant.put') {
      const { grant, tokens } = change;
      next = { ...next, held: { ...next.held, ...tokens, grant, revision: next.held.revision + 1 } };
    }
  }
  return next;
}
