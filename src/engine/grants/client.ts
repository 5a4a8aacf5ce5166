import type { Change, Claim, ClientRecord, Failure, Work } from '../../model/index.ts';
import { EdgeError, HOUR, MINUTE } from '../../model/index.ts';
import { StateError } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { CLIENTS_LANE } from '../lanes.ts';
import type { Client } from './clients.ts';
import type { Sighting } from './round.ts';
import { findGrant } from './situation.ts';
import type { Waiting } from './waiting.ts';

/** How often what concerns all grants of a client is looked at. */
const LOOK_EVERY = HOUR;
/** And how often while it is gone through very many of them. */
const GO_ON_EVERY = 5 * MINUTE;
/** Until all were gone through, an alert counts at most so many of those that are due because their end is near. */
const MOST_LAPSING = 1_000;
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
  const { policy } = client.config;
  await learn(turn);
  const now = client.now();
  await writeRecord(turn, (record) => ({ ...record, lookedAt: now }));
  const { record } = await client.read();
  const { all, lapsing, telling } = await client.round.step(context.state, { policy, record, now });
  const signals = [
    ...context.rules.lapseAlerts(policy, record, all ? lapsing : await lapsingAtLeast(turn), now),
    // No log that is read today shows which scopes are used.
    ...context.rules.scopeAlerts(policy, { grants: telling, all, usage: null }, now),
  ];
  const next = context.clock.now() + (all ? LOOK_EVERY : GO_ON_EVERY);
  await committer.commit([], signals, { hold: { claim, next } });
}

/** Those that are due because their end is near; others may be near theirs that are due for something else. */
async function lapsingAtLeast({ context, client }: ClientTurn): Promise<Sighting['lapsing']> {
  const { count, first } = await context.state.grantsIn(client.config.name, 'lapsing', MOST_LAPSING);
  return { count: Math.max(count, first.length + 1), first };
}

async function writeRecord(
  { committer, client, claim }: ClientTurn,
  next: (record: ClientRecord) => ClientRecord,
): Promise<void> {
  await client.alone(async (read) => {
    const { record, revision } = await read();
    await unlessStale(committer.commit(putClient(revision, next(record)), [], { under: claim }));
  });
}

/**
 * Takes in what the exchange of a code tells of the client: a server that is over its limit, away, or refuses the client's
 * secret does so to its grants too, and one that served it (null) serves them.
 */
export async function heardOf(
  { context, client, committer }: Pick<ClientTurn, 'context' | 'client' | 'committer'>,
  failure: Failure | null,
): Promise<void> {
  const { name } = client.config;
  const spread = context.hash.unit(name, 'exchange');
  const heard = (record: ClientRecord) => context.rules.foldExchange(record, failure, client.now(), spread);
  try {
    const known = (await client.read()).record;
    if (heard(known).client === known) return;
    await client.alone(async (read) => {
      const { record, revision } = await read();
      const { client: next, signals } = heard(record);
      if (next !== record) await unlessStale(committer.commit(putClient(revision, next), signals));
    });
  } catch (error) {
    // The next request finds it out as well.
    context.log.warn(
      { error, client: name },
      `${name}: what an exchange told of the client could not be stored`,
    );
  }
}

function putClient(revision: number, record: ClientRecord): Change[] {
  return [
    { type: 'client.expect', client: record.client, revision },
    { type: 'client.put', record },
  ];
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
