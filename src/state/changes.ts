import type { Kysely } from 'kysely';
import type { Alert, Change, Rotation, Secret, Version } from '../model/index.ts';
import { applyWork } from './claims.ts';
import { StateError } from './contract.ts';
import { raiseCounter } from './counters.ts';
import { alertRow, deliveryRow } from './rows/alert.ts';
import { auditRow } from './rows/audit.ts';
import { credentialRow, destinationRow, versionRow } from './rows/credential.ts';
import { monitorRow } from './rows/monitor.ts';
import { rotationRow, stepRow } from './rows/rotation.ts';
import type { KeyRing } from './sealing.ts';
import { type Place, putSecret } from './secrets.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

/** What a change needs besides the database. */
export type ChangeContext = { readonly keys: KeyRing; readonly now: () => number };

/** Rotations before their steps and alerts before their deliveries; within a family the caller's order stands. */
const FAMILIES = [
  'credential',
  'version',
  'destination',
  'rotation',
  'step',
  'journal',
  'monitor',
  'use',
  'alert',
  'delivery',
  'audit',
  'work',
];

/** Applies the changes in the transaction `db`; throws where one cannot be, and leaves the rest to the caller's rollback. */
export async function applyChanges(
  db: Db,
  changes: readonly Change[],
  context: ChangeContext,
): Promise<void> {
  for (const change of changes) if (change.type === 'credential.expect') await expectRevision(db, change);
  const rotations = changes.flatMap((change) => (change.type === 'rotation.put' ? [change.rotation] : []));
  if (rotations.length > 1) await vacate(db, rotations);
  for (const change of changes.toSorted((a, b) => family(a) - family(b))) {
    await applyChange(db, change, context);
  }
  await raiseRevisions(db, changes);
}

async function expectRevision(db: Db, { name, revision }: Expectation): Promise<void> {
  const row = await db
    .selectFrom('credentials')
    .select('revision')
    .where('name', '=', name)
    .executeTakeFirst();
  if (row?.revision === revision) return;
  throw new StateError('stale', `the credential ${name} has changed since it was read; read it again`);
}

type Expectation = Extract<Change, { readonly type: 'credential.expect' }>;

/** A rotation that is only queued changes nothing for whoever works on the credential. */
async function raiseRevisions(db: Db, changes: readonly Change[]): Promise<void> {
  const names = changes.flatMap((change) => {
    if (change.type === 'credential.put') return [change.record.name];
    if (change.type === 'version.put') return [change.version.credential];
    return change.type === 'rotation.put' && !change.rotation.queued ? [change.rotation.credential] : [];
  });
  if (names.length === 0) return;
  await db
    .updateTable('credentials')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('name', 'in', [...new Set(names)])
    .execute();
}

function family(change: Change): number {
  return FAMILIES.indexOf(change.type.slice(0, change.type.indexOf('.')));
}

/** One that ends and one that takes its place may come in either order. */
async function vacate(db: Db, rotations: readonly Rotation[]): Promise<void> {
  const ids = rotations.map((rotation) => rotation.id);
  await db.updateTable('rotations').set({ slot: null }).where('id', 'in', ids).execute();
}

async function applyChange(db: Db, change: Change, context: ChangeContext): Promise<void> {
  switch (change.type) {
    case 'credential.expect':
      return;
    case 'credential.put': {
      const row = credentialRow(change.record);
      await db
        .insertInto('credentials')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute();
      return;
    }
    case 'version.put':
      return putVersion(db, change.version, change.value, context);
    case 'destination.put': {
      const row = destinationRow(change.destination);
      await db
        .insertInto('destinations')
        .values(row)
        .onConflict((conflict) => conflict.columns(['credential', 'id']).doUpdateSet(row))
        .execute();
      return;
    }
    case 'rotation.put': {
      const row = rotationRow(change.rotation);
      await db
        .insertInto('rotations')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      return;
    }
    case 'step.put': {
      const row = stepRow(change.step);
      await db
        .insertInto('steps')
        .values(row)
        .onConflict((conflict) => conflict.columns(['rotation_id', 'name', 'destination']).doUpdateSet(row))
        .execute();
      return;
    }
    case 'journal.put':
      return putSecret(db, context.keys, {
        place: 'journal.answer',
        id: change.rotationId,
        value: change.answer,
        at: change.at,
      });
    case 'journal.delete': {
      const place: Place = 'journal.answer';
      await db.deleteFrom('sealed').where('place', '=', place).where('id', '=', change.rotationId).execute();
      return;
    }
    default:
      return applyWatching(db, change);
  }
}

type WatchingChange = Extract<
  Change,
  {
    readonly type:
      | 'monitor.put'
      | 'use.put'
      | 'alert.put'
      | 'delivery.put'
      | 'audit.append'
      | 'work.put'
      | 'work.wake'
      | 'work.delete';
  }
>;

/** The other half: what is watched, told and due. */
async function applyWatching(db: Db, change: WatchingChange): Promise<void> {
  switch (change.type) {
    case 'monitor.put': {
      const row = monitorRow(change.monitor);
      await db
        .insertInto('monitors')
        .values(row)
        .onConflict((conflict) => conflict.column('name').doUpdateSet(row))
        .execute();
      return;
    }
    case 'use.put':
      await db
        .insertInto('key_uses')
        .values({ key_id: change.keyId, last_used_at: change.at })
        .onConflict((conflict) =>
          conflict
            .column('key_id')
            .doUpdateSet({ last_used_at: change.at })
            .where('key_uses.last_used_at', '<', change.at),
        )
        .execute();
      return;
    case 'alert.put':
      return putAlert(db, change.alert, change.expected);
    case 'delivery.put': {
      const row = deliveryRow(change.delivery);
      await db
        .insertInto('deliveries')
        .values(row)
        .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
        .execute();
      return;
    }
    case 'audit.append':
      await db
        .insertInto('audit')
        .values(auditRow(await raiseCounter(db, 'audit', 1), change.entry))
        .execute();
      return;
    default:
      return applyWork(db, change);
  }
}

async function putVersion(
  db: Db,
  version: Version,
  value: Secret | undefined,
  { keys, now }: ChangeContext,
): Promise<void> {
  const row = versionRow(version);
  await db
    .insertInto('versions')
    .values(row)
    .onConflict((conflict) => conflict.column('id').doUpdateSet(row))
    .execute();
  if (value !== undefined) {
    await putSecret(db, keys, { place: 'version.value', id: version.id, value, at: now() });
  }
}

/** Unlike the other records an alert has several writers: the loop, the log watch, people. */
async function putAlert(db: Db, alert: Alert, expected: number | null): Promise<void> {
  const row = alertRow(alert);
  if (expected === null) {
    await db.insertInto('alerts').values(row).execute();
    return;
  }
  const { numUpdatedRows } = await db
    .updateTable('alerts')
    .set(row)
    .where('id', '=', alert.id)
    .where('revision', '=', expected)
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 1n) return;
  throw new StateError(
    'conflict',
    `alert ${alert.id} is no longer at revision ${expected}: somebody else wrote it first; nothing was written`,
  );
}
