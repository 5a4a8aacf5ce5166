import { EdgeError, failureOf, MINUTE, Secret } from '../../src/model/index.ts';
import { STRAIGHT } from './bent.ts';
import { type Bug, withChanges, without, withRules } from './planting.ts';

const { rules } = STRAIGHT;

/** As {@link Bug}, in what is done with OAuth grants. */
export const BUGS_OF_GRANTS: readonly Bug[] = [
  {
    name: 'no-attempt',
    what: 'a refresh is sent before its attempt is committed',
    bent: withChanges((changes) =>
      changes.map((change) =>
        change.type === 'grant.put' ? { ...change, grant: { ...change.grant, attempt: null } } : change,
      ),
    ),
  },
  {
    name: 'attempt-forgotten',
    what: 'a refresh of which nothing was heard counts as not sent',
    bent: withRules({
      planGrant: (situation, now) => {
        const { held } = situation;
        return rules.planGrant(
          { ...situation, held: { ...held, grant: { ...held.grant, attempt: null } } },
          now,
        );
      },
    }),
  },
  {
    name: 'answer-not-kept',
    what: 'the answer to a refresh is not kept before it is read',
    bent: withChanges((changes) =>
      changes.map((change) =>
        change.type === 'grant.answer' && change.answer !== null
          ? { ...change, answer: Secret.from('nothing') }
          : change,
      ),
    ),
  },
  {
    name: 'no-recheck-of-grants',
    what: 'what became of a refresh is committed although the grant has changed since it was read',
    bent: without('grant.expect'),
  },
  {
    name: 'replay-without-grace',
    what: 'a refresh is repeated at once where the server has no grace period',
    bent: withRules({
      planGrant: (situation, now) => {
        const policy = { ...situation.policy, refreshGrace: 10 * MINUTE };
        return rules.planGrant({ ...situation, policy }, now);
      },
    }),
  },
  {
    name: 'grace-ignored',
    what: 'a refresh is not repeated within the grace period that the server has',
    bent: withRules({
      planGrant: (situation, now) =>
        rules.planGrant({ ...situation, policy: { ...situation.policy, refreshGrace: 0 } }, now),
    }),
  },
  {
    name: 'client-refused-kills',
    what: 'a grant counts as dead where the client itself is refused',
    bent: {
      ...STRAIGHT,
      client: (client) => ({
        ...client,
        refresh: (token, request) =>
          client.refresh(token, request).catch((error: unknown) => {
            const failure = failureOf(error);
            const isClient = failure.code === 'invalid_client';
            throw new EdgeError(
              isClient ? { ...failure, code: 'invalid_grant', verdict: 'rejected' } : failure,
            );
          }),
      }),
    },
  },
  {
    name: 'death-not-told',
    what: 'nobody is told that a grant is dead',
    bent: withRules({
      foldGrant: (...parts) => ({ ...rules.foldGrant(...parts), signals: [] }),
    }),
  },
  {
    name: 'expiry-by-wall-clock',
    what: 'the wall clock counts for the end of an access token',
    bent: {
      ...STRAIGHT,
      client: (client, clock) => ({
        ...client,
        seenClock: () => ({
          date: clock.now(),
          sent: clock.now(),
          wall: clock.now(),
          steady: clock.steady(),
        }),
      }),
    },
  },
];
