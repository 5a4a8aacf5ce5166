import type { Engine } from '../engine/engine.ts';
import { situationOf } from '../engine/situation.ts';
import type { CredentialSnapshot, Rotation } from '../model/index.ts';
import { type Situation, waysOut } from '../rotation/index.ts';
import { known } from './input.ts';
import { notFound } from './problem.ts';
import { credentialView, parkedView, rotationView, type Surroundings } from './views.ts';

type CredentialView = ReturnType<typeof credentialView>;
type RotationView = ReturnType<typeof rotationView>;

/** A configured credential with all that surrounds it. @throws {Problem} 404, which for a parked one says so */
export async function situation(engine: Engine, name: string): Promise<Situation> {
  return situationOf(engine.context, await configured(engine, name));
}

/** The name of a configured credential. @throws {Problem} 404, which for a parked one says so */
export async function configured({ context }: Engine, name: string): Promise<string> {
  const names = Object.keys(context.config.credentials);
  if (!names.includes(name) && (await context.state.credential(name)) !== null) {
    throw notFound(
      `${name} is parked: it is no longer configured. Put it back into the configuration, or purge it with \`keywarden forget ${name}\``,
    );
  }
  return known('credential', name, names);
}

/** A configured credential, or a parked one. @throws {Problem} 404 */
export async function viewCredential(engine: Engine, name: string): Promise<CredentialView> {
  const { config, state, clock } = engine.context;
  if (!Object.hasOwn(config.credentials, name)) {
    const parked = await state.credential(name);
    if (parked !== null) return parkedView(parked, await surroundings(engine, parked));
  }
  const found = await situation(engine, name);
  return credentialView(found, await surroundings(engine, found.snapshot), clock.now());
}

/** All of them, by name: those that are configured, and those that wait to be forgotten. */
export async function viewCredentials(engine: Engine): Promise<CredentialView[]> {
  const { config } = engine.context;
  const names = new Set([...Object.keys(config.credentials), ...(await storedNames(engine))]);
  return Promise.all([...names].sort().map((name) => viewCredential(engine, name)));
}

/** The names of the credentials that the state holds. */
export async function storedNames({ context }: Engine): Promise<string[]> {
  return (await context.state.credentials()).map(({ record }) => record.name);
}

export async function viewRotation(
  { context: { state } }: Engine,
  rotation: Rotation,
): Promise<RotationView> {
  const steps = await state.steps(rotation.id);
  const snapshot = await state.credential(rotation.credential);
  const ways = snapshot?.open?.id === rotation.id ? waysOut({ snapshot }) : [];
  return rotationView(rotation, steps, snapshot?.versions ?? [], ways);
}

async function surroundings(
  { context: { config, state } }: Engine,
  { record, versions }: CredentialSnapshot,
): Promise<Surroundings> {
  const keyIds = versions.flatMap(({ keyId }) => (keyId === null ? [] : [keyId]));
  return { kind: config.providers[record.provider]?.kind ?? '', uses: await state.keyUses(keyIds) };
}
