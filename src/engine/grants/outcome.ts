import type { Change, Claim, Signal } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import type { GrantAction, GrantFolded, GrantOutcome, GrantSituation } from '../../rotation/grants/index.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import { bear, isClaimLost, isStale, type Surroundings } from './bear.ts';
import type { Client, Permit } from './clients.ts';
import { after, findGrant } from './situation.ts';
import type { Waiting } from './waiting.ts';

/** A grant that waits for nothing but its user stays in the table, so that it can be woken. */
const NEVER = 8_640_000_000_000_000;

/** So often in succession somebody else may write the client's record, or the grant, between our read and our write. */
const STALE_LIMIT = 10;
/** A failure is offered to the state so often; then the next turn finds its attempt open. An answer has no limit. */
const MOST_OFFERS = 10;

/** A server whose clock was not known before shows another than ours by more than this: what was sent is dated by it, ms. */
const SAME = 5 * SECOND;

/** All that a grant's turn works with. */
export type GrantTurn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly waiting: Waiting;
  readonly client: Client;
  readonly claim: Claim;
} & Surroundings;

export type Holder = GrantTurn & { readonly permit: Permit };
/** What a step left: what is to be planned next, null where it has to be read anew. */
export type Next = GrantSituation | null | 'released';

/** What was done with the grant, and what came of it. */
export type Done = {
  readonly action: GrantAction;
  readonly outcome: GrantOutcome;
  /**
   * When it was sent: as the attempt says, and by the server's clock, which was not known before it answered and is not
   * ours. Null: the attempt is right.
   */
  readonly redated: { readonly from: number; readonly to: number } | null;
};

/**
 * Commits what became of an action, and, where nothing but waiting is next, releases the claim with it. Somebody else may
 * have written meanwhile (a command, another grant's turn that paused the client): what came of a request is then folded
 * once more, for it is known here alone; anything else is planned anew.
 *
 * An answer is the only copy of what the old refresh token became: it is offered to the state until that takes it or the
 * daemon stops, also where the claim was lost meanwhile. A failure is offered for a while: a server's grace is short.
 */
export async function commitOutcome(turn: Holder, before: GrantSituation, done: Done): Promise<Next> {
  const { outcome } = done;
  let found = before;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await foldOnce(turn, redated(found, done), done);
    } catch (error) {
      if (isClaimLost(error) && isAnswer(outcome)) return keepAnswer(turn, found, done);
      if (!isStale(error)) await bearOutcome(turn, outcome, error, attempt);
      else if (attempt >= STALE_LIMIT && !isAnswer(outcome)) throw error;
    }
    const again = await findGrant(turn, found.held.grant.subject, found.lane);
    if (again === null || outcome.of !== 'refresh') return again;
    found = again;
  }
}

function isAnswer(outcome: GrantOutcome): boolean {
  return outcome.of === 'refresh' && 'answer' in outcome;
}

async function bearOutcome(
  turn: GrantTurn,
  outcome: GrantOutcome,
  error: unknown,
  attempt: number,
): Promise<void> {
  const offered = isAnswer(outcome) || (outcome.of === 'refresh' && attempt < MOST_OFFERS);
  if (!offered || isClaimLost(error)) throw error;
  await bear(turn, 'what came of a refresh', error, attempt);
}

/**
 * The claim ran out while the request was under way. As long as its attempt is open the answer is stored all the same, and
 * the grant is woken for whoever takes it in; else somebody has settled it without.
 */
async function keepAnswer(turn: Holder, before: GrantSituation, done: Done): Promise<Next> {
  const { context, committer, client } = turn;
  const { subject } = before.held.grant;
  const due = { at: context.clock.now(), lane: 'waiting' } as const;
  for (let attempt = 1; ; attempt += 1) {
    try {
      const found = await findGrant(turn, subject, before.lane);
      // Whoever has the claim may have got an answer of their own.
      if (found === null || context.rules.planGrant(found, client.now()).do === 'take') return 'released';
      const folded = fold(turn, redated(found, done), done, client.now());
      if (folded.changes.length === 0) return 'released';
      const wake: Change = { type: 'grant.wake', client: client.config.name, subject, due };
      await committer.commit([...folded.changes, wake], folded.signals);
      return 'released';
    } catch (error) {
      if (!isStale(error)) await bear(turn, 'the answer to a refresh', error, attempt);
    }
  }
}

async function foldOnce(turn: Holder, found: GrantSituation, done: Done): Promise<Next> {
  const { client } = turn;
  const now = client.now();
  const folded = fold(turn, found, done, now);
  if (!folded.changes.some(({ type }) => type === 'client.put')) return commitNext(turn, found, folded, now);
  return client.alone(async (read) => {
    const { record, revision } = await read();
    const fresh = { ...found, client: record, clientRevision: revision };
    return commitNext(turn, fresh, fold(turn, fresh, done, now), now);
  });
}

function fold(
  { context }: GrantTurn,
  found: GrantSituation,
  { action, outcome }: Done,
  now: number,
): GrantFolded {
  return context.rules.foldGrant(found, action, outcome, now);
}

async function commitNext(
  turn: Holder,
  found: GrantSituation,
  { changes, signals }: GrantFolded,
  now: number,
): Promise<Next> {
  const { context, committer, claim } = turn;
  const next = after(turn, found, changes);
  const action = next && context.rules.planGrant(next, now);
  const due = dueByOurClock(changes, now, context.clock.now());
  if (next !== null && action?.do === 'wait') {
    await release(turn, next, { action, now }, due, signals);
    return 'released';
  }
  await committer.commit(due, signals, { under: claim });
  return next;
}

/**
 * What is to be said of an attempt that was sent `at`, by a clock that was off by `shift` ms until then; null: nothing. One
 * that an earlier process had dated may be right as it was: it is at any rate not from after it was sent.
 */
export function redating({ held }: GrantSituation, at: number, shift: number): Done['redated'] {
  const { attempt } = held.grant;
  if (attempt === null || Math.abs(shift) <= SAME) return null;
  return { from: attempt.sentAt, to: Math.round(Math.min(attempt.sentAt + shift, at)) };
}

function redated(found: GrantSituation, { redated: other }: Done): GrantSituation {
  const { attempt } = found.held.grant;
  if (attempt === null || attempt.sentAt !== other?.from) return found;
  const grant = { ...found.held.grant, attempt: { ...attempt, sentAt: other.to } };
  return { ...found, held: { ...found.held, grant } };
}

type Waits = { readonly action: Extract<GrantAction, { do: 'wait' }>; readonly now: number };

/** Gives the grant back until it is due again. */
export async function release(
  { context, committer, client, claim }: GrantTurn,
  { held }: GrantSituation,
  { action, now }: Waits,
  changes: readonly Change[] = [],
  signals: readonly Signal[] = [],
): Promise<void> {
  const { attempt } = held.grant;
  if (attempt !== null && action.lane === 'waiting') client.replays(attempt);
  const next = Math.min(NEVER, Math.round(context.clock.now() + Math.max(0, action.until - now)));
  await committer.commit(changes, signals, { hold: { claim, next, lane: action.lane } });
}
