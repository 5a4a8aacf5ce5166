import type { Kysely } from 'kysely';
import { AGENT_PREFIX } from '../model/index.ts';
import type { Retention } from './contract.ts';
import type { Place } from './secrets.ts';
import type { Tables } from './tables.ts';

type Db = Kysely<Tables>;

const DAY = 86_400_000;
/** How long what a log showed is kept unless the caller says: a log shows an event again for less than that. */
const LOG_DAYS = 30;

/** Long after an agent that says nothing has ceased to count. */
const AGENT_DAYS = 30;

/**
 * Deletes rotations that ended, and alerts resolved and last seen, before the given times; their steps and deliveries go
 * with them. An alert whose news is still owed to a channel stays. Settled mints, users of keys, and agents that
 * were not heard of, go after 30 days.
 */
export async function prune(db: Db, before: Retention, now: number): Promise<void> {
  await pruneRotations(db, before.rotations);
  await pruneAlerts(db, before.alerts);
  await pruneLog(db, before.log ?? now - LOG_DAYS * DAY);
  await pruneAgents(db, now - AGENT_DAYS * DAY);
}

async function pruneRotations(db: Db, before: number): Promise<void> {
  const answer: Place = 'journal.answer';
  await db
    .deleteFrom('sealed')
    .where('place', '=', answer)
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('rotations')
        .select('rotations.id')
        .where('slot', 'is', null)
        .where('ended_at', '<', before),
    )
    .execute();
  await db.deleteFrom('rotations').where('slot', 'is', null).where('ended_at', '<', before).execute();
}

async function pruneAlerts(db: Db, before: number): Promise<void> {
  await db
    .deleteFrom('alerts')
    .where('state', '=', 'resolved')
    .where('last_seen_at', '<', before)
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('deliveries')
            .select('deliveries.id')
            .whereRef('deliveries.alert_id', '=', 'alerts.id')
            .where('deliveries.state', '=', 'pending'),
        ),
      ),
    )
    .execute();
}

async function pruneLog(db: Db, before: number): Promise<void> {
  await db.deleteFrom('mints').where('settled', '=', 1).where('at', '<', before).execute();
  await db.deleteFrom('key_users').where('last_seen_at', '<', before).execute();
}

async function pruneAgents(db: Db, before: number): Promise<void> {
  await db
    .deleteFrom('destinations')
    .where('id', 'like', `${AGENT_PREFIX}%`)
    .where((eb) => eb.or([eb('checked_at', '<', before), eb('checked_at', 'is', null)]))
    .execute();
}
