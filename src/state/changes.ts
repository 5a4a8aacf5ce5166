import { type Kysely, sql } from 'kysely';
import type { Alert, Change, Secret, Version } from '../model/index.ts';
import type { AlertTable } from './alert-tables.ts';
import { appendAudit } from './audit.ts';
import type { AuditChain } from './audit-chain.ts';
import { applyWork } from './claims.ts';
import { applyConsent, expectAuthorization, expectClient } from './consents.ts';
import { StateError } from './contract.ts';
import { forgetCredential } from './forget.ts';
import { applyGrant, expectGrant } from './grants/changes.ts';
import { Tally } from './grants/counts.ts';
import { deleteAnswers, putAnswer } from './journal.ts';
import { addUser, boundUsers, putMint, settleMint } from './log.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import { alertRow, deliveryRow } from './rows/alert.ts';
import { credentialRow, destinationFrom, destinationRow, versionRow } from './rows/credential.ts';
import { monitorRow } from './rows/monitor.ts';
import { rotationRow, stepRow } from './rows/rotation.ts';
import { silenceRow } from './rows/silence.ts';
import type { KeyRing } from './sealing.ts';
import { putSecret } from './secrets.ts';
import type { Tables } from './tables.ts';
import { applyParts } from './watch-parts.ts';

type Db = Kysely<Tables>;

/** What a change needs besides the database. */
export type ChangeContext = {
  readonly keys: KeyRing;
  readonly now: () => number;
  readonly chain: AuditChain;
};

type Tallying = ChangeContext & { readonly tally: Tally };

/** Rotations before their steps and alerts before their deliveries; within a family the caller's order stands. */
const FAMILIES = [
  'credential',
  'version',
  'destination',
  'rotation',
  'step',
  'journal',
  'mint',
  'monitor',
  'watch',
  'use',
  'user',
  'grants',
  'grant',
  'narrow',
  'client',
  'authorization',
  'alert',
  'delivery',
  'silence',
  'audit',
  'work',
];

/** Applies the changes in the transaction `db`; throws where one cannot be, and leaves the rest to the caller's rollback. */
export async function applyChanges(
  db: Db,
  changes: readonly Change[],
  context: ChangeContext,
): Promise<void> {
  for (const change of changes) await expectAsRead(db, change);
  await vacateSlots(db, changes);
  await vacateNumbers(db, changes);
  const changed = new Set<string>();
  const tally = new Tally();
  for (const change of changes.toSorted((a, b) => family(a) - family(b))) {
    const credential = await applyChange(db, change, { ...context, tally });
    if (credential !== null) changed.add(credential);
  }
  const entries = changes.flatMap((change) => (change.type === 'audit.append' ? [change.entry] : []));
  await appendAudit(db, entries, context.chain);
  await boundUsers(db, changes);
  await tally.write(db);
  for (const name of changed) await raiseRevision(db, { name });
}

async function expectAsRead(db: Db, change: Change): Promise<void> {
  switch (change.type) {
    case 'credential.expect':
      return expectRevision(db, change);
    case 'destination.expect':
      return expectDestination(db, change);
    case 'grant.expect':
      return expectGrant(db, change);
    case 'client.expect':
      return expectClient(db, change);
    case 'authorization.expect':
      return expectAuthorization(db, change);
    default:
      return;
  }
}

type Expectation<T extends Change['type']> = Extract<Change, { readonly type: T }>;

const revisionOf = prepared((db, { name }: { name: string }) =>
  db.selectFrom('credentials').select('revision').where('name', '=', name),
);
const raiseRevision = prepared((db, { name }: { name: string }) =>
  db
    .updateTable('credentials')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('name', '=', name),
);

async function expectRevision(db: Db, { name, revision }: Expectation<'credential.expect'>): Promise<void> {
  const { rows } = await revisionOf(db, { name });
  if (rows[0]?.revision === revision) return;
  throw new StateError('stale', `the credential ${name} has changed since it was read; read it again`);
}

/** Its publication and its hook both write it, each the whole row. */
async function expectDestination(
  db: Db,
  { credential, id, destination }: Expectation<'destination.expect'>,
): Promise<void> {
  const row = await db
    .selectFrom('destinations')
    .selectAll()
    .where('credential', '=', credential)
    .where('id', '=', id)
    .executeTakeFirst();
  const stored = row && destinationRow(destinationFrom(row));
  const expected = destination === null ? undefined : destinationRow(destination);
  if (JSON.stringify(stored) === JSON.stringify(expected)) return;
  throw new StateError('stale', `the destination ${id} has changed since it was read; read it again`);
}

function family(change: Change): number {
  return FAMILIES.indexOf(change.type.slice(0, change.type.indexOf('.')));
}

/** A rotation that ends and one that takes its place may come in either order. */
async function vacateSlots(db: Db, changes: readonly Change[]): Promise<void> {
  const ids = changes.flatMap((change) => (change.type === 'rotation.put' ? [change.rotation.id] : []));
  if (ids.length < 2) return;
  await db.updateTable('rotations').set({ slot: null }).where('id', 'in', ids).execute();
}

