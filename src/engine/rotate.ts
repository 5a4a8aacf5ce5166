import type { Change, Claim, Secret } from '../model/index.ts';
import {
  type Action,
  backoff,
  fold,
  intend,
  lateDestinations,
  type Outcome,
  plan,
  type Situation,
} from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { perform } from './perform.ts';
import { situationOf } from './situation.ts';

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
  const { state, clock, newId } = context;
  if (context.config.credentials[claim.id] === undefined) {
    // No longer configured: parked, its versions kept until somebody forgets it.
    return state.commit([], { hold: { claim, next: null } });
  }
  let now = clock.now();
  for (;;) {
    const situation = await situationOf(context, claim.id);
    const action = plan(situation, now, newId);
    if (action.do === 'wait') {
      return committer.commit([], lateDestinations(situation, now), {
        hold: { claim, next: action.until ?? NEVER },
      });
    }
    if (surroundings.stopping.aborted) return state.commit([], { hold: { claim, next: now } });
    now = await turn({ context, committer, claim, ...surroundings }, situation, action);
  }
}

/** How a turn hears of the daemon's stop, and rests without holding it up. */
export type Surroundings = {
  readonly stopping: AbortSignal;
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
  const { clock, newId } = context;
  const intent = intend(situation, action, clock.now());
  if (intent.length > 0 && !(await commitIntent(holder, situation, intent))) return clock.now();
  const started = clock.monotonic();
  const outcome = await perform(context, situation, action);
  const now = clock.now();
  const { changes, signals } = fold(situation, action, outcome, now, newId);
  observe(context, situation, action, outcome, changes, clock.monotonic() - started);
  try {
    await committer.commit([asRead(situation, intent.length > 0 ? 1 : 0), ...changes], signals, {
      under: claim,
    });
  } catch (error) {
    if (action.do === 'mint' && outcome.of === 'mint' && 'answer' in outcome) {
      await saveAnswer(holder, action.rotation.id, outcome.answer, error);
    } else if (!isStale(error)) throw error;
    return clock.now();
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
  try {
    await context.state.commit([asRead(situation, 0), ...intent], { under: claim });
    return true;
  } catch (error) {
    if (isStale(error)) return false;
    throw error;
  }
}

/**
 * A minted key's only copy is in `answer`: whatever keeps the state from taking it, it is tried again until it is
 * taken or the daemon stops. The same request repeated then gets the same answer, where the provider remembers.
 */
async function saveAnswer(
  { context, claim, stopping, pause }: Turn,
  rotationId: string,
  answer: Secret,
  cause: unknown,
): Promise<void> {
  const { state, clock, log } = context;
  const fields = { credential: claim.id, rotation: rotationId };
  log.error(
    { ...fields, error: cause },
    `${claim.id}: a minted key is held in memory alone: the state did not take it`,
  );
  for (let attempt = 1; ; attempt += 1) {
    try {
      const open = (await state.credential(claim.id))?.open;
      const at = clock.now();
      const journal: Change = { type: 'journal.put', rotationId, answer, at };
      const answered: Change[] =
        open?.id === rotationId ? [{ type: 'rotation.put', rotation: { ...open, answeredAt: at } }] : [];
      await state.commit([journal, ...answered]);
      return log.info(fields, `${claim.id}: the minted key is in the journal now`);
    } catch (error) {
      if (stopping.aborted) throw error;
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
