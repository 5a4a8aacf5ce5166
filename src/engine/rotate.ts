import type { Change, Claim } from '../model/index.ts';
import {
  type Action,
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

/**
 * One turn of a credential: plan, commit the intent, perform, fold, commit, again, until there is nothing to do but
 * wait. A crash anywhere leaves what the next turn needs in the state.
 */
export async function turnCredential(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
): Promise<void> {
  const { state, clock, newId } = context;
  if (context.config.credentials[claim.id] === undefined) {
    // No longer configured: parked, its versions kept until somebody forgets it.
    return state.commit([], { hold: { claim, next: null } });
  }
  for (;;) {
    const situation = await situationOf(context, claim.id);
    const now = clock.now();
    const action = plan(situation, now, newId);
    if (action.do === 'wait') {
      return committer.commit([], lateDestinations(situation, now), {
        hold: { claim, next: action.until ?? NEVER },
      });
    }
    await turn(context, committer, claim, situation, action);
  }
}

/** A credential without a due time stays in the table, so that it can be woken. */
const NEVER = 8_640_000_000_000_000;

async function turn(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  situation: Situation,
  action: Action,
): Promise<void> {
  const { state, clock, newId } = context;
  const intent = intend(situation, action, clock.now());
  if (intent.length > 0) {
    await state.prove();
    await state.commit(intent, { under: claim });
  }
  const started = clock.monotonic();
  const outcome = await perform(context, situation, action);
  const { changes, signals } = fold(situation, action, outcome, clock.now(), newId);
  observe(context, situation, action, outcome, changes, clock.monotonic() - started);
  try {
    await committer.commit(changes, signals, { under: claim });
  } catch (error) {
    await rescueAnswer(context, action, outcome, error);
    throw error;
  }
}

/** A minted key's only copy may be in `outcome`: where the claim was lost meanwhile, it goes to the journal all the same. */
async function rescueAnswer(
  context: EngineContext,
  action: Action,
  outcome: Outcome,
  error: unknown,
): Promise<void> {
  const lost = error instanceof StateError && error.code === 'claim_lost';
  if (!lost || action.do !== 'mint' || outcome.of !== 'mint' || !('answer' in outcome)) return;
  const { state, clock } = context;
  await state.commit([
    { type: 'journal.put', rotationId: action.rotation.id, answer: outcome.answer, at: clock.now() },
  ]);
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
