import type { Change, Claim, ClientRecord, Work } from '../../model/index.ts';
import { EdgeError, HOUR, MINUTE } from '../../model/index.ts';
import { StateError } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { CLIENTS_LANE } from '../lanes.ts';
import type { Client } from './clients.ts';
import { findGrant } from './situation.ts';
import type { Waiting } from './waiting.ts';

/** How often what concerns all grants of a client is looked at. */
const LOOK_EVERY = HOUR;
/** An alert counts at most so many grants that are near their end, and says that there are more. */
const MOST_LAPSING = 1_000;
/** Of so many grants the scopes are gone through. */
const MOST_SEEN = 1_000;
/** Among so many grants one is looked for that tells whether a refresh gives a new life. */
const MOST_ASKED = 20;
/** One that was refreshed so long after its consent. */
const OLD_ENOUGH = MINUTE;

/** One for each client of the configuration: rooted at every start, it never ends. */
export function clientWork(client: string, now: number): Work {
  return { kind: 'client', id: client, lane: CLIENTS_LANE, dueAt: now };
}

/** All that a client's turn works with. */
export type ClientTurn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly client: Client;
  readonly waiting: Waiting;
  readonly claim: Claim;
};

/**
 * One turn of a client: learns, where the server says when a refresh token ends, whether a refresh gives it a new life,
 * and tells which of its grants end soon, and which scopes are missing or too many.
 */
export async function turnClient(turn: ClientTurn): Promise<void> {
  const { context, client, committer, claim } = turn;
  const { name, policy } = client.config;
  await learn(turn);
  const lapsing = await context.state.grantsIn(name, 'lapsing', MOST_LAPSING);
  const { items: grants, nextCursor } = await context.state.grants({
    client: name,
    state: 'active',
    limit: MOST_SEEN,
  });
  const now = client.now();
  await writeRecord(turn, (record) => ({ ...record, lookedAt: now }));
  const { record } = await client.read();
  const signals = [
    ...context.rules.lapseAlerts(policy, record, lapsing, now),
    // No log that is read today shows which scopes are used.
    ...context.rules.scopeAlerts(policy, { grants, all: nextCursor === null, usage: null }, now),
  ];
  await committer.commit([], signals, { hold: { claim, next: context.clock.now() + LOOK_EVERY } });
}

async function writeRecord(
  { committer, client, claim }: ClientTurn,
  next: (record: ClientRecord) => ClientRecord,
): Promise<void> {
  await client.alone(async (read) => {
    const { record, revision } = await read();
    const changes: Change[] = [
      { type: 'client.expect', client: client.config.name, revision },
      { type: 'client.put', record: next(record) },
    ];
    await unlessStale(committer.commit(changes, [], { under: claim }));
  });
}

/** Asks of one grant that was refreshed since its consent when its refresh token ends. */
async function learn({ context, client, committer, waiting }: ClientTurn): Promise<void> {
  const { edge, config } = client;
  const { record } = await client.read();
  if (edge.introspect === null || record.slides !== null || client.pausedMs > 0) return;
  const { items } = await context.state.grants({ client: config.name, state: 'active', limit: MOST_ASKED });
  const telling = items.find(({ renewedAt, consentedAt }) => renewedAt - consentedAt >= OLD_ENOUGH);
  if (telling === undefined) return;
  const found = await findGrant({ context, client, waiting }, telling.subject, 'idle');
  if (found?.held.grant.state !== 'active') return;
  const permit = client.permit();
  try {
    permit.spend();
    const endsAt = await edge.introspect(found.held.refresh);
    const { changes, signals } = context.rules.foldIntrospected(found, endsAt);
    await unlessStale(committer.commit(changes, signals));
  } catch (error) {
    if (!(error instanceof EdgeError)) throw error;
    const { failure } = error;
    context.log.warn(
      { client: config.name, failure },
      `${config.name}: when a refresh token ends was not told`,
    );
  } finally {
    permit.end();
  }
}

/** Somebody else has written what was read: they know it better, and an hour later it is looked at again. */
async function unlessStale(commit: Promise<void>): Promise<void> {
  await commit.catch((error: unknown) => {
    if (!(error instanceof StateError) || error.code !== 'stale') throw error;
  });
}
