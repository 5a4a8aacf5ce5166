import type { Alert, Change, Signal } from '../model/index.ts';
import { dedup } from './dedup.ts';
import { identityOf } from './identity.ts';
import { audited, owe, told } from './outbox.ts';
import type { AlertingContext, Passage } from './passage.ts';
import { channelsFor } from './route.ts';

type Stage = (passage: Passage, context: AlertingContext) => Passage;

/** What every signal goes through, in order. */
const PIPELINE: readonly Stage[] = [dedup, route];

/**
 * Turns signals into the changes that make them alerts: the alerts themselves, a delivery for each channel that is
 * told, its due work, and the audit entries of every begin and end. The same as handing them in one after the other.
 *
 * @param existing the latest alert of each identity among the signals (see {@link identityOf}), for those that exist
 * @example
 * const existing = await state.alertsByIdentity(signals.map(identityOf));
 * await state.commit(process(signals, existing, context));
 */
export function process(
  signals: readonly Signal[],
  existing: readonly Alert[],
  context: AlertingContext,
): Change[] {
  const latest = new Map(existing.map((alert) => [alert.identity, alert]));
  const touched = new Map<string, Alert>();
  const deliveries = [...context.deliveries];
  const rest: Change[] = [];
  for (const signal of signals) {
    const passage = pass(signal, latest, { ...context, deliveries });
    if (passage.after === null) continue;
    latest.set(passage.identity, passage.after);
    touched.set(passage.after.id, passage.after);
    const changes = follow(passage, passage.after, { ...context, deliveries });
    for (const change of changes) if (change.type === 'delivery.put') deliveries.push(change.delivery);
    rest.push(...changes);
  }
  const stored = new Map(existing.map((alert) => [alert.id, alert.revision]));
  return [...[...touched.values()].map((alert) => put(alert, stored.get(alert.id) ?? null)), ...rest];
}

function pass(signal: Signal, latest: ReadonlyMap<string, Alert>, context: AlertingContext): Passage {
  const identity = identityOf(signal);
  const start: Passage = {
    signal,
    identity,
    before: latest.get(identity) ?? null,
    after: null,
    event: null,
    channels: [],
  };
  return PIPELINE.reduce((passage, stage) => stage(passage, context), start);
}

/** The end is told wherever the begin was, whatever the routes say by now. */
function route(passage: Passage, context: AlertingContext): Passage {
  const { after, event } = passage;
  if (after === null || event === null) return passage;
  const channels =
    event === 'resolve'
      ? told(after, context.deliveries, context.channels)
      : channelsFor(after, context.routes, context.channels);
  return { ...passage, channels };
}

/** All that an alert's change brings with it. */
function follow(passage: Passage, alert: Alert, context: AlertingContext): Change[] {
  const { event } = passage;
  if (event === null) return [];
  return [
    ...(event === 'resolve' ? hasten(alert, context) : []),
    ...passage.channels.flatMap((channel) => owe(alert, event, channel, context)),
    audited(event === 'resolve' ? 'alert.resolved' : 'alert.raised', alert, 'daemon', context.now),
  ];
}

/** A trigger for information that was not sent yet is looked at now: it is void, and the resolve waits for it. */
function hasten(alert: Alert, context: AlertingContext): Change[] {
  if (alert.severity !== 'info') return [];
  return context.deliveries
    .filter(({ alertId, event, state }) => alertId === alert.id && event === 'trigger' && state === 'pending')
    .map(({ id }) => ({ type: 'work.wake', kind: 'delivery', id, at: context.now }));
}

/** Several signals of one identity are one write. */
function put(alert: Alert, expected: number | null): Change {
  return { type: 'alert.put', alert: { ...alert, revision: (expected ?? 0) + 1 }, expected };
}
