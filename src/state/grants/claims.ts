import { type ExpressionBuilder, type Kysely, sql } from 'kysely';
import { type Claim, GRANT_LANES, type GrantLane } from '../../model/index.ts';
import { type Claimed, grantId, grantsLane, type Hold, StateError } from '../contract.ts';
import { raiseCounter } from '../counters.ts';
import { prepared } from '../prepared.ts';
import { laneRank } from '../rows/grant.ts';
import type { Tables } from '../tables.ts';
import { clientsWithGrants } from './counts.ts';

type Db = Kysely<Tables>;
type Key = { client: string; subject: string };

/** When it is to be due, and the place of its lane in GRANT_LANES. */
export type WakeAt = Key & { at: number; lane: number };

/** More are not claimed at once. */
const MOST = 100;
const LANES = GRANT_LANES.map(laneRank);

/** What is due in one lane of a client, along the index, past those that somebody holds: there are never many of these. */
const dueFirst = Array.from({ length: MOST + 1 }, (_, limit) =>
  prepared((db, { client, lane, now }: { client: string; lane: number; now: number }) =>
    db
      .selectFrom('grants')
      .select(['subject', 'due_at'])
      .where('client', '=', client)
      .where('lane', '=', lane)
      .where('due_at', '<=', now)
      .where((eb) => eb.not(eb.exists(claimOf(eb).where('grant_claims.until', '>', now))))
      .orderBy('due_at')
      .limit(sql.lit(limit)),
  ),
);

function claimOf(eb: ExpressionBuilder<Tables, 'grants'>) {
  return eb
    .selectFrom('grant_claims')
    .select('grant_claims.fence')
    .whereRef('grant_claims.client', '=', 'grants.client')
    .whereRef('grant_claims.subject', '=', 'grants.subject');
}

type Taken = Key & { fence: number; owner: string; until: number };

const take = prepared((db, row: Taken) =>
  db
    .insertInto('grant_claims')
    .values({ ...row, woken_at: null, woken_lane: null })
    .onConflict((conflict) =>
      conflict.columns(['client', 'subject']).doUpdateSet((eb) => ({
        fence: eb.ref('excluded.fence'),
        owner: eb.ref('excluded.owner'),
        until: eb.ref('excluded.until'),
        woken_at: null,
        woken_lane: null,
      })),
    ),
);

/** Takes what is due of one client, lane by lane; see {@link import('../contract.ts').State.claim}. */
export async function takeGrants(
  db: Db,
  client: string,
  { now, until, limit, owner }: { now: number; until: number; limit: number; owner: string },
): Promise<readonly Claim[]> {
  const due = await readDue(db, client, now, Math.min(MOST, Math.max(0, Math.trunc(limit))));
  if (due.length === 0) return [];
  let fence = (await raiseCounter(db, 'fence', due.length)) - due.length;
  const claims: Claim[] = [];
  for (const { subject, due_at: dueAt, lane } of due) {
    fence += 1;
    await take(db, { client, subject, fence, owner, until });
    claims.push({
      kind: 'grant',
      id: grantId(client, subject),
      lane: grantsLane(client),
      grantLane: lane,
      fence,
      wakes: 0,
      dueAt: dueAt ?? now,
      expiresAt: until,
    });
  }
  return claims;
}

async function readDue(db: Db, client: string, now: number, limit: number) {
  const due: { subject: string; due_at: number | null; lane: GrantLane }[] = [];
  for (const lane of GRANT_LANES) {
    const query = dueFirst[limit - due.length];
    if (query === undefined || due.length === limit) break;
    const { rows } = await query(db, { client, lane: laneRank(lane), now });
    due.push(...rows.map((row) => ({ ...row, lane })));
  }
  return due;
}

type Held = Key & { fence: number; owner: string };

