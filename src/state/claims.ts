import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import type { Change, Claim, WorkKind } from '../model/index.ts';
import { type Hold, StateError } from './contract.ts';
import { raiseCounter } from './counters.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;
type WorkChange = Extract<Change, { readonly type: 'work.put' | 'work.wake' | 'work.delete' }>;

/** A record can be claimed from its due time on, or, while it is claimed, once the claim has run out. */
const claimableAt = sql<number>`case when claimed_until > due_at then claimed_until else due_at end`;

/** Takes what is due in one lane; see {@link import('./contract.ts').State.claim}. */
export async function takeClaims(
  db: Db,
  lane: string,
  query: { now: number; until: number; limit: number; owner: string },
): Promise<readonly Claim[]> {
  const rows = await db
    .selectFrom('work')
    .select(['kind', 'id', 'due_at', 'wakes'])
    .where('lane', '=', lane)
    .where('due_at', '<=', query.now)
    .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', query.now)]))
    .orderBy('due_at')
    .orderBy('kind')
    .orderBy('id')
    .limit(Math.max(0, query.limit))
    .execute();
  if (rows.length === 0) return [];
  let fence = (await raiseCounter(db, 'fence', rows.length)) - rows.length;
  const claims: Claim[] = [];
  for (const { kind, id, due_at: dueAt, wakes } of rows) {
    fence += 1;
    await db
      .updateTable('work')
      .set({ fence, owner: query.owner, claimed_until: query.until, woken_at: null })
      .where('kind', '=', kind)
      .where('id', '=', id)
      .execute();
    claims.push({ kind, id, lane, fence, wakes, dueAt, expiresAt: query.until });
  }
  return claims;
}

/**
 * Refuses unless `claim` is still ours. A claim that ran out and that nobody took since is: the fence decides, not the clock.
 * An update rather than a look: it holds the row until the transaction's end in every database.
 */
export async function requireClaim(db: Db, claim: Claim, owner: string): Promise<void> {
  const { numUpdatedRows } = await held(db, claim, owner)
    .set({ fence: claim.fence })
    .executeTakeFirstOrThrow();
  if (numUpdatedRows === 1n) return;
  throw new StateError(
    'claim_lost',
    `the claim on ${claim.kind} ${claim.id} was taken over or its record is gone; nothing was written`,
  );
}

/** Gives the record back with its next due time, or removes it; a wake-up that came during the claim wins. */
export async function releaseClaim(db: Db, { claim, next }: Hold, owner: string): Promise<void> {
  if (next === null) {
    await db
      .deleteFrom('work')
      .where('kind', '=', claim.kind)
      .where('id', '=', claim.id)
      .where('fence', '=', claim.fence)
      .where('wakes', '=', claim.wakes)
      .execute();
  }
  const due = next === null ? sql<number>`coalesce(woken_at, due_at)` : earliest('woken_at', next);
  await held(db, claim, owner).set({ due_at: due, owner: null, claimed_until: null }).execute();
}

function held(db: Db, claim: Claim, owner: string) {
  return db
    .updateTable('work')
    .where('kind', '=', claim.kind)
    .where('id', '=', claim.id)
    .where('fence', '=', claim.fence)
    .where('owner', '=', owner);
}

/** Applies a change of the due records themselves. */
export async function applyWork(db: Db, change: WorkChange): Promise<void> {
  switch (change.type) {
    case 'work.put': {
      const { kind, id, lane, dueAt } = change.work;
      await db
        .insertInto('work')
        .values({ kind, id, lane, due_at: dueAt, wakes: 0, fence: 0 })
        .onConflict((conflict) =>
          conflict.columns(['kind', 'id']).doUpdateSet((eb) => ({
            lane,
            due_at: dueAt,
            wakes: eb('work.wakes', '+', 1),
            woken_at: earliest('work.woken_at', dueAt),
          })),
        )
        .execute();
      return;
    }
    case 'work.wake':
      await db
        .updateTable('work')
        .set((eb) => ({
          wakes: eb('wakes', '+', 1),
          due_at: earliest('due_at', change.at),
          woken_at: earliest('woken_at', change.at),
        }))
        .where('kind', '=', change.kind)
        .where('id', '=', change.id)
        .execute();
      return;
    case 'work.delete':
      await db.deleteFrom('work').where('kind', '=', change.kind).where('id', '=', change.id).execute();
      return;
  }
}

/** The lesser of the column and `at`; `at` where the column is null. */
function earliest(column: string, at: number) {
  return sql<number>`case when ${sql.ref(column)} <= ${at} then ${sql.ref(column)} else ${at} end`;
}

export async function nextDue(db: Db, lanes: readonly string[]): Promise<number | null> {
  if (lanes.length === 0) return null;
  const row = await db
    .selectFrom('work')
    .select((eb) => eb.fn.min<number | null>(claimableAt).as('at'))
    .where('lane', 'in', lanes)
    .executeTakeFirst();
  return row?.at ?? null;
}

export async function countDue(db: Db, now: number): Promise<Readonly<Record<WorkKind, number>>> {
  const rows = await db
    .selectFrom('work')
    .select((eb) => ['kind', eb.fn.countAll().as('count')])
    .where('due_at', '<=', now)
    .groupBy('kind')
    .execute();
  const counts: Record<WorkKind, number> = {
    credential: 0,
    publication: 0,
    login: 0,
    monitor: 0,
    delivery: 0,
  };
  for (const { kind, count } of rows) counts[kind] = Number(count);
  return counts;
}

/** Ends every claim: for a database that one process holds alone, so that whoever made them is dead. */
export async function voidClaims(db: Db): Promise<void> {
  await db
    .updateTable('work')
    .set({ owner: null, claimed_until: null })
    .where('owner', 'is not', null)
    .execute();
}
