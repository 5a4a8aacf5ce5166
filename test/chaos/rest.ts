import { ask } from '../support/api.ts';
import type { World } from '../support/world.ts';
import { milliseconds } from './activity.ts';
import { CREDENTIALS, command, retryOpen } from './people.ts';

/** The log is late by no more than this, ms: keys that it alone tells of are known by then. */
const LATE = 2_500;

/** People look at what has not come to rest so often, ms. */
const HELPED_EVERY = 5_000;

/** Lets a daemon that nobody kills any more come to rest in fair weather; what is not at rest in the end. */
export async function settle(world: World, ms: number): Promise<readonly string[]> {
  const end = performance.now() + ms;
  let restingSince = performance.now();
  let helpedAt = 0;
  for (;;) {
    const seen = await Promise.all(CREDENTIALS.map((name) => seeCredential(world, name)));
    const restless = [...seen.flatMap(unrestOf), ...(await unrest(world))];
    const now = performance.now();
    if (restless.length > 0) restingSince = now;
    if (restless.length > 0 ? now > end : now > restingSince + LATE) return restless;
    if (restless.length > 0 && now > helpedAt + HELPED_EVERY) {
      helpedAt = now;
      for (const credential of seen) await help(world, credential);
    }
    await milliseconds(100);
  }
}

async function seeCredential(world: World, name: string): Promise<CredentialSeen> {
  const seen = await ask(world, `/v1/credentials/${name}`, { token: world.env.ADMIN_TOKEN }).catch(
    () => null,
  );
  const blank = {
    name,
    state: 'not to be seen',
    pause: null,
    rotation: null,
    versions: [],
    destinations: [],
  };
  return seen?.status === 200 ? (seen.json as CredentialSeen) : blank;
}

function unrestOf({ name, state, rotation, versions, destinations }: CredentialSeen): readonly string[] {
  const current = versions.find((version) => version.state === 'current')?.number;
  return [
    ...(state === 'managed' ? [] : [`${name} is ${state}`]),
    ...(rotation === null || rotation.state === 'overlap'
      ? []
      : [`${name}: its rotation is ${rotation.state}`]),
    ...(rotation?.rollback == null ? [] : [`${name} is rolled back`]),
    ...destinations
      .filter((at) => at.state !== 'published' || at.version !== current)
      .map((at) => `${at.destination} is ${at.state} at ${at.version}, not ${current}`),
  ];
}

async function unrest(world: World): Promise<readonly string[]> {
  const see = async (path: string) =>
    (await ask(world, path, { token: world.env.ADMIN_TOKEN }).catch(() => null)) ?? { json: {}, text: '' };
  const { rotations = [] } = (await see('/v1/rotations?limit=10')).json as {
    readonly rotations?: ReadonlyArray<{ readonly queued: boolean }>;
  };
  const depth = /^keywarden_alert_outbox_depth (\d+)$/m.exec((await see('/metrics')).text)?.[1];
  return [
    ...(rotations.some(({ queued }) => queued) ? ['a rotation waits to begin'] : []),
    ...(depth === '0' ? [] : [`${depth ?? 'an unknown number of'} messages are owed`]),
  ];
}

/** What waits for people or for longer than this test: a pause, a mint that is repeated but seldom, a rollback. */
async function help(world: World, { name, pause, rotation }: CredentialSeen): Promise<void> {
  if (pause !== null) await command(world, name, 'resume', {});
  if (rotation?.state === 'minting' || rotation?.state === 'attention') await retryOpen(world, name);
  if (rotation?.rollback != null)
    await command(world, name, 'rotate', { emergency: true, reason: 'the end' });
}

/** As far as it is looked at here. */
type CredentialSeen = {
  readonly name: string;
  readonly state: string;
  readonly pause: object | null;
  readonly rotation: { readonly state: string; readonly rollback: object | null } | null;
  readonly versions: ReadonlyArray<{ readonly number: number; readonly state: string }>;
  readonly destinations: ReadonlyArray<{
    readonly destination: string;
    readonly state: string;
    readonly version: number | null;
  }>;
};