/** Versions that exchange their numbers may come in either order: below zero they are in nobody's way. */
async function vacateNumbers(db: Db, changes: readonly Change[]): Promise<void> {
  const ids = changes.flatMap((change) => (change.type === 'version.put' ? [change.version.id] : []));
  if (ids.length < 2) return;
  await db.updateTable('versions').set({ number: sql<number>`-1 - number` }).where('id', 'in', ids).execute();
}

/** Returns the credential that has changed by it, for whoever works on that. */
async function applyChange(db: Db, change: Change, context: Tallying): Promise<string | null> {
  switch (change.type) {
    case 'credential.expect':
    case 'destination.expect':
    case 'grant.expect':
    case 'client.expect':
    case 'authorization.expect':
      return null;
    case 'credential.put':
      await putRow(db, 'credentials', credentialRow(change.record));
      return change.record.name;
    case 'credential.forget':
      await forgetCredential(db, change.name);
      return null;
    case 'version.put':
      await putVersion(db, change.version, change.value, context);
      return change.version.credential;
    case 'rotation.put':
      await putRow(db, 'rotations', rotationRow(change.rotation));
      // One that is only queued changes nothing yet.
      return change.rotation.queued ? null : change.rotation.credential;
    case 'mint.put':
      return putMint(db, change.mint);
    case 'mint.settle':
      return settleMint(db, change.id);
    default:
      await applyOther(db, change, context);
      return null;
  }
}

type OtherChange = Exclude<
  Change,
  {
    readonly type:
      | 'credential.expect'
      | 'destination.expect'
      | 'grant.expect'
      | 'client.expect'
      | 'authorization.expect'
      | 'credential.put'
      | 'credential.forget'
      | 'version.put'
      | 'rotation.put'
      | 'mint.put'
      | 'mint.settle';
  }
>;

/** What leaves the credential's own revision as it is. */
async function applyOther(db: Db, change: OtherChange, context: Tallying): Promise<void> {
  switch (change.type) {
    case 'destination.put':
      return putRow(db, 'destinations', destinationRow(change.destination));
    case 'step.put':
      return putRow(db, 'steps', stepRow(change.step));
    case 'journal.put':
      return putAnswer(db, context.keys, change);
    case 'journal.delete':
      return deleteAnswers(db, change.rotationId);
    case 'monitor.put':
      return putRow(db, 'monitors', monitorRow(change.monitor));
    case 'watch.parts':
      return applyParts(db, change, context.now());
    case 'use.put':
      await usePut(db, { keyId: change.keyId, at: change.at });
      return;
    case 'user.add':
      return addUser(db, change.user);
    case 'alert.put':
      return putAlert(db, change.alert, change.expected);
    case 'delivery.put':
      return putRow(db, 'deliveries', deliveryRow(change.delivery));
    case 'silence.put':
      return putRow(db, 'silences', silenceRow(change.silence));
    case 'audit.append':
      // All at the end, with one look at where the log ends.
      return;
    case 'grant.put':
    case 'grant.answer':
    case 'grant.wake':
    case 'grants.shift':
    case 'grant.use':
    case 'narrow.put':
    case 'narrow.clear':
    case 'grant.delete':
      return applyGrant(db, change, context);
    case 'client.put':
    case 'authorization.put':
    case 'authorization.delete':
      return applyConsent(db, change, context);
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
  await putRow(db, 'versions', versionRow(version));
  if (value === undefined) return;
  await putSecret(db, keys, { place: 'version.value', id: version.id, value, at: now() });
}

const usePut = prepared((db, { keyId, at }: { keyId: string; at: number }) =>
  db
    .insertInto('key_uses')
    .values({ key_id: keyId, last_used_at: at })
    .onConflict((conflict) =>
      conflict
        .column('key_id')
        .doUpdateSet((eb) => ({ last_used_at: eb.ref('excluded.last_used_at') }))
        .where('key_uses.last_used_at', '<', at),
    ),
);

const alertInsert = prepared((db, row: AlertTable) => db.insertInto('alerts').values(row));
const alertUpdate = prepared((db, { expected, ...row }: AlertTable & { expected: number }) =>
  db.updateTable('alerts').set(row).where('id', '=', row.id).where('revision', '=', expected),
);

/** Unlike the other records an alert has several writers: the loop, the log watch, people. */
async function putAlert(db: Db, alert: Alert, expected: number | null): Promise<void> {
  const row = alertRow(alert);
  if (expected === null) {
    await alertInsert(db, row);
    return;
  }
  const { numAffectedRows } = await alertUpdate(db, { ...row, expected });
  if (numAffectedRows === 1n) return;
  throw new StateError(
    'conflict',
    `alert ${alert.id} is no longer at revision ${expected}: somebody else wrote it first; nothing was written`,
  );
}
