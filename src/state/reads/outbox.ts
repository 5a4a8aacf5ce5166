import { type Kysely, sql } from 'kysely';
import {
  type Alert,
  type AlertKind,
  channelLane,
  type Delivery,
  ranksOf,
  type Severity,
  type Silence,
} from '../../model/index.ts';
import { chunksOf } from '../chunks.ts';
import type { Outbox, Page, PageQuery, Sent, SentQuery } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { alertFrom, deliveryFrom, subjectFrom } from '../rows/alert.ts';
import { silenceFrom } from '../rows/silence.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

type Db = Kysely<Tables>;

/** As literals: the index of the open alerts is of this text alone. */
const resolved = sql.lit('resolved' as const);

type OpenOf = { credentials: readonly string[]; kinds: readonly AlertKind[] };

const openOf = prepared((db, { credentials, kinds }: OpenOf) =>
  db
    .selectFrom('alerts')
    .selectAll()
    .where('state', '<>', resolved)
    .where('credential', 'in', credentials)
    .where('kind', 'in', kinds),
);

export async function readOpenAlerts(db: Db, { credentials, kinds }: OpenOf): Promise<readonly Alert[]> {
  if (credentials.length === 0 || kinds.length === 0) return [];
  return (await openOf(db, { credentials, kinds })).rows.map(alertFrom);
}

const eventsOf = prepared((db, { since }: { since: number }) =>
  db
    .selectFrom('alerts')
    .selectAll()
    .where('transient', '=', sql.lit(1))
    .where('severity', '=', sql.lit<Severity>('critical'))
    .where('acknowledged_by', 'is', null)
    .where('triggered_at', '>', since)
    .orderBy('triggered_at')
    .orderBy('id'),
);

export async function readCriticalEvents(db: Db, since: number): Promise<readonly Alert[]> {
  return (await eventsOf(db, { since })).rows.map(alertFrom);
}

/** So much of each rank goes into one read of an outbox, however much there is. */
const OF_RANK = 1_000;

const dueOf = prepared((db, { lane, now }: { lane: string; now: number }) =>
  db
    .selectFrom('work')
    .select('id')
    .where('lane', '=', lane)
    .where('kind', '=', 'delivery')
    .where('due_at', '<=', now)
    .where((eb) => eb.or([eb('claimed_until', 'is', null), eb('claimed_until', '<=', now)]))
    .orderBy('due_at')
    .orderBy('id')
    .limit(sql.lit(OF_RANK)),
);

const pendingOf = prepared((db, { channel, ids }: { channel: string; ids: readonly string[] }) =>
  db
    .selectFrom('deliveries')
    .selectAll()
    .where('id', 'in', ids)
    .where('state', '=', 'pending')
    .where('channel', '=', channel),
);
const alertsOf = prepared((db, { ids }: { ids: readonly string[] }) =>
  db.selectFrom('alerts').selectAll().where('id', 'in', ids),
);
const siblingsOf = prepared((db, { channel, alerts }: { channel: string; alerts: readonly string[] }) =>
  db
    .selectFrom('deliveries')
    .selectAll()
    .where('channel', '=', channel)
    .where('alert_id', 'in', alerts)
    .orderBy('created_at')
    .orderBy('id'),
);

export async function readOutbox(db: Db, channel: string, now: number): Promise<Outbox> {
  const due: Delivery[] = [];
  for (const lane of ranksOf(channelLane(channel))) {
    const ids = (await dueOf(db, { lane, now })).rows.map(({ id }) => id);
    const found = new Map<string, Delivery>();
    for (const chunk of chunksOf(ids))
      for (const row of (await pendingOf(db, { channel, ids: chunk })).rows)
        found.set(row.id, deliveryFrom(row));
    due.push(...ids.flatMap((id) => found.get(id) ?? []));
  }
  const alerts: Alert[] = [];
  const deliveries: Delivery[] = [];
  for (const ids of chunksOf([...new Set(due.map(({ alertId }) => alertId))])) {
    alerts.push(...(await alertsOf(db, { ids })).rows.map(alertFrom));
    deliveries.push(...(await siblingsOf(db, { channel, alerts: ids })).rows.map(deliveryFrom));
  }
  return { due, alerts, deliveries };
}

const pending = prepared((db) => db.selectFrom('deliveries').selectAll().where('state', '=', 'pending'));

