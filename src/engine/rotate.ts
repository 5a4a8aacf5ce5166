import type { Change, Claim, Secret } from '../model/index.ts';
import { type Action, applied, backoff, type Outcome, type Situation } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { dueByOurClock } from './due-times.ts';
import { perform } from './perform.ts';
import { askTime, isTimeKnown, timeOf } from './provider-time.ts';
import { situationOf } from './situation.ts';
import { journalSpooled, spoolAnswer } from './spooled.ts';

/** A credential without a due time stays in the table, so that it can be woken. */
const NEVER = 8_640_000_000_000_000;

/**
 * One turn of a credential: plan, commit the intent, perform, fold, commit, again, until there is nothing to do but
 * wait. A crash anywhere leaves what the next turn needs in the state. Where the daemon stops, nothing new is begun.
 */
export async function turnCredential(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  surroundings: Surroundings,
): Promise<void> {
  const { state, clock, newId, rules } = context;
  if (context.config.credentials[claim.id] === undefined) {
    // No longer configured: parked, its versions kept until somebody forgets it.
    return state.commit([], { hold: { claim, next: null } });
  }
  let timeKnown = await askTime(context, claim.id);
  let now = timeOf(context, claim.id);
  for (;;) {
    const situation = await situationOf(context, claim.id, { now, timeKnown });
    const action = rules.plan(situation, now, newId);
    if (action.do === 'wait') {
      const next = action.until === null ? NEVER : clock.now() + Math.max(0, action.until - now);
      return committer.commit([], rules.standing(situation, now), { hold: { claim, next } });
    }
    if (surroundings.stopping.aborted) return state.commit([], { hold: { claim, next: clock.now() } });
    now = await turn({ context, committer, claim, ...surroundings }, situation, action);
    // The clock may have been stepped meanwhile: then that moment was none.
    const asked = !isTimeKnown(context, claim.id);
    timeKnown = await askTime(context, claim.id);
    if (asked) now = timeOf(context, claim.id);
  }
}

/** How a turn hears of the daemon's stop, and rests without holding it up. */
export type Surroundings = {
  /** Nothing new is begun: the daemon stops, or a successor takes over. */
  readonly stopping: AbortSignal;
  /** The process ends: what the state does not take is given up. */
  readonly ending: AbortSignal;
  /** Ends early at a stop. */
  readonly pause: (ms: number) => Promise<void>;
};

type Turn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly claim: Claim;
} & Surroundings;

/**
 * Gives the time at which the outcome was folded. The next action is planned for that moment: what was found fresh
 * is not stale before it is used, however long the commit between took.
 */
async function turn(holder: Turn, situation: Situation, action: Action): Promise<number> {
  const { context, committer, claim } = holder;
  const { clock, newId, rules } = context;
  const intent = rules.intend(situation, action, timeOf(context, claim.id));
  if (intent.length > 0 && !(await commitIntent(holder, situation, intent))) return timeOf(context, claim.id);
  const started = clock.monotonic();
  const outcome = await perform(context, situation, action);
  const now = timeOf(context, claim.id);
  const { changes, signals } = rules.fold(applied(situation, intent), action, outcome, now, newId);
  observe(context, situation, action, outcome, changes, clock.monotonic() - started);
  try {
    const due = dueByOurClock(changes, now, clock.now());
    await committer.commit([asRead(situation, intent.length > 0 ? 1 : 0), ...due], signals, {
      under: claim,
    });
  } catch (error) {
    if (action.do === 'mint' && outcome.of === 'mint' && 'answer' in outcome) {
      await saveAnswer(holder, action.rotation.id, outcome.answer, error);
    } else if (!isStale(error)) throw error;
    return timeOf(context, claim.id);
  }
  return now;
}

/** A person's command may have changed the credential meanwhile: what was decided before is then decided anew. */
function asRead({ snapshot }: Situation, later: number): Change {
  return { type: 'credential.expect', name: snapshot.record.name, revision: snapshot.revision + later };
}

function isStale(error: unknown): boolean {
  return error instanceof StateError && error.code === 'stale';
}

/** False where the credential has changed since it was read: nothing was sent. */
async function commitIntent(
  { context, claim }: Turn,
  situation: Situation,
  intent: readonly Change[],
): Promise<boolean> {
  await context.state.prove();
  // The state may not take the answer: then there is room for it that nothing can take away any more.
  await context.spool.reserve(claim.id);
  try {
    await context.state.commit([asRead(situation, 0), ...intent], { under: claim });
    return true;
  } catch (error) {
    if (isStale(error)) return false;
    throw error;
  }
}

/**
 * A minted key's only copy is in `answer`. It goes to the spool, where a restart finds it, and is offered to the state
 * again and again until that takes it or the process ends; nothing further is minted until then.
 */
async function saveAnswer(
  { context, committer, claim, ending, pause }: Turn,
  rotationId: string,
  answer: Secret,
  cause: unknown,
): Promise<void> {
  const { log } = context;
  const fields = { credential: claim.id, rotation: rotationId };
  const entry = { credential: claim.id, rotationId, answer, at: timeOf(context, claim.id) };
  let spooled = false;
  for (let attempt = 1; ; attempt += 1) {
    spooled ||= await spoolAnswer(context, entry, cause);
    try {
      await journalSpooled(context, committer, entry);
      if (spooled) await context.spool.clear(claim.id);
      return log.info(fields, `${claim.id}: the minted key is in the journal now`);
    } catch (error) {
      if (ending.aborted) throw error;
      await pause(backoff(attempt, {}));
    }
  }
}

function observe(
  { counters, log }: EngineContext,
  situation: Situation,
  action: Action,
  outcome: Outcome,
  changes: readonly Change[],
  ms: number,
): void {
  const credential = situation.snapshot.record.name;
  const failure = 'failure' in outcome ? outcome.failure : null;
  if (action.do === 'mint' || action.do === 'verify')
    counters.observe('rotation_step_seconds', { step: action.do }, ms / 1_000);
  const fields = {
    credential,
    action: action.do,
    ms: Math.round(ms),
    ...(failure === null ? {} : { failure }),
  };
  if (failure === null) log.info(fields, `${credential}: ${action.do}`);
  else log.warn(fields, `${credential}: ${action.do} failed: ${failure.message}`);
  for (const change of changes) {
    if (change.type !== 'rotation.put') continue;
    const { state, trigger } = change.rotation;
    if (
      (state === 'overlap' || state === 'failed' || state === 'attention') &&
      state !== situation.snapshot.open?.state
    ) {
      counters.count('rotations_total', { credential, trigger, outcome: state });
    }
  }
}