const keep = prepared((db, { client, subject, fence, owner }: Held) =>
  db
    .updateTable('grant_claims')
    .set({ fence })
    .where('client', '=', client)
    .where('subject', '=', subject)
    .where('fence', '=', fence)
    .where('owner', '=', owner),
);

/** Refuses unless `claim` is still ours; see {@link import('../claims.ts').requireClaim}. */
export async function requireGrant(db: Db, { id, fence }: Claim, owner: string): Promise<void> {
  const { numAffectedRows } = await keep(db, { ...keyOf(id), fence, owner });
  if (numAffectedRows === 1n) return;
  throw new StateError(
    'claim_lost',
    `the claim on grant ${id} was taken over or its record is gone; nothing was written`,
  );
}

const giveUp = prepared((db, { client, subject, fence, owner }: Held) =>
  db
    .deleteFrom('grant_claims')
    .where('client', '=', client)
    .where('subject', '=', subject)
    .where('fence', '=', fence)
    .where('owner', '=', owner)
    .returning(['woken_at', 'woken_lane']),
);
type Next = { at: number | null };
const setDue = prepared((db, { client, subject, at }: Key & Next) =>
  db.updateTable('grants').set({ due_at: at }).where('client', '=', client).where('subject', '=', subject),
);
const setDueIn = prepared((db, { client, subject, at, lane }: Key & Next & { lane: number }) =>
  db
    .updateTable('grants')
    .set({ due_at: at, lane })
    .where('client', '=', client)
    .where('subject', '=', subject),
);

/**
 * Gives the grant back with its next due time and lane; a wake-up that came during the claim wins. One without a next time
 * stays, due no more.
 */
export async function releaseGrant(db: Db, { claim, next, lane }: Hold, owner: string): Promise<void> {
  const key = keyOf(claim.id);
  const [held] = (await giveUp(db, { ...key, fence: claim.fence, owner })).rows;
  if (held === undefined) return;
  const at = held.woken_at === null ? next : Math.min(held.woken_at, next ?? held.woken_at);
  // Without a lane it keeps its own, which wake-ups have moved already.
  if (lane === undefined) await setDue(db, { ...key, at });
  else await setDueIn(db, { ...key, at, lane: Math.min(laneRank(lane), held.woken_lane ?? MOST) });
}

/** Also one that has no further work. */
export const wakeGrant = prepared((db, { client, subject, at, lane }: WakeAt) =>
  db
    .updateTable('grants')
    .set({ due_at: least('due_at', at), lane: least('lane', lane) })
    .where('client', '=', client)
    .where('subject', '=', subject),
);

/** Makes it known at the release of the claim, where there is one. */
export const wakeClaim = prepared((db, { client, subject, at, lane }: WakeAt) =>
  db
    .updateTable('grant_claims')
    .set({ woken_at: least('woken_at', at), woken_lane: least('woken_lane', lane) })
    .where('client', '=', client)
    .where('subject', '=', subject),
);

/** See `grants.shift`. */
export async function shiftDue(
  db: Db,
  { client, after, by }: { readonly client: string; readonly after: number; readonly by: number },
): Promise<void> {
  await db
    .updateTable('grants')
    .set((eb) => ({ due_at: eb('due_at', '-', by) }))
    .where('client', '=', client)
    .where('due_at', '>', after)
    .execute();
  await db
    .updateTable('grant_claims')
    .set((eb) => ({ woken_at: eb('woken_at', '-', by) }))
    .where('client', '=', client)
    .where('woken_at', '>', after)
    .execute();
}

/** The lesser of the column and the value; the value where the column is null. */
function least(column: string, value: number) {
  return sql<number>`case when ${sql.ref(column)} <= ${value} then ${sql.ref(column)} else ${value} end`;
}

export const dropClaim = prepared((db, { client, subject }: Key) =>
  db.deleteFrom('grant_claims').where('client', '=', client).where('subject', '=', subject),
);

