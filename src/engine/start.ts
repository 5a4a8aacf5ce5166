import { cancelDelivery } from '../alerting/delivery.ts';
import { heardBy } from '../alerting/gather.ts';
import { identityOf } from '../alerting/identity.ts';
import { orphans } from '../alerting/orphans.ts';
import type { CredentialConfig, DestinationConfig } from '../config/types.ts';
import {
  type Change,
  type CredentialRecord,
  type CredentialSnapshot,
  type Destination,
  formatDuration,
  type Signal,
  type Version,
} from '../model/index.ts';
import { agentsOf, currentVersion, nextCheck } from '../rotation/index.ts';
import { attendAll, silencesNotAhead } from './attend.ts';
import type { EngineContext } from './context.ts';
import { checkSpread, publicationId } from './destination.ts';
import { clientWork } from './grants/client.ts';
import { heartbeatChange } from './heartbeat.ts';
import { credentialLane, hookLane, loginLane, monitorLane, publicationLane } from './lanes.ts';
import { allAlerts, pressingEvents } from './owed.ts';
import { watchdogWork } from './watchdog.ts';

/**
 * What the configuration asks for and the state does not have yet: records for new credentials; publications, at once
 * for destinations without the current version; hooks that are owed; monitors, logins, OAuth clients, the watchdog.
 * Messages to channels that it no longer names are cancelled. Nobody claims the grants of a client that is gone: they stay
 * as they are until it is back. Run at every start; running it twice changes nothing.
 *
 * @param how `succeeds`: another engine of this process may have messages under way
 */
export async function reconcileConfiguration(
  context: EngineContext,
  { succeeds }: { readonly succeeds: boolean } = { succeeds: false },
): Promise<Change[]> {
  const { config, clock } = context;
  const now = clock.now();
  const changes: Change[] = [];
  for (const name of Object.keys(config.credentials))
    changes.push(...(await credentialChanges(context, name, now)));
  for (const name of Object.keys(config.stores)) {
    changes.push({ type: 'work.put', work: { kind: 'login', id: name, lane: loginLane(name), dueAt: now } });
  }
  for (const name of Object.keys(config.monitors)) {
    changes.push({
      type: 'work.put',
      work: { kind: 'monitor', id: name, lane: monitorLane(name), dueAt: now },
    });
  }
  for (const name of Object.keys(config.oauthClients))
    changes.push({ type: 'work.put', work: clientWork(name, now) });
  changes.push({ type: 'work.put', work: watchdogWork(now) });
  changes.push(heartbeatChange(config.heartbeat !== null, now));
  changes.push(...(await owedDeliveries(context, now, succeeds)));
  return changes;
}

/**
 * What the configuration ends and what it owes again: the alerts about what it no longer names, the messages to channels that it
 * no longer names, the messages of which nobody was told, and the due records of what is to be looked at again. Run at every start, after {@link reconcileConfiguration} was committed; running it twice
 * changes nothing.
 */
export async function reconcileAlerts(
  context: EngineContext,
): Promise<{ readonly changes: readonly Change[]; readonly signals: readonly Signal[] }> {
  const { config, state, clock } = context;
  const open = await allAlerts(state, true);
  const snapshots = new Map((await state.credentials()).map((snapshot) => [snapshot.record.name, snapshot]));
  const conditions = ({ name, destinations, rotation }: CredentialConfig) => {
    const snapshot = snapshots.get(name);
    const agents = snapshot === undefined ? [] : agentsOf(snapshot, clock.now());
    // An open rotation keeps the times it began with.
    const { warnBefore } = snapshot?.open?.terms ?? rotation;
    const reminders = [...warnBefore, ...rotation.remindBefore].map(formatDuration);
    return [...[...destinations, ...agents].map(({ id }) => id), ...reminders];
  };
  const configured = {
    credentials: Object.fromEntries(
      Object.values(config.credentials).map((credential) => [credential.name, conditions(credential)]),
    ),
    clients: Object.keys(config.oauthClients),
    monitors: Object.keys(config.monitors),
    channels: Object.keys(config.channels),
  };
  const signals = orphans(open, configured, clock.now());
  const ending = new Set(signals.map(identityOf));
  const lasting = open.filter(({ identity }) => !ending.has(identity));
  const owed = await attendAll(context, [...lasting, ...(await pressingEvents(context))]);
  // A former engine of this process may have owed them since.
  const forNobody = await owedToNobody(context);
  return { changes: [...(await silencesNotAhead(context)), ...forNobody, ...owed], signals };
}

