import type { Alert, Change, Delivery, Signal } from '../model/index.ts';
import { type AttendContext, attend } from './attend.ts';
import { dedup } from './dedup.ts';
import { planDelivery, tellingOf } from './delivery.ts';
import { goOn, mayBeTakenOn } from './go-on.ts';
import { identityOf } from './identity.ts';
import { lookAt } from './incident.ts';
import { explainedBy, explains, mayExplain, RELATED } from './inhibit.ts';
import { ALERTS_LANE, audited, owe, told } from './outbox.ts';
import type { AlertingContext, Passage, Surroundings } from './passage.ts';
import { audienceOf } from './route.ts';
import { mutedUntil } from './silence.ts';
import { capsOf } from './throttle.ts';

type Stage = (passage: Passage, context: Surroundings) => Passage;

/** What every signal goes through, in order. What is owed is gathered and spaced when it is sent, see {@link import('./gather.ts')}. */
const PIPELINE: readonly Stage[] = [dedup, silence, inhibit, route, part];

/**
 * Turns signals into the changes that make them alerts: the alerts themselves, a delivery for each channel that is
 * told, its due work, and the audit entries of every begin and end. The same as handing them in one after the other,
 * those first that explain others.
 *
 * @param existing the latest alert of each identity among the signals (see {@link identityOf}), for those that exist
 * @example
 * const existing = await state.alertsByIdentity(signals.map(identityOf));
 * await state.commit(process(signals, existing, context));
 */
export function process(
  signals: readonly Signal[],
  existing: readonly Alert[],
  { deliveries, open, ...context }: AlertingContext,
): Change[] {
  const latest = new Map(existing.map((alert) => [alert.identity, alert]));
  const touched = new Map<string, Alert>();
  const byAlert = Map.groupBy(deliveries, ({ alertId }) => alertId);
  const related = new Map(open.map((alert) => [alert.id, alert]));
  const around: Surroundings = {
    ...context,
    own: ({ id }) => byAlert.get(id) ?? [],
    related: ({ kind }) => (RELATED.includes(kind) ? [...related.values()] : []),
  };
  const rest: Change[] = [];
  for (const signal of [...signals.filter(explains), ...signals.filter((one) => !explains(one))]) {
    const passage = pass(signal, latest, around);
    const { after, former } = passage;
    if (after === null) continue;
    latest.set(passage.identity, after);
    if (former !== null) touched.set(former.id, former);
    touched.set(after.id, after);
    const changes = follow(passage, after, around);
    for (const made of madeBy(changes))
      byAlert.set(made.alertId, [...(byAlert.get(made.alertId) ?? []), made]);
    if (former !== null) related.delete(former.id);
    if (RELATED.includes(after.kind)) related.set(after.id, after);
    rest.push(...changes);
  }
  const stored = new Map(existing.map((alert) => [alert.id, alert.revision]));
  return [...[...touched.values()].map((alert) => put(alert, stored.get(alert.id) ?? null)), ...rest];
}

function madeBy(changes: readonly Change[]): Delivery[] {
  return changes.flatMap((change) => (change.type === 'delivery.put' ? [change.delivery] : []));
}

function pass(signal: Signal, latest: ReadonlyMap<string, Alert>, context: Surroundings): Passage {
  const identity = identityOf(signal);
  const start: Passage = {
    signal,
    identity,
    before: latest.get(identity) ?? null,
    after: null,
    former: null,
    event: null,
    quiet: false,
    channels: [],
  };
  return PIPELINE.reduce((passage, stage) => stage(passage, context), start);
}

/** An end is never muted: whoever was told of the begin is told of it. */
function silence(passage: Passage, { silences, now }: Surroundings): Passage {
  const { after, event } = passage;
  if (after === null || event !== 'trigger' || mutedUntil(after, silences, now) === null) return passage;
  return { ...passage, quiet: true };
}

/** What another alert explains is kept with it, and told when that ends before it does. */
function inhibit(passage: Passage, context: Surroundings): Passage {
  const { after, event } = passage;
  const cause =
    after === null || event === 'resolve'
      ? null
      : explainedBy(after, { ...context, open: context.related(after) });
  if (after === null || cause === null) return passage;
  const evidence = { ...after.evidence, explainedBy: `${cause.id}: ${cause.title}` };
  return { ...passage, after: { ...after, evidence }, quiet: true };
}

