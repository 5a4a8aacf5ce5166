import { type Kysely, sql } from 'kysely';
import type { Change, Grant, GrantDue, GrantState, NarrowToken } from '../../model/index.ts';
import { grantId, StateError } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { type GrantRow, grantRow, laneRank } from '../rows/grant.ts';
import type { KeyRing, Sealed } from '../sealing.ts';
import { deleteSecret, type Place, putSecret } from '../secrets.ts';
import type { GrantTable, NarrowTokenTable, Tables } from '../tables.ts';
import { dropClaim, shiftDue, type WakeAt, wakeClaim, wakeGrant } from './claims.ts';
import type { Tally } from './counts.ts';
import { sealNarrow, sealTokens } from './tokens.ts';

type Db = Kysely<Tables>;
/** An answer comes and goes: in the grant's own row it would leave a hole among its neighbours. */
const ANSWER: Place = 'grant.answer';

type Context = { readonly keys: KeyRing; readonly now: () => number; readonly tally: Tally };
type Key = { client: string; subject: string };
type Of<T extends Change['type']> = Extract<Change, { readonly type: T }>;

/** What changes grants and their tokens. */
export type GrantChange = Of<
  | 'grant.put'
  | 'grant.answer'
  | 'grant.wake'
  | 'grants.shift'
  | 'grant.use'
  | 'narrow.put'
  | 'narrow.clear'
  | 'grant.delete'
>;

export async function applyGrant(db: Db, change: GrantChange, context: Context): Promise<void> {
  switch (change.type) {
    case 'grant.put':
      return putGrant(db, change, context);
    case 'grant.answer':
      return putAnswer(db, change, context);
    case 'grant.wake':
      return wake(db, change, change.due);
    case 'grants.shift':
      return shiftDue(db, change);
    case 'grant.use':
      await useGrant(db, { client: change.client, subject: change.subject, at: change.at });
      return;
    case 'narrow.put':
      await putNarrow(db, narrowRow(context.keys, change.token));
      return;
    case 'narrow.clear':
      await deleteNarrow(db, { client: change.client, subject: change.subject });
      return;
    case 'grant.delete':
      return deleteGrant(db, { client: change.client, subject: change.subject }, context.tally);
  }
}

const revisionOf = prepared((db, { client, subject }: Key) =>
  db.selectFrom('grants').select('revision').where('client', '=', client).where('subject', '=', subject),
);

/** @throws {StateError} `stale` */
export async function expectGrant(db: Db, { client, subject, revision }: Of<'grant.expect'>): Promise<void> {
  const [row] = (await revisionOf(db, { client, subject })).rows;
  if ((row?.revision ?? null) === revision) return;
  throw new StateError('stale', `${named({ client, subject })} has changed since it was read; read it again`);
}

/** For people: a subject is whatever the application made of it. */
const named = ({ client, subject }: Key) => `the grant of ${JSON.stringify(subject)} to ${client}`;

type Sealing = Pick<GrantTable, 'key_id' | 'box'>;
type Due = { due_at: number; lane: number };
type Update = GrantRow & Partial<Sealing & Due>;

/** A known grant, as long as it is counted under the same as before: the state and the key are in indexes or in counts. */
const updateOf = () =>
  prepared((db, { client, subject, state, key_id, used_at: at, ...columns }: Update) => {
    // A use that was told between the reading and this put is not taken back.
    const used_at = sql<
      number | null
    >`case when ${at} > used_at or used_at is null then ${at} else used_at end`;
    const update = db
      .updateTable('grants')
      .set((eb) => ({ ...columns, used_at, revision: eb('revision', '+', 1) }))
      .where('client', '=', client)
      .where('subject', '=', subject)
      .where('state', '=', state);
    return key_id === undefined ? update : update.where('key_id', '=', key_id);
  });

/** A query has one text, so each set of columns has a query. */
const updates = { plain: updateOf(), due: updateOf(), sealed: updateOf(), both: updateOf() };

const countedAs = prepared((db, { client, subject }: Key) =>
  db
    .selectFrom('grants')
    .select(['state', 'key_id'])
    .where('client', '=', client)
    .where('subject', '=', subject),
);
const recount = prepared((db, { client, subject, ...counted }: Key & { state: GrantState; key_id: string }) =>
  db.updateTable('grants').set(counted).where('client', '=', client).where('subject', '=', subject),
);
const insert = prepared((db, row: GrantTable) => db.insertInto('grants').values(row));

async function putGrant(db: Db, change: Of<'grant.put'>, context: Context): Promise<void> {
  const { grant, tokens, due } = change;
  const { client, subject } = grant;
  const sealed = tokens === undefined ? null : sealTokens(context.keys, grant, tokens);
  const put = () => updateGrant(db, grant, sealed, due);
  if (!(await put())) {
    const [known] = (await countedAs(db, { client, subject })).rows;
    if (known === undefined) return insertGrant(db, change, sealed, context);
    const counted = { state: grant.state, key_id: sealed?.keyId ?? known.key_id };
    context.tally.add({ client, ...known }, -1);
    context.tally.add({ client, ...counted }, 1);
    await recount(db, { client, subject, ...counted });
    await put();
  }
  if (due !== undefined) await wakeClaim(db, wakeOf(grant, due));
}

