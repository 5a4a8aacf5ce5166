import type { Kysely } from 'kysely';
import { sql } from 'kysely';
import { type Change, type Claim, ranksOf, type Work, type WorkKind } from '../model/index.ts';
import { type Claimed, clientOfLane, type Hold, type Scheduled, StateError } from './contract.ts';
import { raiseCounter } from './counters.ts';
import {
  countDueGrants,
  freeGrant,
  nextGrant,
  readGrantsBeyond,
  releaseGrant,
  requireGrant,
  takeGrants,
  voidGrantClaims,
} from './grants/claims.ts';
import { prepared } from './prepared.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;
type WorkChange = Extract<Change, { readonly type: `work.${string}` }>;
type Freed = { kind: WorkKind; id: string; until: number; at: number };

/** A record can be claimed from its due time on, or, while it is claimed, once the claim has run out. */
const claimableAt = sql<number>`case when claimed_until > due_at then claimed_until else due_at end`;

/** No database takes a question of any length. */
const AT_ONCE = 100;

/** More are not claimed at once. */
const MOST = 100;

/**
 * The limit stands in the text: SQLite plans a statement anew whenever the limit that is bound to it changes, also to the same.
 */
const dueFirst = Array.from({ length: MOST + 1 }, (_, limit) =>
  prepared((db, { lane, now }: { lane: string; now: number }) =>
    db
      .selectFrom('work')
      .select(['kind', 'id', 'due_at', 'wakes'])
      .where('lane', '=', lane)
      .where('due_at', '<=', now)
      .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
      .orderBy('due_at')
      .orderBy('kind')
      .orderBy('id')
      .limit(sql.lit(limit)),
  ),
);

type Taken = { kind: WorkKind; id: string; fence: number; owner: string; until: number };

const take = prepared((db, { kind, id, fence, owner, until }: Taken) =>
  db
    .updateTable('work')
    .set({ fence, owner, claimed_until: until, woken_at: null })
    .where('kind', '=', kind)
    .where('id', '=', id),
);

/** Takes what is due in one lane; see {@link import('./contract.ts').State.claim}. */
export async function takeClaims(
  db: Db,
  lane: string,
  query: { now: number; until: number; limit: number; owner: string },
): Promise<readonly Claim[]> {
  const client = clientOfLane(lane);
  if (client !== null) return takeGrants(db, client, query);
  const rows = await dueIn(db, lane, query);
  if (rows.length === 0) return [];
  let fence = (await raiseCounter(db, 'fence', rows.length)) - rows.length;
  const claims: Claim[] = [];
  for (const { kind, id, due_at: dueAt, wakes } of rows) {
    fence += 1;
    await take(db, { kind, id, fence, owner: query.owner, until: query.until });
    claims.push({ kind, id, lane, fence, wakes, dueAt, expiresAt: query.until });
  }
  return claims;
}

type Due = { readonly kind: WorkKind; readonly id: string; readonly due_at: number; readonly wakes: number };

async function dueIn(
  db: Db,
  lane: string,
  { now, limit }: { now: number; limit: number },
): Promise<readonly Due[]> {
  const most = Math.min(MOST, Math.max(0, Math.trunc(limit)));
  const rows: Due[] = [];
  for (const ranked of ranksOf(lane)) {
    const due = dueFirst[most - rows.length];
    if (due !== undefined && rows.length < most) rows.push(...(await due(db, { lane: ranked, now })).rows);
  }
  return rows;
}

type Held = { kind: WorkKind; id: string; fence: number; owner: string };

const keep = prepared((db, claim: Held) => held(db, claim).set({ fence: claim.fence }));
const release = prepared((db, claim: Held & { next: number }) =>
  held(db, claim).set({ due_at: earliest('woken_at', claim.next), owner: null, claimed_until: null }),
);
const releaseWoken = prepared((db, claim: Held) =>
  held(db, claim).set({
    due_at: sql<number>`coalesce(woken_at, due_at)`,
    owner: null,
    claimed_until: null,
  }),
);
const removeUnwoken = prepared(
  (db, { kind, id, fence, wakes }: { kind: WorkKind; id: string; fence: number; wakes: number }) =>
    db
      .deleteFrom('work')
      .where('kind', '=', kind)
      .where('id', '=', id)
      .where('fence', '=', fence)
      .where('wakes', '=', wakes),
);

/**
 * Refuses unless `claim` is still ours. A claim that ran out and that nobody took since is: the fence decides, not the clock.
 * An update rather than a look: it holds the row until the transaction's end in every database.
 */
export async function requireClaim(db: Db, claim: Claim, owner: string): Promise<void> {
  if (claim.kind === 'grant') return requireGrant(db, claim, owner);
  const { kind, id, fence } = claim;
  const { numAffectedRows } = await keep(db, { kind, id, fence, owner });
  if (numAffectedRows === 1n) return;
  throw new StateError(
    'claim_lost',
    `the claim on ${kind} ${id} was taken over or its record is gone; nothing was written`,
  );
}

/** Gives the record back with its next due time, or removes it; a wake-up that came during the claim wins. */
export async function releaseClaim(db: Db, hold: Hold, owner: string): Promise<void> {
  if (hold.claim.kind === 'grant') return releaseGrant(db, hold, owner);
  const { claim, next } = hold;
  const { kind, id, fence, wakes } = claim;
  if (next !== null) {
    await release(db, { kind, id, fence, owner, next });
    return;
  }
  await removeUnwoken(db, { kind, id, fence, wakes });
  await releaseWoken(db, { kind, id, fence, owner });
}

function held(db: Db, claim: Held) {
  return db
    .updateTable('work')
    .where('kind', '=', claim.kind)
    .where('id', '=', claim.id)
    .where('fence', '=', claim.fence)
    .where('owner', '=', claim.owner);
}

