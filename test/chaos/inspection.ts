import { join } from 'node:path';
import type { Owed } from '../../src/alerting/gather.ts';
import { readMasterKeys } from '../../src/cli/master-keys.ts';
import { loadConfig } from '../../src/config/index.ts';
import type { Alert, CredentialSnapshot } from '../../src/model/index.ts';
import { OPEN_STATES } from '../../src/model/index.ts';
import type { State } from '../../src/state/contract.ts';
import { openSqlite } from '../../src/state/sqlite/index.ts';
import { filePlace, type Place } from '../support/places.ts';
import { CREDENTIAL } from '../support/settings.ts';
import type { World } from '../support/world.ts';
import { CREDENTIALS } from './people.ts';
import { untold } from './told.ts';

/** What must hold once the daemon has ended in good order: what does not, for a person. */
export async function inspect(
  world: World,
): Promise<{ readonly faults: readonly string[]; readonly keys: Keys }> {
  const { config } = await loadConfig({ files: [world.configFile], env: world.env, cwd: world.folder });
  const state = await openSqlite({
    file: config.state.database,
    keys: await readMasterKeys(config),
    now: Date.now,
    owner: 'inspection',
  });
  try {
    const snapshots = await state.credentials();
    const keys = await accountOf(world, state, snapshots);
    return {
      keys,
      faults: [
        ...keys.lost.map((id) => `${id} works, and nobody holds it or was told of it`),
        ...(await openIntents(state)),
        ...(await undelivered(world, state)),
        ...(await wrongPlaces(world, snapshots)),
        ...leaks(world),
      ],
    };
  } finally {
    await state.close();
  }
}

export type Keys = {
  readonly minted: number;
  readonly held: number;
  readonly told: number;
  readonly lost: readonly string[];
};

/** Every key that works is held, value and all, or reported as lost. */
async function accountOf(
  world: World,
  state: State,
  snapshots: readonly CredentialSnapshot[],
): Promise<Keys> {
  const versions = snapshots.flatMap((snapshot) => snapshot.versions);
  const reported = (await allAlerts(state)).filter(({ kind }) => kind === 'key-orphaned');
  let held = 0;
  let told = 0;
  const lost: string[] = [];
  const keys = world.sandbox.frameflow.keys();
  for (const { id, value, createdAt } of keys.filter((key) => key.state !== 'expired')) {
    const version = versions.find(({ keyId }) => keyId === id);
    const has =
      version !== undefined &&
      version.state !== 'orphaned' &&
      (await state.versionValue(version.id).catch(() => null))?.reveal() === value;
    const at = new Date(createdAt).toISOString();
    const orphan = reported.some(
      ({ evidence }) => evidence.keyId === id || sameSecond(evidence.mintedAt, at),
    );
    if (has) held += 1;
    else if (orphan) told += 1;
    else lost.push(id);
  }
  return { minted: keys.length - CREDENTIALS.length, held, told, lost };
}

function sameSecond(a: unknown, b: string): boolean {
  return typeof a === 'string' && a.slice(0, 19) === b.slice(0, 19);
}

async function openIntents(state: State): Promise<readonly string[]> {
  const rotations = await everyPage((cursor) => state.rotations({ cursor, limit: 1_000 }));
  return rotations
    .filter((rotation) => OPEN_STATES.includes(rotation.state) && rotation.state !== 'overlap')
    .map(({ id, credential, state: at, queued, lastError }) => {
      const where = queued ? 'the queue' : at;
      return `${credential}: rotation ${id} is left in ${where}: ${lastError?.message ?? 'no error'}`;
    });
}

/** Each alert reached every channel that it was owed to, and the people behind it have it. */
async function undelivered(world: World, state: State): Promise<readonly string[]> {
  const paged = new Set(
    world.sandbox.pagerduty.events().map(({ action, dedupKey }) => `${action} ${dedupKey}`),
  );
  const faults: string[] = [];
  const inSlack: Owed[] = [];
  for (const alert of await allAlerts(state)) {
    for (const delivery of await state.deliveries(alert.id)) {
      const { channel, event, state: at, lastError } = delivery;
      const name = `${alert.kind} (${event}) for ${channel}`;
      if (at !== 'delivered' && at !== 'cancelled')
        faults.push(`${name} is ${at}: ${lastError?.message ?? ''}`);
      if (channel === 'team') inSlack.push({ delivery, alert });
      else if (at === 'delivered' && !paged.has(`${event} ${alert.dedupKey}`))
        faults.push(`${name} counts as delivered and never arrived`);
    }
  }
  return [...faults, ...untold(world.sandbox.slack.messages(), inSlack)];
}

async function wrongPlaces(
  world: World,
  snapshots: readonly CredentialSnapshot[],
): Promise<readonly string[]> {
  const faults: string[] = [];
  for (const { record, versions } of snapshots) {
    const current = versions.find(({ state }) => state === 'current');
    const key = world.sandbox.frameflow.keys().find(({ id }) => id === current?.keyId);
    for (const { name, held } of placesOf(world, record.name)) {
      const found = await held();
      if (found?.version !== current?.number || found?.value !== key?.value)
        faults.push(
          `${record.name}: ${name} has version ${found?.version ?? 'none'}, not ${current?.number}`,
        );
    }
  }
  return faults;
}

function leaks({ sandbox }: World): readonly string[] {
  const told = JSON.stringify([sandbox.slack.messages(), sandbox.pagerduty.events()]);
  return sandbox.frameflow
    .keys()
    .filter(({ value }) => told.includes(value))
    .map(({ id }) => `the value of ${id} was sent to a channel`);
}

function placesOf(world: World, credential: string): readonly Place[] {
  return credential === CREDENTIAL
    ? [world.vault, world.aws, world.file]
    : [filePlace(join(world.folder, 'batch.env'))];
}

function allAlerts(state: State): Promise<readonly Alert[]> {
  return everyPage((cursor) => state.alerts({ cursor, limit: 1_000 }));
}

async function everyPage<T>(
  page: (
    cursor: string | null,
  ) => Promise<{ readonly items: readonly T[]; readonly nextCursor: string | null }>,
): Promise<readonly T[]> {
  const found: T[] = [];
  for (let cursor: string | null = null; ; ) {
    const { items, nextCursor } = await page(cursor);
    found.push(...items);
    if (nextCursor === null) return found;
    cursor = nextCursor;
  }
}