/** False where there is none, or one that is counted under something else. */
async function updateGrant(
  db: Db,
  grant: Grant,
  sealed: Sealed | null,
  due: GrantDue | undefined,
): Promise<boolean> {
  const row = grantRow(grant);
  const sealing = sealed && { key_id: sealed.keyId, box: sealed.box };
  const when = due && { due_at: due.at, lane: laneRank(due.lane) };
  const { numAffectedRows } =
    sealing === null
      ? await (when === undefined ? updates.plain(db, row) : updates.due(db, { ...row, ...when }))
      : await (when === undefined
          ? updates.sealed(db, { ...row, ...sealing })
          : updates.both(db, { ...row, ...sealing, ...when }));
  return numAffectedRows === 1n;
}

async function insertGrant(
  db: Db,
  { grant, due }: Of<'grant.put'>,
  sealed: Sealed | null,
  { tally, now }: Context,
): Promise<void> {
  if (sealed === null) throw new Error(`${named(grant)} is new and has no tokens`);
  const { at, lane } = due ?? { at: now(), lane: 'idle' };
  await insert(db, {
    ...grantRow(grant),
    // It rises by less than the time does: one that is made anew after it was deleted has none of its former revisions.
    revision: now(),
    key_id: sealed.keyId,
    box: sealed.box,
    due_at: at,
    lane: laneRank(lane),
  });
  tally.add({ client: grant.client, state: grant.state, key_id: sealed.keyId }, 1);
}

/** Whoever read the grant without its answer must not decide on it. */
const answered = prepared((db, { client, subject }: Key) =>
  db
    .updateTable('grants')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('client', '=', client)
    .where('subject', '=', subject),
);

async function putAnswer(
  db: Db,
  { client, subject, answer }: Of<'grant.answer'>,
  { keys, now }: Context,
): Promise<void> {
  const id = grantId(client, subject);
  if (answer === null) return deleteSecret(db, ANSWER, id);
  await answered(db, { client, subject });
  await putSecret(db, keys, { place: ANSWER, id, value: answer, at: now() });
}

const wakeOf = ({ client, subject }: Key, { at, lane }: GrantDue): WakeAt => ({
  client,
  subject,
  at,
  lane: laneRank(lane),
});

async function wake(db: Db, key: Key, due: GrantDue): Promise<void> {
  const at = wakeOf(key, due);
  await wakeGrant(db, at);
  await wakeClaim(db, at);
}

const useGrant = prepared((db, { client, subject, at }: Key & { at: number }) =>
  db
    .updateTable('grants')
    .set({ used_at: at })
    .where('client', '=', client)
    .where('subject', '=', subject)
    .where((eb) => eb.or([eb('used_at', 'is', null), eb('used_at', '<', at)])),
);

const putNarrow = prepared((db, row: NarrowTokenTable) =>
  db
    .insertInto('narrow_tokens')
    .values(row)
    .onConflict((conflict) =>
      conflict.columns(['client', 'subject', 'scope']).doUpdateSet((eb) => ({
        granted: eb.ref('excluded.granted'),
        sent_at: eb.ref('excluded.sent_at'),
        expires_at: eb.ref('excluded.expires_at'),
        generation: eb.ref('excluded.generation'),
        key_id: eb.ref('excluded.key_id'),
        box: eb.ref('excluded.box'),
      })),
    ),
);

function narrowRow(keys: KeyRing, token: NarrowToken): NarrowTokenTable {
  const { keyId, box } = sealNarrow(keys, token, token.value);
  const { client, subject, scope, generation } = token;
  const granted = token.scopes.join(' ');
  const times = { sent_at: token.sentAt, expires_at: token.expiresAt };
  return { client, subject, scope, granted, generation, ...times, key_id: keyId, box };
}

const deleteRow = prepared((db, { client, subject }: Key) =>
  db
    .deleteFrom('grants')
    .where('client', '=', client)
    .where('subject', '=', subject)
    .returning(['state', 'key_id']),
);
const deleteNarrow = prepared((db, { client, subject }: Key) =>
  db.deleteFrom('narrow_tokens').where('client', '=', client).where('subject', '=', subject),
);

/** Deletes a grant with all that belongs to it; who holds it has lost it. */
export async function deleteGrant(db: Db, key: Key, tally: Tally): Promise<void> {
  const [gone] = (await deleteRow(db, key)).rows;
  if (gone === undefined) return;
  tally.add({ client: key.client, ...gone }, -1);
  await deleteNarrow(db, key);
  await deleteSecret(db, ANSWER, grantId(key.client, key.subject));
  await dropClaim(db, key);
}
