import { type Kysely, sql } from 'kysely';

/** The first schema. Portable: no type, default or index that only one database has. */
export async function first(db: Kysely<never>): Promise<void> {
  await facts(db);
  await credentials(db);
  await rotations(db);
  await alerts(db);
  await logs(db);
  await grants(db);
  await grantMarks(db);
  await consents(db);
  await work(db);
}

async function facts(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('counters')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('sealed')
    .addColumn('place', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('sequence', 'integer', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('box', 'text', (column) => column.notNull())
    .addColumn('stored_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('sealed_key', ['place', 'id', 'sequence'])
    .execute();
  await db.schema.createIndex('sealed_by_key').on('sealed').column('key_id').execute();
  await db.schema
    .createTable('audit')
    .addColumn('number', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('action', 'text', (column) => column.notNull())
    .addColumn('credential', 'text')
    .addColumn('detail', 'text', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('audit_by_credential').on('audit').columns(['credential', 'number']).execute();
}

async function credentials(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('credentials')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('provider', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('retry_at', 'bigint')
    .addColumn('pause', 'text')
    .addColumn('recovery_id', 'text')
    .addColumn('uncertain', 'text', (column) => column.notNull())
    .addColumn('revision', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await db.schema
    .createTable('versions')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('credential', 'text', (column) => column.notNull())
    .addColumn('number', 'integer', (column) => column.notNull())
    .addColumn('key_id', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('origin', 'text', (column) => column.notNull())
    .addColumn('fingerprint', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint')
    .addColumn('compromised_at', 'bigint')
    .addColumn('accepted_at', 'bigint')
    .addColumn('probed_at', 'bigint')
    .addUniqueConstraint('versions_number', ['credential', 'number'])
    .execute();
  await db.schema
    .createTable('destinations')
    .addColumn('credential', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('version_id', 'text')
    .addColumn('published_at', 'bigint')
    .addColumn('checked_at', 'bigint')
    .addColumn('hook', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('looks', 'integer', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addPrimaryKeyConstraint('destinations_key', ['credential', 'id'])
    .execute();
}

async function rotations(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('rotations')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('credential', 'text', (column) => column.notNull())
    .addColumn('trigger_kind', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('request_key', 'text')
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('queued', 'integer', (column) => column.notNull())
    .addColumn('slot', 'text')
    .addColumn('terms', 'text')
    .addColumn('previous_version_id', 'text')
    .addColumn('new_version_id', 'text')
    .addColumn('signer_version_id', 'text')
    .addColumn('intent', 'text')
    .addColumn('mints', 'integer', (column) => column.notNull())
    .addColumn('rollback', 'text')
    .addColumn('preflighted_at', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('retry_at', 'bigint')
    .addColumn('accepted', 'integer', (column) => column.notNull())
    .addColumn('minted_at', 'bigint')
    .addColumn('answered_at', 'bigint')
    .addColumn('overlap_ends_at', 'bigint')
    .addColumn('started_at', 'bigint', (column) => column.notNull())
    .addColumn('ended_at', 'bigint')
    .addColumn('last_error', 'text')
    .addUniqueConstraint('rotations_slot', ['credential', 'slot'])
    .addUniqueConstraint('rotations_request', ['credential', 'request_key'])
    .execute();
  await db.schema.createIndex('rotations_newest').on('rotations').columns(['started_at', 'id']).execute();
  await db.schema
    .createTable('steps')
    .addColumn('rotation_id', 'text', (column) =>
      column.notNull().references('rotations.id').onDelete('cascade'),
    )
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('destination', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('started_at', 'bigint')
    .addColumn('ended_at', 'bigint')
    .addColumn('error', 'text')
    .addPrimaryKeyConstraint('steps_key', ['rotation_id', 'name', 'destination'])
    .execute();
}

async function alerts(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('alerts')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('dedup_key', 'text', (column) => column.notNull())
    .addColumn('identity', 'text', (column) => column.notNull())
    .addColumn('generation', 'integer', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('severity', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('credential', 'text')
    .addColumn('monitor', 'text')
    .addColumn('channel', 'text')
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('summary', 'text', (column) => column.notNull())
    .addColumn('action', 'text')
    .addColumn('deadline', 'bigint')
    .addColumn('evidence', 'text', (column) => column.notNull())
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('count', 'integer', (column) => column.notNull())
    .addColumn('acknowledged_by', 'text')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .addUniqueConstraint('alerts_generation', ['identity', 'generation'])
    .execute();
  await db.schema.createIndex('alerts_newest').on('alerts').columns(['first_seen_at', 'id']).execute();
  await db.schema
    .createTable('deliveries')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('alert_id', 'text', (column) => column.notNull().references('alerts.id').onDelete('cascade'))
    .addColumn('channel', 'text', (column) => column.notNull())
    .addColumn('event', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('last_error', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('at', 'bigint')
    .execute();
  await db.schema.createIndex('deliveries_by_alert').on('deliveries').column('alert_id').execute();
  await db.schema.createIndex('deliveries_outbox').on('deliveries').columns(['state', 'channel']).execute();
}

async function logs(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('monitors')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('cursor', 'text')
    .addColumn('last_event_at', 'bigint')
    .addColumn('polled_at', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('skipped', 'bigint', (column) => column.notNull())
    .addColumn('detectors', 'text')
    .execute();
  await db.schema
    .createTable('key_uses')
    .addColumn('key_id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('last_used_at', 'bigint', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('mints')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('credential', 'text', (column) => column.notNull())
    .addColumn('signer_key_id', 'text', (column) => column.notNull())
    .addColumn('minted_key_id', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('user_agent', 'text')
    .addColumn('settled', 'integer', (column) => column.notNull())
    .execute();
  await db.schema
    .createIndex('mints_by_credential')
    .on('mints')
    .columns(['credential', 'settled', 'at'])
    .execute();
  await db.schema
    .createTable('key_users')
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('ip', 'text', (column) => column.notNull())
    .addColumn('user_agent', 'text', (column) => column.notNull())
    .addColumn('calls', 'bigint', (column) => column.notNull())
    .addColumn('first_seen_at', 'bigint', (column) => column.notNull())
    .addColumn('last_seen_at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('key_users_key', ['key_id', 'ip', 'user_agent'])
    .execute();
}

async function grants(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('grants')
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('consented_at', 'bigint', (column) => column.notNull())
    .addColumn('renewed_at', 'bigint', (column) => column.notNull())
    .addColumn('refresh_expires_at', 'bigint')
    .addColumn('access_sent_at', 'bigint')
    .addColumn('access_expires_at', 'bigint')
    .addColumn('used_at', 'bigint')
    .addColumn('attempt', 'text')
    .addColumn('access_generation', 'bigint', (column) => column.notNull())
    .addColumn('rejected_generation', 'bigint')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('retry_at', 'bigint')
    .addColumn('last_error', 'text')
    .addColumn('revision', 'bigint', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('box', 'text', (column) => column.notNull())
    .addColumn('due_at', 'bigint')
    .addColumn('lane', 'integer', (column) => column.notNull())
    .addPrimaryKeyConstraint('grants_key', ['client', 'subject'])
    .execute();
  await db.schema.createIndex('grants_due').on('grants').columns(['client', 'lane', 'due_at']).execute();
  await db.schema
    .createIndex('grants_ended')
    .on('grants')
    .columns(['client', 'state', 'subject'])
    .where(sql.ref('state'), '<>', sql.lit('active'))
    .execute();
}

/** What stands beside the grants so that their million rows need not be gone through or written. */
async function grantMarks(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('grant_claims')
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('fence', 'bigint', (column) => column.notNull())
    .addColumn('owner', 'text', (column) => column.notNull())
    .addColumn('until', 'bigint', (column) => column.notNull())
    .addColumn('woken_at', 'bigint')
    .addColumn('woken_lane', 'integer')
    .addPrimaryKeyConstraint('grant_claims_key', ['client', 'subject'])
    .execute();
  await db.schema
    .createTable('grant_counts')
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('count', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('grant_counts_key', ['client', 'state', 'key_id'])
    .execute();
  await db.schema
    .createTable('narrow_tokens')
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('scope', 'text', (column) => column.notNull())
    .addColumn('granted', 'text', (column) => column.notNull())
    .addColumn('sent_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('generation', 'bigint', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('box', 'text', (column) => column.notNull())
    .addPrimaryKeyConstraint('narrow_tokens_key', ['client', 'subject', 'scope'])
    .execute();
  await db.schema.createIndex('narrow_tokens_by_key').on('narrow_tokens').column('key_id').execute();
  await db.schema.createIndex('narrow_tokens_by_end').on('narrow_tokens').column('expires_at').execute();
}

async function consents(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('clients')
    .addColumn('client', 'text', (column) => column.primaryKey().notNull())
    .addColumn('pause', 'text')
    .addColumn('refused_at', 'text', (column) => column.notNull())
    .addColumn('failures', 'integer', (column) => column.notNull())
    .addColumn('faults', 'text', (column) => column.notNull())
    .addColumn('slides', 'integer')
    .addColumn('looked_at', 'bigint')
    .addColumn('revision', 'integer', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('authorizations')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('state_digest', 'text', (column) => column.notNull().unique())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('return_url', 'text')
    .addColumn('actor', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('sent_at', 'bigint')
    .addColumn('error', 'text')
    .execute();
  await db.schema.createIndex('authorizations_by_end').on('authorizations').column('expires_at').execute();
}

async function work(db: Kysely<never>): Promise<void> {
  await db.schema
    .createTable('work')
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('id', 'text', (column) => column.notNull())
    .addColumn('lane', 'text', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('wakes', 'bigint', (column) => column.notNull())
    .addColumn('woken_at', 'bigint')
    .addColumn('fence', 'bigint', (column) => column.notNull())
    .addColumn('owner', 'text')
    .addColumn('claimed_until', 'bigint')
    .addPrimaryKeyConstraint('work_key', ['kind', 'id'])
    .execute();
  await db.schema.createIndex('work_due').on('work').columns(['lane', 'due_at', 'kind', 'id']).execute();
}
