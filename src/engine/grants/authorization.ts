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
import type { Committer } from '../commit.ts';
import type { EngineContext } from '../context.ts';
import { dueByOurClock } from '../due-times.ts';
import { bear, isClaimLost, isStale, type Surroundings } from './bear.ts';
import { heardOf } from './client.ts';
import type { Client, Permit } from './clients.ts';

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

/** What the next try waits for. */
const AWAY: Failure = {
  code: 'unavailable',
  verdict: 'retryable',
  message:
    'the provider does not exchange the code now: it is over its rate limit, or away; begin the consent anew later',
};
/** For its place in the client's rate it waits so long at most, then it comes again, ms. */
const LONGEST_WAIT = 30 * SECOND;

/** All that a consent's turn works with. */
export type ConsentTurn = {
  readonly context: EngineContext;
  readonly committer: Committer;
  readonly client: Client;
  readonly claim: Claim;
} & Surroundings;

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
      return stopping.aborted ? park(turn) : received(turn, read);
    case 'exchanging':
      if (secrets.answer === null) return fail(turn, authorization, LOST);
      return takeIn(turn, authorization, secrets.answer);
    case 'completed':
    case 'failed':
      return forget(turn, authorization);
  }
}

/** What the user brought back is looked at; a code waits for its place in the client's rate, which is before all grants. */
async function received(turn: ConsentTurn, { authorization, secrets }: Read): Promise<void> {
  const { client, stopping, pause } = turn;
  const { callback, verifier } = secrets;
  if (callback === null) return fail(turn, authorization, LOST);
  try {
    const query = new URLSearchParams(callback.reveal());
    await client.edge.checkCallback(query, query.get('state') ?? '');
  } catch (error) {
    return later(turn, authorization, failureOf(error));
  }
  const permit = client.permit();
  try {
    const { aheadMs } = permit;
    if (aheadMs > 0) await pause(Math.min(aheadMs, LONGEST_WAIT));
    if (stopping.aborted || aheadMs > LONGEST_WAIT) return await park(turn);
    const retryAfterMs = client.exchangesPausedMs;
    if (retryAfterMs > 0) return await later(turn, authorization, { ...AWAY, retryAfterMs });
    await exchange(turn, authorization, { callback, verifier, permit });
  } finally {
    permit.end();
  }
}

async function park({ context, claim }: ConsentTurn): Promise<void> {
  await context.state.commit([], { hold: { claim, next: context.clock.now() } });
}

type Code = { readonly callback: Secret; readonly verifier: Secret; readonly permit: Permit };

async function exchange(
  turn: ConsentTurn,
  authorization: Authorization,
  { callback, verifier, permit }: Code,
): Promise<void> {
  const { context, client, claim } = turn;
  const [sentAt, started] = [client.now(), context.clock.steady()];
  const sent: Authorization = { ...authorization, state: 'exchanging', sentAt };
  await context.state.commit([expected(authorization), put(sent)], { under: claim });
  permit.spend();
  let answer: Secret;
  try {
    answer = await client.edge.exchange({ callback, verifier });
  } catch (error) {
    const failure = failureOf(error);
    await heardOf(turn, failure);
    return later(turn, sent, failure);
  }
  // The server's clock may be known only now.
  const shift = client.now() - sentAt - (context.clock.steady() - started);
  const dated = { ...sent, sentAt: Math.abs(shift) > SAME ? Math.round(sentAt + shift) : sentAt };
  await keep(turn, dated, answer);
  await heardOf(turn, null);
  return takeIn(turn, dated, answer);
}

/** The code is spent, and its answer is here alone: it is offered to the state until that takes it or the daemon stops. */
async function keep(turn: ConsentTurn, dated: Authorization, answer: Secret): Promise<void> {
  const { context, claim } = turn;
  const kept: Change = { type: 'authorization.put', authorization: dated, secrets: { answer } };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await context.state.commit([expected(dated), kept], { under: claim });
    } catch (error) {
      // Somebody else has taken it that the answer is lost, and told the user.
      if (isClaimLost(error) || isStale(error)) throw error;
      await bear(turn, 'the answer to an authorization code', error, attempt);
    }
  }
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
      if (!isStale(error)) throw error;
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
