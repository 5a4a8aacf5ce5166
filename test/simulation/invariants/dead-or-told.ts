import { type Alert, type Change, DAY, type Grant } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';
import type { Ledger } from '../ledger.ts';

/** So long after faults stopped a client has been served again. */
const SERVED_WITHIN = 3 * DAY;
const OF_CLIENT: readonly string[] = ['client-refused', 'unavailable', 'malformed', 'rejected-request'];

/**
 * 15. No grant is dead without an alert, and none has an alert that lives; none is declared dead that the server would
 * refresh. The dead and the forgotten come back by a new consent alone. What was told of the client ends when it is served.
 */
export function deadOrTold(world: World): Invariant {
  const self: Invariant = {
    number: 15,
    name: 'dead if and only if told',
    onCommit: ({ changes, before }) => {
      for (const change of changes) {
        if (change.type !== 'grant.put') continue;
        const known = before.grants.get(change.grant.subject) ?? null;
        const why = wrong(world, { changes, before }, known, change.grant);
        if (why !== null) world.fail(self, why);
      }
    },
    onEnd: () => {
      const { ledger } = world;
      for (const { subject, state } of ledger.grants.values()) {
        if (state === 'consent-required' && !isTold(ledger.alerts.values(), subject))
          world.fail(self, `the grant of ${subject} is dead and nobody was told`);
      }
      for (const alert of openAlerts(ledger)) {
        const [kind, , condition] = identityOf(alert);
        const subject = condition.startsWith('subject:') ? condition.slice('subject:'.length) : null;
        if (kind === 'consent-required' && subject !== null) {
          if (ledger.grants.get(subject)?.state !== 'consent-required')
            world.fail(self, `it is told that the grant of ${subject} is dead, and it is not`);
        }
        if (kind === 'refresh-failed' && OF_CLIENT.includes(condition) && servedSince(world))
          world.fail(self, `it is still told that refreshes fail (${condition}), days after all was well`);
      }
    },
  };
  return self;
}

type Commit = { readonly changes: readonly Change[]; readonly before: Ledger };

function wrong(
  { authorizer }: World,
  { changes, before }: Commit,
  known: Grant | null,
  { subject, state, generation }: Grant,
): string | null {
  if (state === 'active' && known !== null && known.state !== 'active' && generation !== 0)
    return `the grant of ${subject} was ${known.state} and is active again, and nobody has consented`;
  if (state !== 'consent-required' || known?.state === state) return null;
  if (authorizer.takes(before.refreshTokens.get(subject) ?? ''))
    return `the grant of ${subject} is declared dead, and the server would refresh it`;
  const alerts = changes.flatMap((change) => (change.type === 'alert.put' ? [change.alert] : []));
  return isTold([...alerts, ...before.alerts.values()], subject)
    ? null
    : `the grant of ${subject} is dead, and the commit that says so tells nobody`;
}

function isTold(alerts: Iterable<Alert>, subject: string): boolean {
  return [...alerts].some((alert) => {
    const [kind, , condition] = identityOf(alert);
    return kind === 'consent-required' && condition === `subject:${subject}` && alert.state !== 'resolved';
  });
}

function openAlerts({ alerts }: Ledger): Alert[] {
  return [...alerts.values()].filter(({ state }) => state !== 'resolved');
}

function identityOf({ identity }: Alert): readonly [kind: string, about: string, condition: string] {
  return JSON.parse(identity) as readonly [string, string, string];
}

/** A refresh was served a day after all was well, or later. */
function servedSince({ authorizer, healsAt, time }: World): boolean {
  const last = Math.max(0, ...authorizer.takenAt.values());
  return time > healsAt + SERVED_WITHIN && last > healsAt + DAY;
}
