import type { Kysely } from 'kysely';
import type { CredentialSnapshot } from '../../model/index.ts';
import { prepared, straight } from '../prepared.ts';
import { credentialFrom, destinationFrom, versionFrom } from '../rows/credential.ts';
import { mintFrom } from '../rows/log.ts';
import { rotationFrom } from '../rows/rotation.ts';
import type { Tables } from '../tables.ts';

type Db = Kysely<Tables>;

/** Snapshots by name, of one credential or of all, at one moment: in one transaction that no write interleaves. */
export function readSnapshots(db: Db, name?: string): Promise<readonly CredentialSnapshot[]> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute((trx) => readAll(trx, name));
}

type OfCredential = { name: string };
type Nothing = Record<never, never>;

const queries = {
  records: (db: Db) => db.selectFrom('credentials').selectAll().orderBy('name'),
  versions: (db: Db) => db.selectFrom('versions').selectAll().orderBy('number', 'desc'),
  rotations: (db: Db) => db.selectFrom('rotations').selectAll().where('slot', 'is not', null),
  destinations: (db: Db) => db.selectFrom('destinations').selectAll().orderBy('id'),
  mints: (db: Db) => db.selectFrom('mints').selectAll().where('settled', '=', 0).orderBy('at').orderBy('id'),
};

const ofAll = {
  records: prepared((db, _: Nothing) => queries.records(db)),
  versions: prepared((db, _: Nothing) => queries.versions(db)),
  rotations: prepared((db, _: Nothing) => queries.rotations(db)),
  destinations: prepared((db, _: Nothing) => queries.destinations(db)),
  mints: prepared((db, _: Nothing) => queries.mints(db)),
};

const ofOne = {
  records: prepared((db, { name }: OfCredential) => queries.records(db).where('name', '=', name)),
  versions: prepared((db, { name }: OfCredential) => queries.versions(db).where('credential', '=', name)),
  rotations: prepared((db, { name }: OfCredential) => queries.rotations(db).where('credential', '=', name)),
  destinations: prepared((db, { name }: OfCredential) =>
    queries.destinations(db).where('credential', '=', name),
  ),
  mints: prepared((db, { name }: OfCredential) => queries.mints(db).where('credential', '=', name)),
};

async function readAll(db: Db, name: string | undefined): Promise<readonly CredentialSnapshot[]> {
  await straight(db);
  const from = name === undefined ? ofAll : ofOne;
  const values = { name: name ?? '' };
  const { rows: records } = await from.records(db, values);
  if (records.length === 0) return [];
  const { rows: versions } = await from.versions(db, values);
  const { rows: rotations } = await from.rotations(db, values);
  const { rows: destinations } = await from.destinations(db, values);
  const { rows: mints } = await from.mints(db, values);
  const byCredential = {
    versions: Map.groupBy(versions, (row) => row.credential),
    rotations: Map.groupBy(rotations, (row) => row.credential),
    destinations: Map.groupBy(destinations, (row) => row.credential),
    mints: Map.groupBy(mints, (row) => row.credential),
  };
  return records.map((row) => {
    const slots = byCredential.rotations.get(row.name) ?? [];
    const open = slots.find((rotation) => rotation.slot === 'open');
    const queued = slots.find((rotation) => rotation.slot === 'queued');
    return {
      record: credentialFrom(row),
      revision: row.revision,
      versions: (byCredential.versions.get(row.name) ?? []).map(versionFrom),
      open: open === undefined ? null : rotationFrom(open),
      queued: queued === undefined ? null : rotationFrom(queued),
      destinations: (byCredential.destinations.get(row.name) ?? []).map(destinationFrom),
      mints: (byCredential.mints.get(row.name) ?? []).map(mintFrom),
    };
  });
}
