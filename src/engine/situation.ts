import { type CredentialSnapshot, type KeyUser, KeywardenError, type Version } from '../model/index.ts';
import { agentsOf, currentVersion, type Situation } from '../rotation/index.ts';
import type { EngineContext } from './context.ts';
import { publicationLane } from './lanes.ts';
import { notAhead } from './not-ahead.ts';
import { timeOf } from './provider-time.ts';

/**
 * Gathers what the plan of one credential reads.
 * @param now by the provider's clock, as far as it is known; `timeKnown` says whether it is
 * @throws {KeywardenError} `unknown_credential`
 */
export async function situationOf(
  context: EngineContext,
  name: string,
  { now = timeOf(context, name), timeKnown = true } = {},
): Promise<Situation> {
  const { config, state, hash } = context;
  const credential = config.credentials[name];
  const stored = await state.credential(name);
  if (credential === undefined || stored === null) {
    throw new KeywardenError('unknown_credential', `no credential is configured under the name ${name}`);
  }
  const snapshot = notAhead(stored, now);
  const current = currentVersion(snapshot.versions);
  return {
    installation: installationOf(context),
    policy: credential.rotation,
    destinations: [
      ...credential.destinations.map(({ id, required, store, consumerLag }) => ({
        id,
        required,
        consumerLag,
        lane: publicationLane(store),
      })),
      ...agentsOf(snapshot, now),
    ],
    snapshot,
    steps: snapshot.open === null ? [] : await state.steps(snapshot.open.id),
    users: await usersOf(context, snapshot),
    usedAt: credential.rotation.inactivity === null ? null : await lastUse(context, current),
    timeKnown,
    spread: hash.unit(name, current?.id ?? ''),
  };
}

/** Who uses the keys of an overlap. */
async function usersOf({ state }: EngineContext, snapshot: CredentialSnapshot): Promise<readonly KeyUser[]> {
  const { open, versions } = snapshot;
  if (open?.newVersionId == null) return [];
  const ids = [open.previousVersionId, open.newVersionId];
  const keys = versions.flatMap(({ id, keyId }) => (ids.includes(id) && keyId !== null ? [keyId] : []));
  return keys.length === 0 ? [] : state.keyUsers(keys);
}

/** The last use of the current key that anybody told of. */
async function lastUse({ state }: EngineContext, current: Version | null): Promise<number | null> {
  if (current === null) return null;
  const uses = current.keyId === null ? null : await state.keyUses([current.keyId]);
  return Math.max(current.createdAt, current.acceptedAt ?? 0, uses?.get(current.keyId ?? '') ?? 0);
}

/** What our marks bear. */
export function installationOf({ config }: EngineContext): string {
  return `${config.installation.name}/${config.installation.environment}`;
}
