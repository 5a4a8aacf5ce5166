import type {
  Authorization,
  AuthorizationSecrets,
  Change,
  Claim,
  Failure,
  Secret,
} from '../../model/index.ts';
import { DAY, failureOf, SECOND } from '../../model/index.ts';
import type { TokenAnswer } from '../../providers/contract.ts';
import { StateError } from '../../state/contract.ts';
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import type { Client } from './clients.ts';

/** So long it can be looked up what became of a consent. */
const KEPT = DAY;
/** A code that could not be sent is tried again soon: a user waits before a browser, and it lives for minutes. */
const TRY_AGAIN = 2 * SECOND;

/** A server whose clock was not known before shows another than ours by more than this: what was sent is dated by it, ms. */
const SAME = 5 * SECOND;

const EXPIRED: Failure = {
  code: 'expired',
  verdict: 'permanent',
  message: 'the user did not come back from the provider within ten minutes; begin the consent anew',
};
const LOST: Failure = {
  code: 'answer_lost',
  verdict: 'unknown',
  message: "the provider's answer to the authorization code was lost; consent again",
};

/** All that a consent's turn works with. */
export type ConsentTurn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly client: Client;
  readonly claim: Claim;
  readonly stopping: AbortSignal;
};

type Read = { readonly authorization: Authorization; readonly secrets: AuthorizationSecrets };

/**
 * One turn of a consent: its code is exchanged once, and the grant and the consent's end are one commit. It is over after
 * ten minutes, and forgotten a day later. A crash while the code was on its way leaves a code that nobody can use again.
 */
export async function turnAuthorization(turn: ConsentTurn): Promise<void> {
  const { context, claim, stopping } = turn;
  const read = await context.state.authorization(claim.id);
  if (read === null) return context.state.commit([], { hold: { claim, next: null } });
  const { authorization, secrets } = read;
  switch (authorization.state) {
    case 'pending':
      if (context.clock.now() >= authorization.expiresAt) return fail(turn, authorization, EXPIRED);
      return context.state.commit([], { hold: { claim, next: authorization.expiresAt } });
    case 'received':
      if (stopping.aborted) return context.state.commit([], { hold: { claim, next: context.clock.now() } });
      return exchange(turn, read);
    case 'exchanging':
      if (secrets.answer === null) return fail(turn, authorization, LOST);
      return takeIn(turn, authorization, secrets.answer);
    case 'completed':
    case 'failed':
      return forget(turn, authorization);
  }
}

async function exchange(turn: ConsentTurn, { authorization, secrets }: Read): Promise<void> {
  const { context, client, claim } = turn;
  const { callback, verifier } = secrets;
  if (callback === null) return fail(turn, authorization, LOST);
  try {
    const query = new URLSearchParams(callback.reveal());
    await client.edge.checkCallback(query, query.get('state') ?? '');
  } catch (error) {
    return later(turn, authorization, failureOf(error));
  }
  const [sentAt, started] = [client.now(), context.clock.steady()];
  const sent: Authorization = { ...authorization, state: 'exchanging', sentAt };
  await context.state.commit([expected(authorization), put(sent)], { under: claim });
  const permit = client.permit();
  permit.spend();
  let answer: Secret;
  try {
    answer = await client.edge.exchange({ callback, verifier });
  } catch (error) {
    return later(turn, sent, failureOf(error));
  }
  // The server's clock may be known only now.
  const shift = client.now() - sentAt - (context.clock.steady() - started);
  const dated = { ...sent, sentAt: Math.abs(shift) > SAME ? Math.round(sentAt + shift) : sentAt };
  const kept: Change = { type: 'authorization.put', authorization: dated, secrets: { answer } };
  await context.state.commit([expected(dated), kept], { under: claim });
  return takeIn(turn, dated, answer);
}

/** Nothing was processed: the code is still good, as long as the consent is. Anything else is its end. */
async function later(turn: ConsentTurn, authorization: Authorization, failure: Failure): Promise<void> {
  const { context, claim } = turn;
  const next = context.clock.now() + Math.max(TRY_AGAIN, failure.retryAfterMs ?? 0);
  if (failure.verdict !== 'retryable' || next >= authorization.expiresAt)
    return fail(
      turn,
      authorization,
      failure.verdict === 'unknown' ? { ...LOST, message: lost(failure) } : failure,
    );
  const back: Authorization = { ...authorization, state: 'received', sentAt: null };
  await context.state.commit([expected(authorization), put(back)], { hold: { claim, next } });
}

function lost({ message }: Failure): string {
  return `${LOST.message} (${message})`;
}

/** Grant and end of the consent in one commit; where somebody else wrote the grant meanwhile, once more. */
async function takeIn(turn: ConsentTurn, authorization: Authorization, answer: Secret): Promise<void> {
  const { context, client, committer, claim } = turn;
  const { subject, scopes, actor } = authorization;
  let tokens: TokenAnswer;
  try {
    tokens = await client.edge.parse(answer);
  } catch (error) {
    return fail(turn, authorization, failureOf(error));
  }
  for (;;) {
    const now = client.now();
    const sentAt = authorization.sentAt ?? now;
    const known = await context.state.grant(client.config.name, subject);
    const { policy } = client.config;
    const folded = context.rules.foldConsent({ policy, subject, known, tokens, scopes, sentAt, actor }, now);
    if ('failure' in folded) return fail(turn, authorization, folded.failure);
    const changes = [
      expected(authorization),
      ...dueByOurClock(folded.changes, now, context.clock.now()),
      ended({ ...authorization, state: 'completed', error: null }),
    ];
    const next = context.clock.now() + KEPT;
    try {
      return await committer.commit(changes, folded.signals, { hold: { claim, next } });
    } catch (error) {
      if (!(error instanceof StateError) || error.code !== 'stale') throw error;
      if ((await context.state.authorization(authorization.id))?.authorization.state !== 'exchanging')
        throw error;
    }
  }
}

async function fail(turn: ConsentTurn, authorization: Authorization, error: Failure): Promise<void> {
  const { context, committer, client, claim } = turn;
  const { name } = client.config;
  context.log.warn(
    { client: name, authorization: authorization.id, failure: error },
    `${name}: ${error.message}`,
  );
  const now = context.clock.now();
  const changes = [
    expected(authorization),
    ended({ ...authorization, state: 'failed', error }),
    audited(authorization, now, 'grant.consent-failed', { reason: error.code }),
  ];
  await committer.commit(changes, [], { hold: { claim, next: now + KEPT } });
}

async function forget({ context, claim }: ConsentTurn, { id, expiresAt }: Authorization): Promise<void> {
  const over = expiresAt + KEPT;
  if (context.clock.now() < over) return context.state.commit([], { hold: { claim, next: over } });
  await context.state.commit([{ type: 'authorization.delete', id }], { hold: { claim, next: null } });
}

function expected({ id, state }: Authorization): Change {
  return { type: 'authorization.expect', id, state };
}

function put(authorization: Authorization): Change {
  return { type: 'authorization.put', authorization };
}

/** What came with the callback is of no more use. */
function ended(authorization: Authorization): Change {
  return { type: 'authorization.put', authorization, secrets: { callback: null, answer: null } };
}

function audited(
  { client, subject, actor, id }: Authorization,
  at: number,
  action: string,
  detail: Readonly<Record<string, string>>,
): Change {
  const entry = { at, actor, action, credential: client, detail: { subject, authorization: id, ...detail } };
  return { type: 'audit.append', entry };
}
