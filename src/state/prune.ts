import type { Kysely } from 'kysely';
import type { Place } from './secrets.ts';
import type { Tables } from './tables.ts';

/**
 * Deletes rotations that ended, and alerts resolved and last seen, before the given times; their steps and deliveries go
 * with them. An alert whose news is still owed to a channel stays.
 */
export async function prune(
  db: Kysely<Tables>,
  before: { readonly rotations: number; readonly alerts: number },
): Promise<void> {
  const answer: Place = 'journal.answer';
  await db
    .deleteFrom('sealed')
    .where('place', '=', answer)
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('rotations')
        .select('rotations.id')
        .where('slot', 'is', null)
        .where('ended_at', '<', before.rotations),
    )
    .execute();
  await db
    .deleteFrom('rotations')
    .where('slot', 'is', null)
    .where('ended_at', '<', before.rotations)
    .execute();
  await db
    .deleteFrom('alerts')
    .where('state', '=', 'resolved')
    .where('last_seen_at', '<', before.alerts)
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
