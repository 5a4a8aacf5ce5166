import type { Kysely } from 'kysely';
import type { CredentialSnapshot } from '../../model/index.ts';
import { credentialFrom, destinationFrom, versionFrom } from '../rows/credential.ts';
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

async function readAll(db: Db, name: string | undefined): Promise<readonly CredentialSnapshot[]> {
  const records = await db
    .selectFrom('credentials')
    .selectAll()
    .$if(name !== undefined, (query) => query.where('name', '=', name ?? ''))
    .orderBy('name')
    .execute();
  if (records.length === 0) return [];
  const versions = await db
    .selectFrom('versions')
    .selectAll()
    .$if(name !== undefined, (query) => query.where('credential', '=', name ?? ''))
    .orderBy('number', 'desc')
    .execute();
  const rotations = await db
    .selectFrom('rotations')
    .selectAll()
    .where('slot', 'is not', null)
    .$if(name !== undefined, (query) => query.where('credential', '=', name ?? ''))
    .execute();
  const destinations = await db
    .selectFrom('destinations')
    .selectAll()
    .$if(name !== undefined, (query) => query.where('credential', '=', name ?? ''))
    .orderBy('id')
    .execute();
  const byCredential = {
    versions: Map.groupBy(versions, (row) => row.credential),
    rotations: Map.groupBy(rotations, (row) => row.credential),
    destinations: Map.groupBy(destinations, (row) => row.credential),
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
    };
  });
}
