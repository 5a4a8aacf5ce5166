import { type Kysely, sql } from 'kysely';
import type { Alert, AlertKind, Delivery, Silence } from '../../model/index.ts';
import type { Outbox, Page, PageQuery } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { alertFrom, deliveryFrom } from '../rows/alert.ts';
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

const dueOf = prepared((db, { channel, now }: { channel: string; now: number }) =>
  db
    .selectFrom('deliveries')
    .innerJoin('work', (join) => join.onRef('work.id', '=', 'deliveries.id'))
    .selectAll('deliveries')
    .where('work.kind', '=', 'delivery')
    .where('work.due_at', '<=', now)
    .where((eb) => eb.or([eb('work.claimed_until', 'is', null), eb('work.claimed_until', '<=', now)]))
    .where('deliveries.state', '=', 'pending')
    .where('deliveries.channel', '=', channel)
    .orderBy('deliveries.created_at')
    .orderBy('deliveries.id'),
);

/** Of the alerts that have something pending on a channel. */
const alertsOwed = prepared((db, { channel }: { channel: string }) =>
  db
    .selectFrom('alerts')
    .selectAll()
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('deliveries')
        .select('alert_id')
        .where('state', '=', 'pending')
        .where('channel', '=', channel),
    ),
);
const siblingsOwed = prepared((db, { channel }: { channel: string }) =>
  db
    .selectFrom('deliveries as one')
    .selectAll('one')
    .where('one.channel', '=', channel)
    .where('one.alert_id', 'in', (eb) =>
      eb
        .selectFrom('deliveries as owed')
        .select('owed.alert_id')
        .where('owed.state', '=', 'pending')
        .where('owed.channel', '=', channel),
    )
    .orderBy('one.created_at')
    .orderBy('one.id'),
);

export async function readOutbox(db: Db, channel: string, now: number): Promise<Outbox> {
  const due = await dueOf(db, { channel, now });
  if (due.rows.length === 0) return { due: [], alerts: [], deliveries: [] };
  const [alerts, deliveries] = await Promise.all([
    alertsOwed(db, { channel }),
    siblingsOwed(db, { channel }),
  ]);
  return {
    due: due.rows.map(deliveryFrom),
    alerts: alerts.rows.map(alertFrom),
    deliveries: deliveries.rows.map(deliveryFrom),
  };
}

const sentOf = prepared((db, { channel, since }: { channel: string; since: number }) =>
  db
    .selectFrom('deliveries')
    .select('at')
    .distinct()
    .where('channel', '=', channel)
    .where('at', '>', since)
    .where('state', '=', 'delivered')
    .orderBy('at'),
);

export async function readSentSince(db: Db, channel: string, since: number): Promise<readonly number[]> {
  return (await sentOf(db, { channel, since })).rows.flatMap(({ at }) => at ?? []);
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
