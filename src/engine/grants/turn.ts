import type { Claim, Failure, RefreshAttempt } from '../../model/index.ts';
import { SECOND } from '../../model/index.ts';
import type { GrantAction, GrantOutcome, GrantSituation } from '../../rotation/grants/index.ts';
import { isStale } from './bear.ts';
import { commitOutcome, type GrantTurn, type Holder, type Next, redating, release } from './outcome.ts';
import { performGrant } from './perform.ts';
import { after, findGrant } from './situation.ts';

/** No grant has so much to be done at once. */
const MOST_STEPS = 64;

/** A commit that takes longer says that the process, or its disk, stood still, ms. */
const STOOD_STILL = 5 * SECOND;

/** No request takes longer, its outcome's way to the state included: nothing is sent under a claim that ends sooner, ms. */
const LONGEST_REQUEST = 35 * SECOND;

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
      if (sends(action)) {
        if (turn.stopping.aborted || endsSoon(turn)) return await park(turn);
        // The loop made room for one request; a further one comes in line like anybody's.
        if (!permit.more()) return await rest(turn, found, permit.roomInMs);
      }
      const next = await step({ ...turn, permit }, found, action);
      if (next === 'released') return;
      found = next ?? (await findGrant(turn, subject, lane));
    }
  } finally {
    permit.end();
  }
}

function sends(action: GrantAction): boolean {
  return action.do === 'refresh' || action.do === 'revoke';
}

async function step(turn: Holder, found: GrantSituation, action: GrantAction): Promise<Next> {
  const intention = await intend(turn, found, action);
  return intention === null ? null : perform(turn, intention);
}

async function perform(turn: Holder, { found, action }: Intention): Promise<Next> {
  const { context, client } = turn;
  const [byOurs, started] = [client.now(), context.clock.steady()];
  const outcome = await performGrant(client, turn.permit, found, action);
  const ms = context.clock.steady() - started;
  observe(turn, action, outcome, ms);
  const at = client.now() - ms;
  const redated = redating(found, at, at - byOurs);
  return commitOutcome(turn, refused(turn, found, action, outcome), { action, outcome, redated });
}

/** An action whose intent is committed. */
type Intention = { readonly found: GrantSituation; readonly action: GrantAction };

/**
 * Commits the intent. Where the process stood still meanwhile, an attempt is dated anew, once, so that its answer is not
 * dated by a time at which nothing was sent. A replay keeps the time of what it repeats, and is planned anew where the
 * server's grace is over by now. A state that is always slow holds up nothing for good.
 *
 * Null where the grant has changed since it was read, or is planned anew: nothing was sent.
 */
async function intend(
  turn: Holder,
  found: GrantSituation,
  action: GrantAction,
  redates = true,
): Promise<Intention | null> {
  const { context, client, claim, committer } = turn;
  const from = client.now();
  const changes = context.rules.intendGrant(found, action, from);
  if (changes.length === 0) return { found, action };
  try {
    await committer.commit(changes, [], { under: claim });
  } catch (error) {
    if (isStale(error)) return null;
    throw error;
  }
  const next = after(turn, found, changes);
  if (next === null) return null;
  const now = client.now();
  if (action.do !== 'refresh' || now - from <= STOOD_STILL || !redates) return { found: next, action };
  if (isReplay(found, action.attempt))
    return now < action.attempt.sentAt + found.policy.refreshGrace ? { found: next, action } : null;
  return intend(turn, next, { ...action, attempt: { ...action.attempt, sentAt: now } }, false);
}

/** Whether it is a presentation within the server's grace, dated as the one before; a probe has a time of its own. */
function isReplay({ held: { grant }, policy }: GrantSituation, { sent, sentAt }: RefreshAttempt): boolean {
  return sent > 1 && policy.refreshGrace > 0 && sentAt === grant.attempt?.sentAt;
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
  if (outcome.failure.code === 'invalid_scope') waiting.refuse(found.held.grant, scope, outcome.failure);
  return { ...found, wanted: found.wanted.filter((each) => each !== scope) };
}

/** Whoever claims it next gets an answer within its claim. */
function endsSoon({ claim, context }: GrantTurn): boolean {
  return claim.expiresAt - context.clock.now() < LONGEST_REQUEST;
}

async function park({ context, claim }: GrantTurn): Promise<void> {
  await context.state.commit([], { hold: { claim, next: context.clock.now() } });
}

/** What may have been processed goes first: a server's grace is short. */
async function rest(turn: GrantTurn, found: GrantSituation, ms: number): Promise<void> {
  const now = turn.client.now();
  const lane = found.held.grant.attempt === null ? found.lane : 'waiting';
  await release(turn, found, { action: { do: 'wait', until: now + ms, lane }, now });
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