/**
 * Nobody claims the lane of a channel that is gone; what other channels are owed is due now, for the clock may have been
 * set back while nobody ran.
 */
async function owedDeliveries(context: EngineContext, now: number, succeeds: boolean): Promise<Change[]> {
  const { config, state } = context;
  const wakes = (await state.pendingDeliveries()).flatMap((delivery): Change[] => {
    const { id, channel } = delivery;
    const underWay = succeeds && heardBy(delivery, now) > now;
    if (!Object.hasOwn(config.channels, channel) || underWay) return [];
    return [{ type: 'work.wake', kind: 'delivery', id, at: now }];
  });
  return [...(await owedToNobody(context)), ...wakes];
}

/** Cancels the messages to channels that are no longer configured. */
async function owedToNobody({ config, state, clock }: EngineContext): Promise<Change[]> {
  const now = clock.now();
  return (await state.pendingDeliveries()).flatMap((delivery): Change[] => {
    if (Object.hasOwn(config.channels, delivery.channel)) return [];
    return [
      { type: 'delivery.put', delivery: cancelDelivery(delivery, now) },
      { type: 'work.delete', kind: 'delivery', id: delivery.id },
    ];
  });
}

async function credentialChanges(context: EngineContext, name: string, now: number): Promise<Change[]> {
  const credential = context.config.credentials[name];
  if (credential === undefined) return [];
  const { provider, destinations } = credential;
  const snapshot = await context.state.credential(name);
  const record = snapshot?.record ?? blankRecord(name, provider, now);
  const current = currentVersion(snapshot?.versions ?? []);
  return [
    ...recordChanges(snapshot, { ...record, provider }),
    { type: 'work.put', work: { kind: 'credential', id: name, lane: credentialLane(provider), dueAt: now } },
    ...destinations.flatMap((destination): Change[] => {
      const known = snapshot?.destinations.find(({ id }) => id === destination.id) ?? null;
      const id = publicationId(name, destination.id);
      return [
        ...(current === null
          ? []
          : [publicationWork(id, destination, firstVisit(context, { credential, known, current, id }, now))]),
        ...hookWork(id, destination, known, now),
      ];
    }),
  ];
}

/** Only what is new: whoever shares this state may be writing it at this moment. */
function recordChanges(snapshot: CredentialSnapshot | null, record: CredentialRecord): Change[] {
  if (snapshot?.record.provider === record.provider) return [];
  const put: Change = { type: 'credential.put', record };
  if (snapshot === null) return [put];
  return [{ type: 'credential.expect', name: record.name, revision: snapshot.revision }, put];
}

/** A configured credential before its first version. */
export function blankRecord(name: string, provider: string, now: number): CredentialRecord {
  return {
    name,
    provider,
    state: 'new',
    firstSeenAt: now,
    lastError: null,
    attempts: 0,
    retryAt: null,
    pause: null,
    recoveryId: null,
    uncertain: [],
  };
}

function publicationWork(id: string, { store }: DestinationConfig, dueAt: number): Change {
  return { type: 'work.put', work: { kind: 'publication', id, lane: publicationLane(store), dueAt } };
}

type Visited = {
  readonly credential: CredentialConfig;
  readonly known: Destination | null;
  readonly current: Version;
  readonly id: string;
};

/**
 * A destination that has the current version, or had it, is looked at when it would have been without the restart; at
 * once where its last look lies ahead of our clock, which cannot say then how long ago it was.
 */
function firstVisit(
  context: EngineContext,
  { credential, known, current, id }: Visited,
  now: number,
): number {
  const has = known?.state === 'published' || known?.state === 'drifted';
  if (!has || known.versionId !== current.id || known.checkedAt === null || known.checkedAt > now) return now;
  return nextCheck(credential.drift, checkSpread(context, id), known.checkedAt);
}

function hookWork(
  id: string,
  { onChange }: DestinationConfig,
  known: Destination | null,
  now: number,
): Change[] {
  if (onChange === null || known?.hook?.state !== 'owed') return [];
  return [{ type: 'work.put', work: { kind: 'hook', id, lane: hookLane(onChange.kind), dueAt: now } }];
}
