import { type Kysely, sql } from 'kysely';
import { AGENT_PREFIX } from '../model/index.ts';
import { AUTHORIZATION_SECRETS } from './consents.ts';
import type { Retention } from './contract.ts';
import { deleteGrant } from './grants/changes.ts';
import { clientsWithGrants, Tally } from './grants/counts.ts';
import type { Place } from './secrets.ts';
import type { Tables } from './tables.ts';
import { pruneParts } from './watch-parts.ts';

type Db = Kysely<Tables>;

const DAY = 86_400_000;
/** How long what a log showed is kept unless the caller says: a log shows an event again for less than that. */
const LOG_DAYS = 30;

/** Long after an agent that says nothing has ceased to count. */
const AGENT_DAYS = 30;

/** How long one may look up a silence that is over. */
const SILENCE_DAYS = 30;

/** A key that somebody takes up once a year is still known: by its places, and as one that lay idle. */
const KEY_DAYS = 400;

/** How long one may ask what became of a consent. */
const CONSENT_DAYS = 7;
/** No refresh token of which its provider says nothing else is known to live longer: what was not revoked by then is dead. */
const FORGOTTEN_DAYS = 180;

/**
 * Deletes rotations that ended, and alerts resolved and last seen, before the given times; their steps and deliveries go
 * with them. An alert whose news is still owed to a channel stays; of its repeats, the last that each channel took. Settled mints, users of keys, and agents that
 * were not heard of, go after 30 days, and so do silences that are over; what a watch knows of a key 400 days after its
 * last use; authorizations 7 days after their end; tokens with fewer scopes a day after theirs; forgotten grants that
 * could not be revoked after 180 days. Entries of the audit log are {@link import('./audit-prune.ts').pruneAudit}'s.
 */
export async function prune(db: Db, before: Omit<Retention, 'audit'>, now: number): Promise<void> {
  await pruneRotations(db, before.rotations);
  await pruneAlerts(db, before.alerts);
  await pruneRepeats(db, now - DAY);
  await pruneSilences(db, now - SILENCE_DAYS * DAY);
  await pruneLog(db, before.log ?? now - LOG_DAYS * DAY);
  await pruneParts(db, now - KEY_DAYS * DAY);
  await pruneAgents(db, now - AGENT_DAYS * DAY);
  await pruneConsents(db, now - CONSENT_DAYS * DAY);
  await pruneGrants(db, now);
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

/**
 * An alert that lasts is told again and again: the last that a channel took says all that those before it say. In one pass,
 * however many there are.
 */
async function pruneRepeats(db: Db, before: number): Promise<void> {
  const taken = sql`max(case when state = 'delivered' then created_at end) over (partition by alert_id, channel)`;
  const told = sql`select id, created_at, at, ${taken} as taken from deliveries where event = 'trigger' and state <> 'pending'`;
  await db
    .deleteFrom('deliveries')
    .where(
      'id',
      'in',
      sql<string>`(select id from (${told}) as told where created_at < taken and at < ${before})`,
    )
    .execute();
}

async function pruneSilences(db: Db, before: number): Promise<void> {
  await db.deleteFrom('silences').where('ends_at', '<', before).execute();
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

async function pruneConsents(db: Db, before: number): Promise<void> {
  await db
    .deleteFrom('sealed')
    .where('place', 'in', Object.values(AUTHORIZATION_SECRETS))
    .where('id', 'in', (eb) =>
      eb.selectFrom('authorizations').select('authorizations.id').where('expires_at', '<', before),
    )
    .execute();
  await db.deleteFrom('authorizations').where('expires_at', '<', before).execute();
}

/** Forgotten ones are found by the index of those that are not active. */
async function pruneGrants(db: Db, now: number): Promise<void> {
  await db
    .deleteFrom('narrow_tokens')
    .where('expires_at', '<', now - DAY)
    .execute();
  const tally = new Tally();
  for (const client of await clientsWithGrants(db)) {
    const rows = await db
      .selectFrom('grants')
      .select('subject')
      .where('client', '=', client)
      .where('state', '=', 'forgotten')
      .where('state', '<>', sql.lit('active' as const))
      .where('renewed_at', '<', now - FORGOTTEN_DAYS * DAY)
      .execute();
    for (const { subject } of rows) await deleteGrant(db, { client, subject }, tally);
  }
  await tally.write(db);
}