const dropUntil = prepared((db, { client, subject, until }: Key & { until: number }) =>
  db
    .deleteFrom('grant_claims')
    .where('client', '=', client)
    .where('subject', '=', subject)
    .where('until', '=', until),
);
const setEarlier = prepared((db, { client, subject, at }: Key & { at: number }) =>
  db
    .updateTable('grants')
    .set({ due_at: least('due_at', at) })
    .where('client', '=', client)
    .where('subject', '=', subject),
);

/** See `work.free`. */
export async function freeGrant(
  db: Db,
  { id, until, at }: { readonly id: string; readonly until: number; readonly at: number },
): Promise<void> {
  const key = keyOf(id);
  const { numAffectedRows } = await dropUntil(db, { ...key, until });
  if (numAffectedRows === 1n) await setEarlier(db, { ...key, at });
}

export async function readGrantsBeyond(db: Db, at: number): Promise<readonly Claimed[]> {
  const rows = await db
    .selectFrom('grant_claims')
    .select(['client', 'subject', 'until'])
    .where('until', '>', at)
    .execute();
  return rows.map(({ client, subject, until }) => ({ kind: 'grant', id: grantId(client, subject), until }));
}

/** Client and subject of a claim's id. */
function keyOf(id: string): Key {
  const [client, subject] = JSON.parse(id) as [string, string];
  return { client, subject };
}

/** Of each lane the first that nobody holds, and when the first of those that are held can be taken from their holders. */
const firstTimes = prepared((db, { client }: { client: string }) => {
  const ended = db
    .selectFrom('grant_claims')
    .innerJoin('grants', (join) =>
      join
        .onRef('grants.client', '=', 'grant_claims.client')
        .onRef('grants.subject', '=', 'grant_claims.subject'),
    )
    .select((eb) =>
      eb.fn.min<number | null>(sql<number>`case when until > due_at then until else due_at end`).as('at'),
    )
    .where('grant_claims.client', '=', client)
    .where('grants.due_at', 'is not', null);
  const ofLane = (lane: number) =>
    db
      .selectFrom(
        db
          .selectFrom('grants')
          .select('due_at as at')
          .where('client', '=', client)
          .where('lane', '=', lane)
          .where('due_at', 'is not', null)
          .where((eb) => eb.not(eb.exists(claimOf(eb))))
          .orderBy('due_at')
          .limit(sql.lit(1))
          .as('first'),
      )
      .select('at');
  return LANES.reduce((query, lane) => query.unionAll(ofLane(lane)) as typeof query, ended);
});

/** The earliest time at which a grant of the client can be claimed; null: never, as it stands. */
export async function nextGrant(db: Db, client: string): Promise<number | null> {
  const { rows } = await firstTimes(db, { client });
  const known = rows.flatMap(({ at }) => (at === null ? [] : [at]));
  return known.length === 0 ? null : Math.min(...known);
}

/** After a million were taken over all of them are due at once: beyond this many it does not matter how many more. */
const COUNTED = 100_000;

const countOf = prepared((db, { client, lane, now }: { client: string; lane: number; now: number }) =>
  db
    .selectFrom(
      db
        .selectFrom('grants')
        .select('grants.lane')
        .where('client', '=', client)
        .where('lane', '=', lane)
        .where('due_at', '<=', now)
        .limit(sql.lit(COUNTED))
        .as('due'),
    )
    .select((eb) => eb.fn.countAll().as('count')),
);

/** Of each client's lane 100,000 at most. */
export async function countDueGrants(db: Db, now: number): Promise<number> {
  let total = 0;
  for (const client of await clientsWithGrants(db)) {
    for (const lane of LANES) total += Number((await countOf(db, { client, lane, now })).rows[0]?.count ?? 0);
  }
  return total;
}

/** Ends every claim: there are never many, however many grants there are. */
export async function voidGrantClaims(db: Db): Promise<void> {
  await db.deleteFrom('grant_claims').execute();
}
