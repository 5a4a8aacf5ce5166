import { KeywardenError } from '../model/index.ts';
import { currentVersion, type Situation } from '../rotation/index.ts';
import type { EngineContext } from './context.ts';
import { publicationLane } from './lanes.ts';

/** Gathers what the plan of one credential reads. @throws {KeywardenError} `unknown_credential` */
export async function situationOf(context: EngineContext, name: string): Promise<Situation> {
  const { config, state, hash } = context;
  const credential = config.credentials[name];
  const snapshot = await state.credential(name);
  if (credential === undefined || snapshot === null) {
    throw new KeywardenError('unknown_credential', `no credential is configured under the name ${name}`);
  }
  return {
    installation: installationOf(context),
    policy: credential.rotation,
    destinations: credential.destinations.map(({ id, required, store }) => ({
      id,
      required,
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
