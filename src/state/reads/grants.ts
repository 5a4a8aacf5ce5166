import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Grant, GrantLane, GrantState, HeldGrant, NarrowToken } from '../../model/index.ts';
import { grantId, type Page, type PageQuery } from '../contract.ts';
import { openNarrow, openTokens } from '../grants/tokens.ts';
import { prepared } from '../prepared.ts';
import { GRANT_COLUMNS, grantFrom, laneRank } from '../rows/grant.ts';
import type { KeyRing } from '../sealing.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

type Db = Kysely<Tables>;
type Key = { client: string; subject: string };

const heldOf = prepared((db, { client, subject, id }: Key & { id: string }) =>
  db
    .selectFrom('grants')
    .leftJoin('sealed', (join) =>
      join
        .on('sealed.place', '=', sql.lit('grant.answer'))
        .on('sealed.id', '=', id)
        .on('sealed.sequence', '=', sql.lit(0)),
    )
    .select([...GRANT_COLUMNS, 'grants.revision', 'grants.key_id as keyId', 'grants.box'])
    .select(['sealed.key_id as answerKeyId', 'sealed.box as answerBox'])
    .where('grants.client', '=', client)
    .where('grants.subject', '=', subject),
);

/** With its tokens, in one statement. */
export async function readGrant(db: Db, keys: KeyRing, key: Key): Promise<HeldGrant | null> {
  const { client, subject } = key;
  const id = grantId(client, subject);
  const [row] = (await heldOf(db, { client, subject, id })).rows;
  if (row === undefined) return null;
  const { answerKeyId, answerBox } = row;
  const answered = answerKeyId !== null && answerBox !== null;
  return {
    grant: grantFrom(row),
    revision: row.revision,
    ...openTokens(keys, key, row),
    answer: answered ? keys.open('grant.answer', id, { keyId: answerKeyId, box: answerBox }) : null,
  };
}

/** By subject. */
export async function readGrants(
  db: Db,
  query: PageQuery & { readonly client: string; readonly state?: GrantState },
): Promise<Page<Grant>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('grants').select(GRANT_COLUMNS).where('client', '=', query.client);
  // Written out, for an index of those that are not active is used where the text says that it may be.
  if (query.state === undefined) select = select.where('state', '<>', 'forgotten');
  else select = select.where('state', '=', query.state);
  if (query.state !== undefined && query.state !== 'active') {
    select = select.where('state', '<>', sql.lit('active' as const));
  }
  if (after !== null) select = select.where('subject', '>', after.id);
  const rows = await select
    .orderBy('subject')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, grantFrom, (row) => ({ at: 0, id: row.subject }));
}

/** How many are due, now or later, in a lane of a client, and those due first. */
export async function readGrantsIn(
  db: Db,
  client: string,
  lane: GrantLane,
  limit: number,
): Promise<{ readonly count: number; readonly first: readonly Grant[] }> {
  const within = db
    .selectFrom('grants')
    .where('client', '=', client)
    .where('lane', '=', laneRank(lane))
    .where('due_at', 'is not', null);
  const { count } = await within.select((eb) => eb.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await within.select(GRANT_COLUMNS).orderBy('due_at').limit(limit).execute();
  return { count: Number(count), first: rows.map(grantFrom) };
}

const narrowOf = prepared((db, { client, subject, scope }: Key & { scope: string }) =>
  db
    .selectFrom('narrow_tokens')
    .selectAll()
    .where('client', '=', client)
    .where('subject', '=', subject)
    .where('scope', '=', scope),
);

export async function readNarrowToken(
  db: Db,
  keys: KeyRing,
  owner: Key & { readonly scope: string },
): Promise<NarrowToken | null> {
  const [row] = (await narrowOf(db, owner)).rows;
  if (row === undefined) return null;
  return {
    ...owner,
    scopes: row.granted.split(' '),
    value: openNarrow(keys, owner, { keyId: row.key_id, box: row.box }),
    sentAt: row.sent_at,
    expiresAt: row.expires_at,
    generation: row.generation,
  };
}