const putWork = prepared((db, { kind, id, lane, dueAt }: Work) =>
  db
    .insertInto('work')
    .values({ kind, id, lane, due_at: dueAt, wakes: 0, fence: 0 })
    .onConflict((conflict) =>
      conflict.columns(['kind', 'id']).doUpdateSet((eb) => ({
        lane: eb.ref('excluded.lane'),
        due_at: eb.ref('excluded.due_at'),
        wakes: eb('work.wakes', '+', 1),
        woken_at: earliest('work.woken_at', dueAt),
      })),
    ),
);
const wakeWork = prepared((db, { kind, id, at }: { kind: WorkKind; id: string; at: number }) =>
  db
    .updateTable('work')
    .set((eb) => ({
      wakes: eb('wakes', '+', 1),
      due_at: earliest('due_at', at),
      woken_at: earliest('woken_at', at),
    }))
    .where('kind', '=', kind)
    .where('id', '=', id),
);
const deleteWork = prepared((db, { kind, id }: { kind: WorkKind; id: string }) =>
  db.deleteFrom('work').where('kind', '=', kind).where('id', '=', id),
);
const freeWork = prepared((db, { kind, id, until, at }: Freed) =>
  db
    .updateTable('work')
    .set({ owner: null, claimed_until: null, due_at: earliest('due_at', at) })
    .where('kind', '=', kind)
    .where('id', '=', id)
    .where('claimed_until', '=', until),
);

/** Applies a change of the due records themselves. */
export async function applyWork(db: Db, change: WorkChange): Promise<void> {
  switch (change.type) {
    case 'work.put':
      await putWork(db, change.work);
      return;
    case 'work.wake':
      await wakeWork(db, { kind: change.kind, id: change.id, at: change.at });
      return;
    case 'work.delete':
      await deleteWork(db, { kind: change.kind, id: change.id });
      return;
    case 'work.free':
      if (change.kind === 'grant') return freeGrant(db, change);
      await freeWork(db, { kind: change.kind, id: change.id, until: change.until, at: change.at });
      return;
  }
}

/** The lesser of the column and `at`; `at` where the column is null. */
function earliest(column: string, at: number) {
  return sql<number>`case when ${sql.ref(column)} <= ${at} then ${sql.ref(column)} else ${at} end`;
}

/** Of each lane the first that nobody holds: a step in an index. Columns, in the order of the lanes. */
const firstFree = prepared((db, { lanes }: { lanes: readonly string[] }) =>
  db.selectNoFrom((eb) =>
    lanes.map((lane, index) =>
      eb
        .selectFrom('work')
        .select('due_at')
        .where('lane', '=', lane)
        .where('claimed_until', 'is', null)
        .orderBy('due_at')
        .limit(sql.lit(1))
        .as(String(index)),
    ),
  ),
);

/** Of each lane the first that can be taken from its holder. No more are held than run at once. */
const firstHeld = prepared((db) =>
  db
    .selectFrom('work')
    .select((eb) => ['lane', eb.fn.min<number>(claimableAt).as('at')])
    .where('claimed_until', 'is not', null)
    .groupBy('lane'),
);

export async function nextDue(db: Db, lanes: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const next = new Map<string, number>();
  const others = new Map<string, string>();
  for (const lane of lanes) {
    const client = clientOfLane(lane);
    const at = client === null ? null : await nextGrant(db, client);
    if (client === null) for (const ranked of ranksOf(lane)) others.set(ranked, lane);
    else if (at !== null) next.set(lane, at);
  }
  const earlier = (ranked: string, at: number | null) => {
    const lane = others.get(ranked);
    if (lane !== undefined && at !== null) next.set(lane, Math.min(at, next.get(lane) ?? Infinity));
  };
  const all = [...others.keys()];
  for (let from = 0; from < all.length; from += AT_ONCE) {
    const some = all.slice(from, from + AT_ONCE);
    const { rows } = await firstFree(db, { lanes: some });
    for (const [index, lane] of some.entries()) earlier(lane, rows[0]?.[index] ?? null);
  }
  if (all.length > 0) for (const { lane, at } of (await firstHeld(db, {})).rows) earlier(lane, at);
  return next;
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
    hook: 0,
    watchdog: 0,
    login: 0,
    monitor: 0,
    delivery: 0,
    alert: 0,
    authorization: 0,
    client: 0,
    grant: await countDueGrants(db, now),
  };
  for (const { kind, count } of rows) counts[kind] = Number(count);
  return counts;
}

export async function readScheduled(db: Db, kind: WorkKind): Promise<readonly Scheduled[]> {
  const rows = await db
    .selectFrom('work')
    .select(['id', 'due_at', 'claimed_until'])
    .where('kind', '=', kind)
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ id: row.id, dueAt: row.due_at, claimedUntil: row.claimed_until }));
}

export async function readClaimedBeyond(db: Db, at: number): Promise<readonly Claimed[]> {
  const rows = await db
    .selectFrom('work')
    .select(['kind', 'id', 'claimed_until'])
    .where('claimed_until', '>', at)
    .execute();
  const claimed = rows.map(({ kind, id, claimed_until: until }) => ({ kind, id, until: until ?? at }));
  return [...claimed, ...(await readGrantsBeyond(db, at))];
}

/** Ends every claim: for a database that one process holds alone, so that whoever made them is dead. */
export async function voidClaims(db: Db): Promise<void> {
  await db
    .updateTable('work')
    .set({ owner: null, claimed_until: null })
    .where('owner', 'is not', null)
    .execute();
  await voidGrantClaims(db);
}
