import type { Change } from '../model/index.ts';
import { currentVersion } from '../rotation/index.ts';
import type { EngineContext } from './context.ts';
import { credentialLane, loginLane, monitorLane, publicationLane } from './lanes.ts';
import { publicationId } from './publish.ts';

/**
 * What the configuration asks for and the state does not have yet: records for new credentials, publications for
 * destinations without the current version, monitors, logins. Run at every start; running it twice changes nothing.
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
  return changes;
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
