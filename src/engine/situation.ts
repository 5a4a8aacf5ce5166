import { KeywardenError } from '../model/index.ts';
import { currentVersion, type Situation } from '../rotation/index.ts';
import type { EngineContext } from './context.ts';
import { publicationLane } from './lanes.ts';
import { notAhead } from './not-ahead.ts';

/** Gathers what the plan of one credential reads. @throws {KeywardenError} `unknown_credential` */
export async function situationOf(context: EngineContext, name: string): Promise<Situation> {
  const { config, state, hash } = context;
  const credential = config.credentials[name];
  const stored = await state.credential(name);
  if (credential === undefined || stored === null) {
    throw new KeywardenError('unknown_credential', `no credential is configured under the name ${name}`);
  }
  const snapshot = notAhead(stored, context.clock.now());
  return {
    installation: installationOf(context),
    policy: credential.rotation,
    destinations: credential.destinations.map(({ id, required, store, consumerLag }) => ({
      id,
      required,
      consumerLag,
      lane: publicationLane(store),
    })),
    snapshot,
    steps: snapshot.open === null ? [] : await state.steps(snapshot.open.id),
    spread: hash.unit(name, currentVersion(snapshot.versions)?.id ?? ''),
  };
}

/** What our marks bear. */
export function installationOf({ config }: EngineContext): string {
  return `${config.installation.name}/${config.installation.environment}`;
}
