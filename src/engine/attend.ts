import { attend } from '../alerting/attend.ts';
import { answerDueAt, unanswered } from '../alerting/incident.ts';
import { RELATED } from '../alerting/inhibit.ts';
import { owe } from '../alerting/outbox.ts';
import { lookAgain } from '../alerting/pipeline.ts';
import type { Alert, Change, Claim, Signal } from '../model/index.ts';
import { StateError } from '../state/contract.ts';
import { alertingScope, type Committer } from './commit.ts';
import type { EngineContext } from './context.ts';

/** An alert that a channel refuses while it takes others is offered to it so often, until the next start. */
export const OFFERS = 3;

/** So often in succession somebody else may write the alert between our read and our write. */
const CONFLICT_LIMIT = 10;

/** One turn of an alert that is still triggered: what it is owed by now goes into the outbox. */
export async function turnAlert(context: EngineContext, committer: Committer, claim: Claim): Promise<void> {
  const { state } = context;
  for (let attempt = 1; ; attempt += 1) {
    const alert = await state.alert(claim.id);
    const [attended] = alert === null ? [] : await attendTo(context, [alert], OFFERS);
    if (attended === undefined) return state.commit([], { hold: { claim, next: null } });
    try {
      const { owed, nextAt, signals } = attended;
      const changes = [...(owed.length === 0 ? [] : [asRead(attended.alert)]), ...owed];
      return await committer.commit(changes, signals, { hold: { claim, next: nextAt } });
    } catch (error) {
      const conflict = error instanceof StateError && error.code === 'conflict';
      if (!conflict || attempt === CONFLICT_LIMIT) throw error;
    }
  }
}

/** Whoever acknowledges or ends it meanwhile comes first, and nobody is pressed after that. */
function asRead(alert: Alert): Change {
  const { revision } = alert;
  return { type: 'alert.put', alert: { ...alert, revision: revision + 1 }, expected: revision };
}

/** What an alert is owed now, and when to look at it again. */
export type Attended = {
  readonly alert: Alert;
  readonly owed: readonly Change[];
  readonly nextAt: number | null;
  /** What else has come to be true of it. */
  readonly signals: readonly Signal[];
};

/**
 * Looks at each of these alerts; see {@link attend}.
 *
 * @param refusals a channel that has refused an alert so often is not asked to take it again
 */
export async function attendTo(
  context: EngineContext,
  alerts: readonly Alert[],
  refusals: number,
): Promise<readonly Attended[]> {
  const { state } = context;
  const scope = alertingScope(context);
  const credentials = alerts.flatMap(({ kind, credential }) =>
    credential !== undefined && RELATED.includes(kind) ? [credential] : [],
  );
  const [deliveries, silences, open] = await Promise.all([
    state.deliveriesOf(alerts.map(({ id }) => id)),
    state.silences(scope.now),
    state.openAlerts({ credentials: [...new Set(credentials)], kinds: RELATED }),
  ]);
  const byAlert = Map.groupBy(deliveries, ({ alertId }) => alertId);
  const around = { ...scope, silences, open, refusals };
  return alerts.map((alert) => {
    const own = byAlert.get(alert.id) ?? [];
    const { owed, nextAt } = attend(alert, own, around);
    const due = answerDueAt(alert);
    return {
      alert,
      owed: owed.flatMap((channel) => owe(alert, 'trigger', channel, { ...scope, own })),
      nextAt: due === null || due <= scope.now ? nextAt : Math.min(due, nextAt ?? due),
      signals: due !== null && due <= scope.now ? [unanswered(alert, scope.now)] : [],
    };
  });
}

/**
 * What alerts that are open are owed by now, and the due records of those that are to be looked at again; what else has
 * come to be true of them is found then.
 */
export async function attendAll(
  context: EngineContext,
  open: readonly Alert[],
  refusals = Number.POSITIVE_INFINITY,
): Promise<Change[]> {
  const attended = await attendTo(context, open, refusals);
  const now = context.clock.now();
  return attended.flatMap(({ alert, owed, nextAt, signals }) => [
    ...owed,
    ...lookAgain(alert, signals.length === 0 ? nextAt : now),
  ]);
}
