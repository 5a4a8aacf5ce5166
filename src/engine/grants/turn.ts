import type { Change, Claim, Failure, Signal } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import type { GrantAction, GrantFolded, GrantOutcome, GrantSituation } from '../../rotation/grants/index.ts';
import { backoff } from '../../rotation/index.ts';
import { StateError } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import type { Client, Permit } from './clients.ts';
import { performGrant } from './perform.ts';
import { after, findGrant } from './situation.ts';
import type { Waiting } from './waiting.ts';

/** A grant that waits for nothing but its user stays in the table, so that it can be woken. */
const NEVER = 8_640_000_000_000_000;

/** No grant has so much to be done at once. */
const MOST_STEPS = 64;

/** So often in succession somebody else may write the client's record, or the grant, between our read and our write. */
const STALE_LIMIT = 10;

/** A server whose clock was not known before shows another than ours by more than this: what was sent is dated by it, ms. */
const SAME = 5 * SECOND;

/** How a turn hears of the daemon's stop, and rests without holding it up. */
export type Surroundings = {
  readonly stopping: AbortSignal;
  /** Ends early at a stop. */
  readonly pause: (ms: number) => Promise<void>;
};

/** All that a grant's turn works with. */
export type GrantTurn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly waiting: Waiting;
  readonly client: Client;
  readonly claim: Claim;
} & Surroundings;

/**
 * One turn of a grant: plan, commit the attempt, perform, fold, commit, again, until there is nothing to do but wait.
 * A crash anywhere leaves what the next turn needs in the state. Where the daemon stops, nothing new is sent. What is sent
 * is ended by nobody who waits for it.
 */
export async function turnGrant(turn: GrantTurn): Promise<void> {
  const subject = subjectOf(turn.claim);
  const lane = turn.claim.grantLane ?? 'idle';
  const permit = turn.client.permit();
  try {
    let found = await findGrant(turn, subject, lane);
    for (let steps = 0; found !== null; steps += 1) {
      if (steps === MOST_STEPS) throw new Error('the turn of a grant came to no end');
      const now = turn.client.now();
      const action = turn.context.rules.planGrant(found, now);
      if (action.do === 'wait') return await release(turn, found, { action, now });
      if (sends(action) && turn.stopping.aborted) return await park(turn);
      const next = await step({ ...turn, permit }, found, action);
      if (next === 'released') return;
      found = next ?? (await findGrant(turn, subject, lane));
    }
  } finally {
    permit.end();
  }
}

type Holder = GrantTurn & { readonly permit: Permit };
type Waits = { readonly action: Extract<GrantAction, { do: 'wait' }>; readonly now: number };
/** What a step left: what is to be planned next, null where it has to be read anew. */
type Next = GrantSituation | null | 'released';

function sends(action: GrantAction): boolean {
  return action.do === 'refresh' || action.do === 'revoke';
}

async function step(turn: Holder, found: GrantSituation, action: GrantAction): Promise<Next> {
  const { context, client } = turn;
  const intended = await intend(turn, found, action);
  if (intended === null) return null;
  const [sentAt, started] = [client.now(), context.clock.steady()];
  const outcome = await performGrant(client, turn.permit, intended, action);
  const ms = context.clock.steady() - started;
  observe(turn, action, outcome, ms);
  const dated = redated(intended, client.now() - sentAt - ms);
  return commitFold(turn, refused(turn, dated, action, outcome), action, outcome);
}

/** Null where the grant has changed since it was read: nothing was sent. */
async function intend(
  turn: Holder,
  found: GrantSituation,
  action: GrantAction,
): Promise<GrantSituation | null> {
  const { context, client, claim, committer } = turn;
  const changes = context.rules.intendGrant(found, action, client.now());
  if (changes.length === 0) return found;
  try {
    await committer.commit(changes, [], { under: claim });
  } catch (error) {
    if (isStale(error)) return null;
    throw error;
  }
  return after(turn, found, changes);
}

/**
 * Commits what became of an action, and, where nothing but waiting is next, releases the claim with it. Somebody else may
 * have written meanwhile (a command, another grant's turn that paused the client): what came of a request is then folded
 * once more, for it is known here alone; anything else is planned anew.
 */