export async function readPendingDeliveries(db: Db): Promise<readonly Delivery[]> {
  return (await pending(db, {})).rows.map(deliveryFrom);
}

type Since = { channel: string; since: number };

const sentOf = prepared((db, { channel, since }: Since) =>
  db
    .selectFrom('deliveries')
    .select((eb) => ['at', eb.fn.countAll().as('count')])
    .where('channel', '=', channel)
    .where('at', '>', since)
    .where('attempts', '>', 0)
    .where('state', '<>', 'cancelled')
    .groupBy('at')
    .orderBy('at'),
);

/** Beyond so many groups a channel's past is forgotten. */
const GROUPS = 1_000;

const toldOf = prepared((db, { channel, since }: Since) =>
  db
    .selectFrom('deliveries')
    .innerJoin('alerts', 'alerts.id', 'deliveries.alert_id')
    .select(['alerts.kind', 'alerts.severity', 'alerts.credential', 'alerts.monitor', 'alerts.channel'])
    .select((eb) => eb.fn.max('deliveries.at').as('at'))
    .where('deliveries.channel', '=', channel)
    .where('deliveries.at', '>', since)
    .where('deliveries.state', '=', 'delivered')
    .groupBy(['alerts.kind', 'alerts.severity', 'alerts.credential', 'alerts.monitor', 'alerts.channel'])
    .orderBy('at', 'desc')
    .limit(sql.lit(GROUPS)),
);

const refusedOf = prepared((db, { channel, since }: Since) =>
  db
    .selectFrom('deliveries')
    .selectAll()
    .where('channel', '=', channel)
    .where('at', '>', since)
    .where('state', '=', 'pending')
    .orderBy('at', 'desc')
    .limit(sql.lit(1)),
);

export async function readSent(
  db: Db,
  channel: string,
  { since, toldSince, triedSince }: SentQuery,
): Promise<Sent> {
  const [sent, told, tried] = await Promise.all([
    sentOf(db, { channel, since }),
    toldOf(db, { channel, since: toldSince }),
    refusedOf(db, { channel, since: triedSince }),
  ]);
  const [last] = tried.rows;
  return {
    times: sent.rows.map(({ at, count }) => ({ at: at ?? 0, count: Number(count) })),
    told: told.rows.toReversed().map(({ at, kind, severity, ...subject }) => ({
      at: at ?? 0,
      about: { kind, severity, ...subjectFrom(subject) },
    })),
    tried: last === undefined ? null : deliveryFrom(last),
  };
}

const holding = prepared((db, { now }: { now: number }) =>
  db.selectFrom('silences').selectAll().where('ends_at', '>', now).orderBy('id'),
);
const silenceOf = prepared((db, { id }: { id: string }) =>
  db.selectFrom('silences').selectAll().where('id', '=', id),
);

export async function readSilences(db: Db, now: number): Promise<readonly Silence[]> {
  return (await holding(db, { now })).rows.map(silenceFrom);
}

export async function readSilence(db: Db, id: string): Promise<Silence | null> {
  const [row] = (await silenceOf(db, { id })).rows;
  return row === undefined ? null : silenceFrom(row);
}

export async function readAllSilences(db: Db, query: PageQuery): Promise<Page<Silence>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('silences').selectAll();
  if (after !== null) {
    select = select.where((eb) =>
      eb.or([
        eb('created_at', '<', after.at),
        eb.and([eb('created_at', '=', after.at), eb('id', '<', after.id)]),
      ]),
    );
  }
  const rows = await select
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, silenceFrom, (row) => ({ at: row.created_at, id: row.id }));
}

const ofAlerts = prepared((db, { alerts }: { alerts: readonly string[] }) =>
  db.selectFrom('deliveries').selectAll().where('alert_id', 'in', alerts).orderBy('created_at').orderBy('id'),
);

/** A query bears at most this many ids: databases limit the parameters of one. */
const CHUNK = 500;

export async function readDeliveriesOf(db: Db, alerts: readonly string[]): Promise<readonly Delivery[]> {
  const found: Delivery[] = [];
  for (let start = 0; start < alerts.length; start += CHUNK) {
    const { rows } = await ofAlerts(db, { alerts: alerts.slice(start, start + CHUNK) });
    found.push(...rows.map(deliveryFrom));
  }
  return found;
}
