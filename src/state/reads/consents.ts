import type { Kysely } from 'kysely';
import type { Authorization, AuthorizationSecrets, ClientRecord } from '../../model/index.ts';
import { AUTHORIZATION_SECRETS } from '../consents.ts';
import { StateError } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { authorizationFrom } from '../rows/authorization.ts';
import { clientFrom } from '../rows/grant.ts';
import type { KeyRing } from '../sealing.ts';
import { getSecret } from '../secrets.ts';
import type { Tables } from '../tables.ts';

type Db = Kysely<Tables>;

const clientOf = prepared((db, { client }: { client: string }) =>
  db.selectFrom('clients').selectAll().where('client', '=', client),
);
const byId = prepared((db, { id }: { id: string }) =>
  db.selectFrom('authorizations').selectAll().where('id', '=', id),
);
const byDigest = prepared((db, { digest }: { digest: string }) =>
  db.selectFrom('authorizations').selectAll().where('state_digest', '=', digest),
);

export async function readClient(
  db: Db,
  client: string,
): Promise<{ readonly record: ClientRecord | null; readonly revision: number }> {
  const [row] = (await clientOf(db, { client })).rows;
  return row === undefined
    ? { record: null, revision: 0 }
    : { record: clientFrom(row), revision: row.revision };
}

/** With what it keeps sealed, at one moment. */
export function readAuthorization(
  db: Db,
  keys: KeyRing,
  id: string,
): Promise<{ readonly authorization: Authorization; readonly secrets: AuthorizationSecrets } | null> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const [row] = (await byId(trx, { id })).rows;
      if (row === undefined) return null;
      return { authorization: authorizationFrom(row), secrets: await readSecrets(trx, keys, id) };
    });
}

async function readSecrets(db: Db, keys: KeyRing, id: string): Promise<AuthorizationSecrets> {
  const verifier = await getSecret(db, keys, AUTHORIZATION_SECRETS.verifier, id);
  if (verifier === null) {
    throw new StateError('state_corrupt', `the state holds no verifier of the authorization ${id}`);
  }
  return {
    verifier,
    callback: await getSecret(db, keys, AUTHORIZATION_SECRETS.callback, id),
    answer: await getSecret(db, keys, AUTHORIZATION_SECRETS.answer, id),
  };
}

export async function readAuthorizationByState(db: Db, digest: string): Promise<Authorization | null> {
  const [row] = (await byDigest(db, { digest })).rows;
  return row === undefined ? null : authorizationFrom(row);
}
