import type { Kysely } from 'kysely';
import type { AuthorizationSecrets, Change, Secret } from '../model/index.ts';
import { StateError } from './contract.ts';
import { prepared } from './prepared.ts';
import { putRow } from './puts.ts';
import { authorizationRow } from './rows/authorization.ts';
import { clientRow } from './rows/grant.ts';
import type { KeyRing } from './sealing.ts';
import { deleteSecret, type Place, putSecret } from './secrets.ts';
import type { ClientTable, Tables } from './tables.ts';

type Db = Kysely<Tables>;
type Context = { readonly keys: KeyRing; readonly now: () => number };
type Of<T extends Change['type']> = Extract<Change, { readonly type: T }>;

/** What changes OAuth clients and the consents that are asked for. */
export type ConsentChange = Of<'client.put' | 'authorization.put' | 'authorization.delete'>;

/** Where each secret of an authorization is sealed, under its id. */
export const AUTHORIZATION_SECRETS = {
  verifier: 'authorization.verifier',
  callback: 'authorization.callback',
  answer: 'authorization.answer',
} as const satisfies Record<keyof AuthorizationSecrets, Place>;

export async function applyConsent(db: Db, change: ConsentChange, context: Context): Promise<void> {
  switch (change.type) {
    case 'client.put':
      await putClient(db, clientRow(change.record));
      return;
    case 'authorization.put':
      return putAuthorization(db, change, context);
    case 'authorization.delete':
      return deleteAuthorization(db, change.id);
  }
}

const putClient = prepared((db, row: Omit<ClientTable, 'revision'>) =>
  db
    .insertInto('clients')
    .values({ ...row, revision: 1 })
    .onConflict((conflict) =>
      conflict.column('client').doUpdateSet((eb) => ({
        pause: eb.ref('excluded.pause'),
        refused_at: eb.ref('excluded.refused_at'),
        failures: eb.ref('excluded.failures'),
        faults: eb.ref('excluded.faults'),
        slides: eb.ref('excluded.slides'),
        looked_at: eb.ref('excluded.looked_at'),
        revision: eb('clients.revision', '+', 1),
      })),
    ),
);

async function putAuthorization(
  db: Db,
  { authorization, secrets = {} }: Of<'authorization.put'>,
  { keys, now }: Context,
): Promise<void> {
  const { id } = authorization;
  await putRow(db, 'authorizations', authorizationRow(authorization));
  for (const [name, value] of Object.entries(secrets) as [keyof AuthorizationSecrets, Secret | null][]) {
    const place = AUTHORIZATION_SECRETS[name];
    if (value === null) await deleteSecret(db, place, id);
    else await putSecret(db, keys, { place, id, value, at: now() });
  }
}

const deleteRow = prepared((db, { id }: { id: string }) =>
  db.deleteFrom('authorizations').where('id', '=', id),
);

async function deleteAuthorization(db: Db, id: string): Promise<void> {
  await deleteRow(db, { id });
  for (const place of Object.values(AUTHORIZATION_SECRETS)) await deleteSecret(db, place, id);
}

const revisionOf = prepared((db, { client }: { client: string }) =>
  db.selectFrom('clients').select('revision').where('client', '=', client),
);

/** @throws {StateError} `stale` */
export async function expectClient(db: Db, { client, revision }: Of<'client.expect'>): Promise<void> {
  const [row] = (await revisionOf(db, { client })).rows;
  if ((row?.revision ?? 0) === revision) return;
  throw new StateError('stale', `the client ${client} has changed since it was read; read it again`);
}

const stateOf = prepared((db, { id }: { id: string }) =>
  db.selectFrom('authorizations').select('state').where('id', '=', id),
);

/** @throws {StateError} `stale` */
export async function expectAuthorization(db: Db, { id, state }: Of<'authorization.expect'>): Promise<void> {
  const [row] = (await stateOf(db, { id })).rows;
  if (row?.state === state) return;
  throw new StateError(
    'stale',
    `the authorization ${id} is ${row?.state ?? 'gone'} and not ${state}; read it again`,
  );
}
