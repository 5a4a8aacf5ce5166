import type { Change, GrantLane, HeldGrant } from '../../model/index.ts';
import { afterwards, type GrantSituation, needsNarrow } from '../../rotation/grants/index.ts';
import type { EngineContext } from '../context.ts';
import type { Client } from './clients.ts';
import type { Waiting } from './waiting.ts';

/** What a grant's situation is made of besides the state. */
export type Around = {
  readonly context: EngineContext;
  readonly client: Client;
  readonly waiting: Waiting;
};

/** Null where the grant is gone. */
export async function findGrant(
  around: Around,
  subject: string,
  lane: GrantLane,
): Promise<GrantSituation | null> {
  const { context, client } = around;
  const [held, read, grants] = await Promise.all([
    context.state.grant(client.config.name, subject),
    client.read(),
    client.grants(),
  ]);
  if (held === null) return null;
  const { policy } = client.config;
  const wanted = await stillWanted(around, held);
  return situated(around, held, {
    policy,
    client: read.record,
    clientRevision: read.revision,
    grants,
    lane,
    wanted,
  });
}

/** The situation once `changes` are committed; null where the grant is gone. */
export function after(
  around: Around,
  before: GrantSituation,
  changes: readonly Change[],
): GrantSituation | null {
  const next = afterwards(before, changes);
  if (next === null) return null;
  const had = changes.flatMap((change) => (change.type === 'narrow.put' ? [change.token.scope] : []));
  // Who came meanwhile has woken the grant: a claim of its own finds them.
  const wanted = next.wanted.filter((scope) => !had.includes(scope));
  return situated(around, next.held, { ...next, wanted });
}

/** Which scopes somebody waits for who does not find a token when he looks. */
async function stillWanted({ context, client, waiting }: Around, { grant }: HeldGrant): Promise<string[]> {
  const wanted: string[] = [];
  for (const { scope, rejected } of waiting.wanted(grant.client, grant.subject)) {
    const token = await context.state.narrowToken(grant.client, grant.subject, scope);
    const refused = token !== null && token.generation === rejected;
    if (refused || needsNarrow(token, client.config.policy, client.now())) wanted.push(scope);
  }
  return wanted;
}

type Rest = Pick<GrantSituation, 'policy' | 'client' | 'clientRevision' | 'grants' | 'lane' | 'wanted'>;

function situated(
  { context: { hash }, waiting }: Around,
  held: HeldGrant,
  { policy, client, clientRevision, grants, lane, wanted }: Rest,
): GrantSituation {
  const { grant, refresh } = held;
  return {
    policy,
    held,
    client,
    clientRevision,
    grants,
    wanted,
    // Who waits here goes before what it was claimed for; that somebody waits elsewhere the claim tells.
    lane: waiting.waits(grant.client, grant.subject) ? 'waiting' : lane,
    fingerprint: hash.fingerprint(refresh),
    spread: hash.unit(grant.client, grant.subject, String(grant.generation)),
  };
}
