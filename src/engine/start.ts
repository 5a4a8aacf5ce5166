import { cancelDelivery } from '../alerting/delivery.ts';
import { identityOf } from '../alerting/identity.ts';
import { orphans } from '../alerting/orphans.ts';
import type { Change, Signal } from '../model/index.ts';
import { currentVersion } from '../rotation/index.ts';
import type { EngineContext } from './context.ts';
import { credentialLane, loginLane, monitorLane, publicationLane } from './lanes.ts';
import { allAlerts, owedAnew } from './owed.ts';
import { publicationId } from './publish.ts';

/**
 * What the configuration asks for and the state does not have yet: records for new credentials, publications for
 * destinations without the current version, monitors, logins. Messages to channels that it no longer names are
 * cancelled. Run at every start; running it twice changes nothing.
 */
export async function reconcileConfiguration(context: EngineContext): Promise<Change[]> {
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
  changes.push(...(await unclaimedDeliveries(context, now)));
  return changes;
}

/**
 * What the configuration ends and what it owes again: the alerts about what it no longer names, and the messages of
 * which nobody was told. Run at every start, after {@link reconcileConfiguration} was committed; running it twice
 * changes nothing.
 */
export async function reconcileAlerts(
  context: EngineContext,
): Promise<{ readonly changes: readonly Change[]; readonly signals: readonly Signal[] }> {
  const { config, state, clock } = context;
  const open = await allAlerts(state, true);
  const configured = {
    credentials: Object.fromEntries(
      Object.values(config.credentials).map(({ name, destinations }) => [
        name,
        destinations.map(({ id }) => id),
      ]),
    ),
    monitors: Object.keys(config.monitors),
    channels: Object.keys(config.channels),
  };
  const signals = orphans(open, configured, clock.now());
  const ending = new Set(signals.map(identityOf));
  const lasting = open.filter(({ identity }) => !ending.has(identity));
  return { changes: await owedAnew(context, lasting), signals };
}

/** Nobody claims the lane of a channel that is gone. Also ends may be owed, so all alerts are gone through. */
async function unclaimedDeliveries({ config, state }: EngineContext, now: number): Promise<Change[]> {
  const gone = (channel: string) => !Object.hasOwn(config.channels, channel);
  if (!Object.keys(await state.outboxDepth()).some(gone)) return [];
  const alerts = await allAlerts(state, false);
  const deliveries = await Promise.all(alerts.map(({ id }) => state.deliveries(id)));
  return deliveries
    .flat()
    .filter((delivery) => delivery.state === 'pending' && gone(delivery.channel))
    .flatMap((delivery): Change[] => [
      { type: 'delivery.put', delivery: cancelDelivery(delivery, now) },
      { type: 'work.delete', kind: 'delivery', id: delivery.id },
    ]);
}

async function credentialChanges(
  { config, state }: EngineContext,
  name: string,
  now: number,
): Promise<Change[]> {
  const credential = config.credentials[name];
  if (credential === undefined) return [];
  const { provider, destinations } = credential;
  const snapshot = await state.credential(name);
  const record = snapshot?.record ?? {
    name,
    provider,
    state: 'new' as const,
    firstSeenAt: now,
    lastError: null,
    attempts: 0,
    retryAt: null,
  };
  const current = currentVersion(snapshot?.versions ?? []);
  const lacking = destinations.filter(({ id }) => {
    const known = snapshot?.destinations.find((destination) => destination.id === id);
    return current !== null && (known?.state !== 'published' || known.versionId !== current.id);
  });
  return [
    { type: 'credential.put', record: { ...record, provider } },
    { type: 'work.put', work: { kind: 'credential', id: name, lane: credentialLane(provider), dueAt: now } },
    ...lacking.map(({ id, store }): Change => {
      const work = {
        kind: 'publication' as const,
        id: publicationId(name, id),
        lane: publicationLane(store),
        dueAt: now,
      };
      return { type: 'work.put', work };
    }),
  ];
}
