import { DAY, EdgeError, failureOf, HOUR } from '../../src/model/index.ts';
import type { Situation } from '../../src/rotation/index.ts';
import { STRAIGHT } from './bent.ts';
import { BUGS_OF_GRANTS } from './bugs-of-grants.ts';
import type { Bent } from './ground.ts';
import { type Bug, withChanges, without, withRules } from './planting.ts';

export type { Bug };

const { rules } = STRAIGHT;

const withoutSignals = (...kinds: readonly string[]): Bent =>
  withRules({
    fold: (...parts) => {
      const folded = rules.fold(...parts);
      return { ...folded, signals: folded.signals.filter(({ kind }) => !kinds.includes(kind)) };
    },
  });

/** The situation as it looks to who knows of no overlap. */
function blindToOverlap(situation: Situation): Situation {
  const { snapshot, policy } = situation;
  const versions = snapshot.versions.filter(({ state }) => state !== 'retiring');
  return { ...situation, policy: { ...policy, every: DAY }, snapshot: { ...snapshot, versions } };
}

export const BUGS: readonly Bug[] = [
  {
    name: 'no-journal',
    what: 'the answer to a mint is not kept before it is read',
    bent: without('journal.put'),
  },
  {
    name: 'no-intent',
    what: 'a mint is sent before its intent is committed',
    bent: withRules({ intend: () => [] }),
  },
  {
    name: 'no-replay-key',
    what: 'a mint is repeated under another Idempotency-Key',
    bent: {
      ...STRAIGHT,
      provider: (provider) => {
        let sends = 0;
        return {
          ...provider,
          mint: (key, request) => {
            sends += 1;
            return provider.mint(key, {
              ...request,
              idempotencyKey: `${request.idempotencyKey}${'+'.repeat(sends - 1)}`,
            });
          },
        };
      },
    },
  },
  {
    name: 'orphan-not-told',
    what: 'a key that was minted and never reached us is not told',
    bent: withRules({
      fold: (...parts) => {
        const { changes, signals } = rules.fold(...parts);
        return {
          changes: changes.filter(
            (change) => change.type !== 'version.put' || change.version.state !== 'orphaned',
          ),
          signals: signals.filter(({ kind }) => kind !== 'key-orphaned'),
        };
      },
    }),
  },
  {
    name: 'no-fence',
    what: 'a store does not compare what the writer had read: whoever comes last wins',
    bent: { ...STRAIGHT, fenced: false },
  },
  {
    name: 'no-recheck',
    what: 'what was decided is committed although the credential has changed since it was read',
    bent: without('credential.expect'),
  },
  {
    name: 'wall-clock',
    what: "the wall clock counts for the provider's deadlines",
    bent: {
      ...STRAIGHT,
      provider: (provider, clock) => ({
        ...provider,
        seenClock: () => ({
          date: clock.now(),
          sent: clock.now(),
          wall: clock.now(),
          steady: clock.steady(),
        }),
      }),
    },
  },
  {
    name: 'sent-before-acknowledged',
    what: 'a message counts as delivered once it is sent',
    bent: {
      ...STRAIGHT,
      channel: (channel) => ({
        ...channel,
        deliver: async (message) => {
          channel.deliver(message).catch(() => undefined);
        },
      }),
    },
  },
  {
    name: 'overlap-rule-off',
    what: 'a scheduled rotation does not wait for the end of an overlap',
    bent: withRules({
      plan: (situation, now, newKey) => {
        const { open } = situation.snapshot;
        if (open?.state === 'overlap' && now - (open.mintedAt ?? now) > 4 * HOUR)
          return { do: 'supersede', by: null };
        return rules.plan(blindToOverlap(situation), now, newKey);
      },
    }),
  },
  {
    name: 'publish-before-verify',
    what: 'a new key is published although the provider does not accept it yet',
    bent: withRules({
      fold: (situation, action, outcome, now, newId) => {
        const settle = { ...situation.policy.settle, minimum: 0, successes: 1 };
        const hasty = { ...situation, policy: { ...situation.policy, settle } };
        const accepted = outcome.of === 'verify' ? ({ of: 'verify', keyId: null } as const) : outcome;
        return rules.fold(hasty, action, accepted, now, newId);
      },
    }),
  },
  {
    name: 'one-node-is-enough',
    what: 'a new key is believed after one acceptance',
    bent: withRules({
      fold: (situation, action, outcome, now, newId) => {
        const settle = { ...situation.policy.settle, minimum: 0, successes: 1 };
        return rules.fold(
          { ...situation, policy: { ...situation.policy, settle } },
          action,
          outcome,
          now,
          newId,
        );
      },
    }),
  },
  {
    name: 'overwrites-newer',
    what: 'an older state overwrites a newer version that it finds',
    bent: withRules({
      decidePublication: (standing, wanted) => {
        const decision = rules.decidePublication(standing, wanted);
        return decision.do === 'refuse' ? { do: 'write' } : decision;
      },
      decideVisit: (known, standing, wanted) => {
        const decision = rules.decideVisit(known, standing, wanted);
        return decision.do === 'refuse' ? { do: 'write', valueThere: false, drift: null } : decision;
      },
    }),
  },
  {
    name: 'late-destination-not-told',
    what: 'nobody is told that a destination will miss the end of the overlap',
    bent: {
      ...withoutSignals('publish-failed', 'store-unreachable', 'rotation-attention', 'rotation-failed'),
      rules: {
        ...rules,
        standing: () => [],
        foldPublication: (...parts) => ({ ...rules.foldPublication(...parts), signals: [] }),
      },
    },
  },
  {
    name: 'never-closed',
    what: 'a rotation stays in its overlap for ever',
    bent: withRules({
      plan: (situation, now, newKey) => {
        const action = rules.plan(situation, now, newKey);
        return action.do === 'close' ? { do: 'wait', until: now + HOUR } : action;
      },
    }),
  },
  {
    name: 'no-audit',
    what: 'what happened to a rotation is not in the audit log',
    bent: without('audit.append'),
  },
  {
    name: 'dedup-key-changes',
    what: 'each telling of an alert has a dedup key of its own',
    bent: withChanges((changes) =>
      changes.map((change) =>
        change.type === 'alert.put'
          ? {
              ...change,
              alert: { ...change.alert, dedupKey: `${change.alert.dedupKey}-${change.alert.revision}` },
            }
          : change,
      ),
    ),
  },
  {
    name: 'key-in-error',
    what: 'an error quotes the key that was refused',
    bent: {
      ...STRAIGHT,
      provider: (provider) => ({
        ...provider,
        verify: (key, options) =>
          provider.verify(key, options).catch((error: unknown) => {
            const failure = failureOf(error);
            throw new EdgeError({ ...failure, message: `${failure.message}: ${key.reveal()}` });
          }),
      }),
    },
  },
  {
    name: 'no-backoff',
    what: 'what failed is tried again at once',
    bent: withChanges((changes) =>
      changes.map((change) =>
        change.type === 'rotation.put'
          ? { ...change, rotation: { ...change.rotation, retryAt: null } }
          : change,
      ),
    ),
  },
  ...BUGS_OF_GRANTS,
];

/** @throws {RangeError} where there is none of that name */
export function bugNamed(name: string): Bug {
  const bug = BUGS.find((each) => each.name === name);
  if (bug !== undefined) return bug;
  throw new RangeError(`no bug is named ${name}; there are ${BUGS.map((each) => each.name).join(', ')}`);
}
