import type { Kysely } from 'kysely';
import type { Alert, Delivery } from '../../model/index.ts';
import type { Page, PageQuery } from '../contract.ts';
import { prepared } from '../prepared.ts';
import { alertFrom, deliveryFrom } from '../rows/alert.ts';
import type { Tables } from '../tables.ts';
import { decodeCursor, pageLimit, pageOf } from './page.ts';

type Db = Kysely<Tables>;

/** A query bears at most this many identities: databases limit the parameters of one. */
const CHUNK = 500;

type ById = { id: string };

const alertOf = prepared((db, { id }: ById) => db.selectFrom('alerts').selectAll().where('id', '=', id));
const latestOf = prepared((db, { identities }: { identities: readonly string[] }) =>
  db
    .selectFrom('alerts')
    .selectAll()
    .where('identity', 'in', identities)
    .where((eb) =>
      eb(
        'generation',
        '=',
        eb
          .selectFrom('alerts as same')
          .select((inner) => inner.fn.max('same.generation').as('latest'))
          .whereRef('same.identity', '=', 'alerts.identity'),
      ),
    ),
);
const deliveryOf = prepared((db, { id }: ById) =>
  db.selectFrom('deliveries').selectAll().where('id', '=', id),
);
const deliveriesOf = prepared((db, { alertId }: { alertId: string }) =>
  db.selectFrom('deliveries').selectAll().where('alert_id', '=', alertId).orderBy('created_at').orderBy('id'),
);

export async function readAlert(db: Db, id: string): Promise<Alert | null> {
  const [row] = (await alertOf(db, { id })).rows;
  return row === undefined ? null : alertFrom(row);
}

export async function readLatestAlerts(db: Db, identities: readonly string[]): Promise<readonly Alert[]> {
  const alerts: Alert[] = [];
  for (let start = 0; start < identities.length; start += CHUNK) {
    const { rows } = await latestOf(db, { identities: identities.slice(start, start + CHUNK) });
    alerts.push(...rows.map(alertFrom));
  }
  return alerts;
}

export async function readAlerts(
  db: Db,
  query: PageQuery & { readonly state?: Alert['state'] | 'open' },
): Promise<Page<Alert>> {
  const limit = pageLimit(query);
  const after = decodeCursor(query.cursor);
  let select = db.selectFrom('alerts').selectAll();
  if (query.state === 'open') select = select.where('state', '<>', 'resolved');
  else if (query.state !== undefined) select = select.where('state', '=', query.state);
  if (after !== null) {
    select = select.where((eb) =>
      eb.or([
        eb('first_seen_at', '<', after.at),
        eb.and([eb('first_seen_at', '=', after.at), eb('id', '<', after.id)]),
      ]),
    );
  }
  const rows = await select
    .orderBy('first_seen_at', 'desc')
    .orderBy('id', 'desc')
    .limit(limit + 1)
    .execute();
  return pageOf(rows, limit, alertFrom, (row) => ({ at: row.first_seen_at, id: row.id }));
}

export async function readDelivery(db: Db, id: string): Promise<Delivery | null> {
  const [row] = (await deliveryOf(db, { id })).rows;
  return row === undefined ? null : deliveryFrom(row);
}

export async function readDeliveries(db: Db, alertId: string): Promise<readonly Delivery[]> {
  return (await deliveriesOf(db, { alertId })).rows.map(deliveryFrom);
}

export async function readOutboxDepth(db: Db): Promise<Readonly<Record<string, number>>> {
  const rows = await db
    .selectFrom('deliveries')
    .select((eb) => ['channel', eb.fn.countAll().as('count')])
    .where('state', '=', 'pending')
    .groupBy('channel')
    .execute();
  return Object.fromEntries(rows.map((row) => [row.channel, Number(row.count)]));
}
