import {
  type Change,
  type Grant,
  MINUTE,
  type RefreshAttempt,
  SECOND,
  Secret,
} from '../../../src/model/index.ts';
import type { Invariant, Life, World } from '../ground.ts';
import { HASH } from '../hash.ts';

/** What a decision and its effect may lie apart, and the seconds of a Date header. */
const SLACK = 6 * SECOND;

/** An attempt as one process committed it. */
type Own = { readonly sent: number; readonly at: number };

/**
 * 13. Each presentation of a refresh token has an attempt of its own, committed before. No token that the server has taken
 * is presented anew, but as the replay of an attempt found open: within the server's grace, or once the access token that
 * is held serves no more. Nothing can be said of a state that was put back, or of who does not know what time it is.
 */
export function presentedOnce(world: World): Invariant {
  const attempts = new Map<string, number>();
  const calls = new Map<string, readonly number[]>();
  const own = new Map<string, Own>();
  const self: Invariant = {
    number: 13,
    name: 'no refresh token is presented twice',
    onCommit: ({ changes, before, life }) => {
      for (const grant of changes.flatMap(grantsIn)) {
        const known = before.grants.get(grant.subject) ?? null;
        const attempt = begun(grant, known);
        if (attempt === null) continue;
        const { fingerprint, sent } = attempt;
        attempts.set(fingerprint, (attempts.get(fingerprint) ?? 0) + 1);
        own.set(ownKey(life, fingerprint), { sent, at: world.time });
        if (sent > 1 && known !== null && !mayReplay(world, life, known))
          world.fail(
            self,
            `the refresh token of ${grant.subject} is presented again, while its access token still serves`,
          );
      }
    },
    onRefresh: ({ life, token }) => {
      const fingerprint = HASH.fingerprint(Secret.from(token));
      const before = calls.get(fingerprint) ?? [];
      calls.set(fingerprint, [...before, world.time]);
      const sent = before.length + 1;
      if (sent > (attempts.get(fingerprint) ?? 0))
        world.fail(self, `a refresh token is presented for the ${sent}. time, and no attempt says so`);
      const takenAt = world.authorizer.takenAt.get(token);
      const mine = own.get(ownKey(life, fingerprint));
      if (takenAt === undefined || mine === undefined || mine.sent > 1 || mine.at < takenAt) return;
      // Who put the state back forgot the presentation that the server took, also where it took it a moment later.
      const taking = before.findLast((at) => at <= takenAt) ?? takenAt;
      if (world.restoredAt !== null && world.restoredAt >= taking) return;
      world.fail(
        self,
        'a refresh token is presented as if for the first time; the server had taken it before',
      );
    },
  };
  return self;
}

function grantsIn(change: Change): Grant[] {
  return change.type === 'grant.put' ? [change.grant] : [];
}

function ownKey({ machine, number }: Life, fingerprint: string): string {
  return `${machine.index}.${number} ${fingerprint}`;
}

/** The attempt that this commit begins. */
function begun({ attempt }: Grant, known: Grant | null): RefreshAttempt | null {
  if (attempt === null) return null;
  const former = known?.attempt?.fingerprint === attempt.fingerprint ? known.attempt.sent : 0;
  return attempt.sent > former ? attempt : null;
}

function mayReplay({ plan, time }: World, life: Life, known: Grant): boolean {
  if (life.machine.skew !== 0 || !life.serverTimeKnown()) return true;
  const { attempt, accessExpiresAt, rejectedGeneration, accessGeneration } = known;
  const { grace } = plan.grants;
  if (attempt !== null && grace > 0 && time < attempt.sentAt + grace + SLACK) return true;
  return (
    accessExpiresAt === null ||
    rejectedGeneration === accessGeneration ||
    time > accessExpiresAt - MINUTE - SLACK
  );
}