/** The end is told wherever the begin was, whatever the routes say by now. */
function route(passage: Passage, context: Surroundings): Passage {
  const { after, event, quiet } = passage;
  if (after === null || event === null || quiet) return passage;
  const channels =
    event === 'resolve'
      ? told(context.own(after), context.channels)
      : audienceOf(after, context.own(after), context);
  return { ...passage, channels };
}

/** What gets worse where somebody may have taken it on goes on as an alert of its own. What is quiet stays as it is until it is told. */
function part(passage: Passage, context: Surroundings): Passage {
  const { before, after, event, channels } = passage;
  if (before === null || after === null || event !== 'trigger') return passage;
  if (!mayBeTakenOn(after, channels, context.own(after), context.channels)) return passage;
  const { former, next } = goOn(before, after, context);
  return { ...passage, after: next, former };
}

/** All that an alert's change brings with it. */
function follow(passage: Passage, alert: Alert, context: Surroundings): Change[] {
  const { before, event } = passage;
  if (event === null) return isExplained(before) && !isExplained(alert) ? lookAgain(alert, context.now) : [];
  if (event !== 'resolve') return begun(passage, alert, { ...context, open: context.related(alert) });
  const own = context.own(alert);
  const owed = passage.channels.flatMap((channel) => owe(alert, event, channel, { ...context, own }));
  return [
    ...hasten(alert, [...own, ...madeBy(owed)], context),
    ...owed,
    ...unexplained(alert, context),
    audited('alert.resolved', alert, 'daemon', context.now),
  ];
}

/** What surrounds an alert that begins or goes on. */
export type Beginning = Omit<AttendContext, 'refusals'> & Pick<AlertingContext, 'newId'>;

/** All that a begin, or a severity that rose, brings with it: what is told, and the end of the one that goes on as this one. */
export function begun(
  { channels, former }: Pick<Passage, 'channels' | 'former'>,
  alert: Alert,
  context: Beginning,
): Change[] {
  const { now } = context;
  const own = context.own(alert);
  const owed = channels.flatMap((channel) => owe(alert, 'trigger', channel, { ...context, own }));
  const look = { ...context, refusals: Number.POSITIVE_INFINITY };
  return [
    ...owed,
    ...(former === null ? [] : giveWay(former, channels, context)),
    ...lookAgain(alert, lookAt(alert, attend(alert, madeBy(owed), look).nextAt, now)),
    audited('alert.raised', alert, 'daemon', now),
  ];
}

/**
 * What an alert that goes on as another leaves: its end wherever its key stands, and where people only read, unless they are told
 * of the other.
 */
function giveWay(former: Alert, channels: readonly string[], context: Beginning): Change[] {
  const own = context.own(former);
  const ends = told(own, context.channels)
    .filter((name) => !channels.includes(name) || capsOf(context.channels[name] ?? '').folds)
    .flatMap((channel) => owe(former, 'resolve', channel, { ...context, own }));
  return [
    ...hasten(former, [...own, ...madeBy(ends)], context),
    ...ends,
    audited('alert.resolved', former, 'daemon', context.now),
  ];
}

/** When an alert is looked at again: for a repeat, an escalation, the end of a silence. */
export function lookAgain({ id }: Alert, at: number | null): Change[] {
  return at === null ? [] : [{ type: 'work.put', work: { kind: 'alert', id, lane: ALERTS_LANE, dueAt: at } }];
}

/** Its end leaves what it explained without a reason: that is told now, if it still holds. */
function unexplained(alert: Alert, { related, now }: Surroundings): Change[] {
  if (!explains(alert)) return [];
  return related(alert)
    .filter((other) => other.id !== alert.id && mayExplain({ ...alert, state: 'triggered' }, other))
    .flatMap((other) => lookAgain(other, now));
}

function isExplained(alert: Alert | null): boolean {
  return alert?.evidence.explainedBy !== undefined;
}

/** A trigger that was not sent yet and that the end may make void is looked at now, for the end waits for it. */
function hasten(
  alert: Alert,
  own: readonly Delivery[],
  { channels, now }: Pick<Surroundings, 'channels' | 'now'>,
): Change[] {
  return own
    .filter((one) => {
      const { wakes } = capsOf(channels[one.channel] ?? '');
      const waits = one.event === 'trigger' && one.state === 'pending';
      return waits && planDelivery(one, own, tellingOf(alert, wakes)) === 'cancel';
    })
    .map(({ id }) => ({ type: 'work.wake', kind: 'delivery', id, at: now }));
}

/** Several signals of one identity are one write. */
function put(alert: Alert, expected: number | null): Change {
  return { type: 'alert.put', alert: { ...alert, revision: (expected ?? 0) + 1 }, expected };
}