async function commitFold(
  turn: Holder,
  before: GrantSituation,
  action: GrantAction,
  outcome: GrantOutcome,
): Promise<Next> {
  let found = before;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await foldOnce(turn, found, action, outcome);
    } catch (error) {
      if (!isStale(error)) await bear(turn, outcome, error, attempt);
      else if (attempt >= STALE_LIMIT) throw error;
    }
    const again = await findGrant(turn, found.held.grant.subject, found.lane);
    if (again === null || outcome.of !== 'refresh') return again;
    found = again;
  }
}

/**
 * An answer is the only copy of what the old refresh token became: it is offered to the state until that takes it or the
 * daemon stops. Any other outcome is found again by the next turn.
 */
async function bear(turn: Holder, outcome: GrantOutcome, error: unknown, attempt: number): Promise<void> {
  const lost = error instanceof StateError && error.code === 'claim_lost';
  const only = outcome.of === 'refresh' && 'answer' in outcome;
  if (!only || lost || turn.stopping.aborted) throw error;
  const { name } = turn.client.config;
  const message = `${name}: the answer to a refresh could not be stored; it is tried again`;
  turn.context.log.error({ error, client: name }, message);
  await turn.pause(backoff(attempt, {}));
}

async function foldOnce(
  turn: Holder,
  found: GrantSituation,
  action: GrantAction,
  outcome: GrantOutcome,
): Promise<Next> {
  const { context, client } = turn;
  const now = client.now();
  const fold = (each: GrantSituation) => context.rules.foldGrant(each, action, outcome, now);
  const folded = fold(found);
  if (!folded.changes.some(({ type }) => type === 'client.put')) return commitNext(turn, found, folded, now);
  return client.alone(async (read) => {
    const { record, revision } = await read();
    const fresh = { ...found, client: record, clientRevision: revision };
    return commitNext(turn, fresh, fold(fresh), now);
  });
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

/** Fewer scopes that were not given are not asked for again in this turn; who waits for what is never given is told. */
function refused(
  { waiting }: Holder,
  found: GrantSituation,
  action: GrantAction,
  outcome: GrantOutcome,
): GrantSituation {
  const scope = action.do === 'refresh' ? action.attempt.scope : null;
  if (scope === null || !('failure' in outcome) || outcome.failure === null) return found;
  const { client, subject } = found.held.grant;
  if (outcome.failure.code === 'invalid_scope') waiting.refuse(client, subject, scope, outcome.failure);
  return { ...found, wanted: found.wanted.filter((each) => each !== scope) };
}

/**
 * The server's clock was not known before it answered, and it is not ours: the attempt counts from when it was sent by the
 * server's.
 */
function redated(found: GrantSituation, shift: number): GrantSituation {
  const { attempt } = found.held.grant;
  if (attempt === null || Math.abs(shift) <= SAME) return found;
  const sentAt = Math.round(attempt.sentAt + shift);
  const grant = { ...found.held.grant, attempt: { ...attempt, sentAt } };
  return { ...found, held: { ...found.held, grant } };
}

function isStale(error: unknown): boolean {
  return error instanceof StateError && error.code === 'stale';
}

async function release(
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

async function park({ context, claim }: GrantTurn): Promise<void> {
  await context.state.commit([], { hold: { claim, next: context.clock.now() } });
}

function observe(
  { context: { counters, log }, client, claim }: Holder,
  action: GrantAction,
  outcome: GrantOutcome,
  ms: number,
): void {
  const { name } = client.config;
  const failure: Failure | null = 'failure' in outcome ? outcome.failure : null;
  if (action.do === 'refresh')
    counters.count('oauth_refreshes_total', { client: name, outcome: failure?.code ?? 'refreshed' });
  const fields = { client: name, grant: claim.id, action: action.do, ms: Math.round(ms) };
  if (failure === null) log.debug(fields, `${name}: ${action.do}`);
  else log.warn({ ...fields, failure }, `${name}: ${action.do} failed: ${failure.message}`);
}

/** Whose grant a claim holds; see grantId. */
function subjectOf({ id }: Claim): string {
  const [, subject = ''] = JSON.parse(id) as readonly string[];
  return subject;
}
