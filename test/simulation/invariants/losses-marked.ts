import {
  type ClientRecord,
  DAY,
  formatDuration,
  type Grant,
  HOUR,
  SECOND,
} from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';
import { tookLate } from './took-late.ts';

/** An attempt is settled, and a loss found, when the access token has ended and an application has asked. */
const SETTLES = 3 * DAY;
/** A revocation is tried hourly. */
const REVOKED_WITHIN = 6 * HOUR;
/** Who runs for so long within the grace gets his replay through. */
const UP = 15 * SECOND;
const LOST = 'answer lost';

/**
 * 14. An answer is committed before it is taken in; what is lost all the same was marked by its attempt, and ends as
 * consent that is required. Nothing is lost that the server's grace covers where a process was up within it. Once all is
 * well no attempt stays open, and who was forgotten is revoked.
 */
export function lossesMarked(world: World): Invariant {
  const calls = new Map<string, number[]>();
  const pauses: Pause[] = [];
  const self: Invariant = {
    number: 14,
    name: 'every loss is marked',
    onRefresh: ({ token }) => {
      calls.set(token, [...(calls.get(token) ?? []), world.time]);
    },
    onCommit: ({ changes, before }) => {
      for (const change of changes) {
        if (change.type === 'client.put') pauses.push(...pauseOf(change.record, world.time));
        if (change.type !== 'grant.put') continue;
        const { grant, tokens } = change;
        const held = before.refreshTokens.get(grant.subject);
        const known = before.grants.get(grant.subject);
        const next = tokens?.refresh.reveal();
        const isAnswer = known !== undefined && grant.generation > known.generation;
        if (isAnswer && next !== undefined && next !== held) {
          if (before.answers.get(grant.subject)?.includes(next) !== true)
            world.fail(self, `an answer of ${grant.subject} is taken in that was never committed`);
        }
        if (held === undefined || !isLoss(grant, known)) continue;
        const why = needless(world, held, { calls: calls.get(held) ?? [], pauses });
        if (why !== null) world.fail(self, `the grant of ${grant.subject} is lost, and ${why}`);
      }
    },
    onEnd: () => {
      for (const grant of world.ledger.grants.values()) {
        const why = unsettled(world, grant);
        if (why !== null) world.fail(self, `the grant of ${grant.subject} ${why}`);
      }
    },
  };
  return self;
}

function isLoss({ state, reason }: Grant, known: Grant | undefined): boolean {
  return state === 'consent-required' && known?.state === 'active' && reason?.startsWith(LOST) === true;
}

type Pause = { readonly from: number; readonly to: number };
type Sent = { readonly calls: readonly number[]; readonly pauses: readonly Pause[] };

/** The server takes nothing for the client, or has asked for rest: a replay would not be served. */
function pauseOf({ pause }: ClientRecord, from: number): Pause[] {
  return pause === null || pause.why === 'unavailable' ? [] : [{ from, to: pause.until }];
}

/** Where a replay could have saved it. */
function needless(world: World, token: string, { calls, pauses }: Sent): string | null {
  const { grace } = world.plan.grants;
  const takenAt = world.authorizer.takenAt.get(token);
  if (takenAt === undefined || grace === 0 || world.restores > 0) return null;
  const until = takenAt + grace;
  if (tookLate(calls, takenAt)) return null;
  if (calls.some((at) => at > takenAt && at < until)) return null;
  if (pauses.some(({ from, to }) => from < until && to > takenAt)) return null;
  const alone = world.plan.engines === 1;
  // What a replica held when it died stays held for as long as its claim, which outlives a grace.
  const held = alone ? 0 : world.claimFor;
  const away = world.troubles.filter(({ scope, from, to }) => {
    const inTime = alone && to + UP < until;
    return from < until && to + held > takenAt && !scope.startsWith('place') && !inTime;
  });
  return away.length > 0 ? null : 'nobody has replayed it within the grace';
}

function unsettled({ ledger, authorizer, time, healsAt }: World, grant: Grant): string | null {
  const { subject, attempt, state, accessExpiresAt } = grant;
  const since = (at: number) => time - Math.max(at, healsAt);
  if (attempt !== null && since(Math.max(attempt.sentAt, accessExpiresAt ?? 0)) > SETTLES)
    return `has an attempt open ${formatDuration(since(attempt.sentAt))} after all was well`;
  const token = ledger.refreshTokens.get(subject) ?? '';
  const given = authorizer.givenBy(token);
  if (given === null) return 'is none that the server knows';
  if (state === 'forgotten')
    return authorizer.isLive(given) && since(given.rotatedAt) > REVOKED_WITHIN && since(0) > REVOKED_WITHIN
      ? 'was forgotten and is not revoked'
      : null;
  if (state !== 'active' || attempt !== null || authorizer.takes(token)) return null;
  const endedAt = Math.max(given.rotatedAt, given.endedAt ?? (given.endsAt <= time ? given.endsAt : 0));
  return since(endedAt) > SETTLES ? 'is dead at the server, and stands as active' : null;
}
