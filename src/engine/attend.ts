import { noted, silenceNotAhead } from '../alerting/ahead.ts';
import { attend } from '../alerting/attend.ts';
import { goOn, mayBeTakenOn } from '../alerting/go-on.ts';
import type { DedupScope } from '../alerting/identity.ts';
import { answerDueAt, lookAt, unanswered } from '../alerting/incident.ts';
import { mutedCauses, RELATED } from '../alerting/inhibit.ts';
import { ALERTS_LANE, owe, told } from '../alerting/outbox.ts';
import { type Beginning, begun, lookAgain } from '../alerting/pipeline.ts';
import type { Alert, Change, Claim, Signal, Work } from '../model/index.ts';
import { type State, StateError } from '../state/contract.ts';
import { put } from './bundle.ts';
import { alertingScope, type Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { pressingEvents } from './owed.ts';

/** An alert that a channel refuses while it takes others is offered to it so often, until the next start. */
const OFFERS = 3;

/** Stands in the place of an alert's id in the due record of a look at all that are open. */
const RECOVERY = 'recovery';

/** So many are looked at before anything else gets a turn. */
const AT_ONCE = 200;

/** So often in succession somebody else may write the alert between our read and our write. */
const CONFLICT_LIMIT = 10;

/** One turn of an alert that is still triggered: what it is owed by now goes into the outbox. */
export async function turnAlert(context: EngineContext, committer: Committer, claim: Claim): Promise<void> {
  const { state } = context;
  if (claim.id === RECOVERY) return turnRecovery(context, claim);
  for (let attempt = 1; ; attempt += 1) {
    const alert = await state.alert(claim.id);
    const [attended] = alert === null ? [] : await attendTo(context, [alert], OFFERS);
    if (attended === undefined) return state.commit([], { hold: { claim, next: null } });
    try {
      const { owed, corrected, nextAt, signals } = attended;
      const isWritten = owed.length > 0 || corrected !== null;
      const changes = [...(isWritten ? [asRead(attended.alert)] : []), ...(corrected ?? []), ...owed];
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
  /** It differs from what is stored, see {@link noted}, and so do these messages; null: nothing does. */
  readonly corrected: readonly Change[] | null;
  readonly nextAt: number | null;
  /** What else has come to be true of it. */
  readonly signals: readonly Signal[];
};

/**
 * Looks at each of these alerts; see {@link attend}.
 *
 * @param refusals a channel that has refused an alert so often is not asked to take it again
 */
async function attendTo(
  context: EngineContext,
  alerts: readonly Alert[],
  refusals: number,
): Promise<readonly Attended[]> {
  const { state } = context;
  const scope = alertingScope(context);
  const credentials = alerts.flatMap(({ kind, credential }) =>
    credential !== undefined && RELATED.includes(kind) ? [credential] : [],
  );
  const [silences, open] = await Promise.all([
    state.silences(scope.now),
    state.openAlerts({ credentials: [...new Set(credentials)], kinds: RELATED }),
  ]);
  const owing = [...alerts, ...mutedCauses({ now: scope.now, open, silences })];
  const deliveries = await state.deliveriesOf([...new Set(owing.map(({ id }) => id))]);
  const byAlert = Map.groupBy(deliveries, ({ alertId }) => alertId);
  const ownOf = ({ id }: Alert) => byAlert.get(id) ?? [];
  const around = { ...scope, silences, open, own: ownOf, refusals };
  return alerts.map((stored) => {
    const { alert, own, moved } = noted(stored, ownOf(stored), scope.now);
    const { owed, nextAt } = attend(alert, own, around);
    const due = answerDueAt(alert);
    const signals = due !== null && due <= scope.now ? [unanswered(alert, scope.now)] : [];
    if (mayBeTakenOn(alert, owed, own, scope.channels)) {
      // Who has heard since it got worse goes on with it: else their incident would end with the former.
      const since = own.filter(({ createdAt }) => createdAt >= alert.triggeredAt);
      const channels = new Set([...owed, ...told(since, scope.channels)]);
      return { ...goesOn(alert, [...channels], around), corrected: moved.map(put), signals };
    }
    return {
      alert,
      owed: owed.flatMap((channel) => owe(alert, 'trigger', channel, { ...scope, own })),
      corrected: alert === stored && moved.length === 0 ? null : moved.map(put),
      nextAt: lookAt(alert, nextAt, scope.now),
      signals,
    };
  });
}

/** What got worse in a silence, or beside its reason, is told as an alert of its own, see {@link goOn}. */
function goesOn(
  alert: Alert,
  channels: readonly string[],
  around: Beginning & DedupScope,
): Pick<Attended, 'alert' | 'owed' | 'nextAt'> {
  const { former, next } = goOn(alert, alert, around);
  return {
    alert: former,
    owed: [{ type: 'alert.put', alert: next, expected: null }, ...begun({ channels, former }, next, around)],
    nextAt: null,
  };
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
  return attended.flatMap(({ alert, owed, corrected, nextAt, signals }) =>
    corrected !== null
      ? lookAgain(alert, now)
      : [...owed, ...lookAgain(alert, signals.length === 0 ? nextAt : now)],
  );
}

/** The silences that were begun while the clock was ahead, as they are to be kept since it was set back. */
export async function silencesNotAhead({ state, clock }: EngineContext): Promise<Change[]> {
  const now = clock.now();
  return (await state.silences(now)).flatMap((stored): Change[] => {
    const silence = silenceNotAhead(stored, now);
    return silence === stored ? [] : [{ type: 'silence.put', silence }];
  });
}

/** After a channel has come back: what it, or another, refused meanwhile and what still holds is looked at then. */
export function recoveryWork(dueAt: number): Work {
  return { kind: 'alert', id: RECOVERY, lane: ALERTS_LANE, dueAt };
}

async function turnRecovery(context: EngineContext, claim: Claim): Promise<void> {
  const { state, clock } = context;
  // Each by its own turn, which sees whether somebody has ended it meanwhile.
  const look = async (alerts: readonly Alert[]) => {
    const attended = await attendTo(context, alerts, OFFERS);
    const owing = attended.filter(({ owed }) => owed.length > 0);
    await state.commit(
      owing.flatMap(({ alert }) => lookAgain(alert, clock.now())),
      { under: claim },
    );
  };
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<State['alerts']>> = await state.alerts({
      cursor,
      limit: AT_ONCE,
      state: 'open',
    });
    await look(page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  const events = await pressingEvents(context);
  for (let from = 0; from < events.length; from += AT_ONCE) await look(events.slice(from, from + AT_ONCE));
  await state.commit([], { hold: { claim, next: null } });
}
