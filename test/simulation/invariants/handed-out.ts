import { formatDuration, MINUTE, SECOND } from '../../../src/model/index.ts';
import type { Invariant, Life, World } from '../ground.ts';
import { tookLate } from './took-late.ts';

/** The seconds of a Date header, twice, and the way of the answer. */
const SLACK = 6 * SECOND;

/**
 * 16. An access token that is handed out is accepted then, unless the server has ended it, and lives as long as was
 * promised; at most one refresh of a grant is under way over all engines. Excused is who does not know what time it is at
 * the server, and whose clock, wrong by days, says that another's claim is over.
 */
export function handedOut(world: World): Invariant {
  /** Who refreshes a user's grant, and since when. */
  const underWay = new Map<string, Map<Life, number>>();
  const calls = new Map<string, number[]>();
  const running = (token: string) => {
    const subject = world.authorizer.givenBy(token)?.subject ?? '';
    const lives = underWay.get(subject) ?? new Map<Life, number>();
    underWay.set(subject, lives);
    return { subject, lives };
  };
  const self: Invariant = {
    number: 16,
    name: 'what is handed out works',
    onHandOut: ({ life, subject, handed }) => {
      const value = handed.value.reveal();
      const endsAt = world.authorizer.endOf(value);
      if (endsAt === null) return world.fail(self, `${subject} is given a token that the server never made`);
      if (!knowsTheTime(world, life) || world.authorizer.hasEnded(value)) return;
      const left = endsAt - world.time;
      const late = tookLate(calls.get(subject) ?? [], endsAt - world.plan.grants.accessLife);
      const slack = SLACK + (late || stepped(world) ? world.plan.grants.grace : 0);
      if (left < MINUTE - slack)
        world.fail(self, `${subject} is given a token with ${formatDuration(Math.max(0, left))} left`);
      if (handed.expiresAt > endsAt + slack)
        world.fail(self, `${subject} is promised ${formatDuration(handed.expiresAt - endsAt)} too much`);
    },
    onRefresh: ({ life, token }) => {
      const { subject, lives } = running(token);
      calls.set(subject, [...(calls.get(subject) ?? []), world.time]);
      const others = [...lives].filter(([other, since]) => other.pausedUntil <= since && isSound(other));
      if (others.length > 0 && life.pausedUntil < world.time && isSound(life))
        world.fail(self, `two refreshes of ${subject} are under way at once`);
      lives.set(life, world.time);
    },
    onRefreshEnd: ({ life, token }) => {
      running(token).lives.delete(life);
    },
  };
  return self;
}

/** Whose clock is ahead takes a replay for a probe, which is not dated back to the first presentation. */
function stepped({ troubles }: World): boolean {
  return troubles.some(({ scope }) => scope.startsWith('clock'));
}

function isSound({ alive, machine }: Life): boolean {
  return alive && machine.skew === 0;
}

/** It has heard it from the server, or its own clock was never wrong: a process goes on with the clock that it began with. */
function knowsTheTime({ troubles }: World, { machine, serverTimeKnown }: Life): boolean {
  return serverTimeKnown() || !troubles.some(({ scope }) => scope === `clock ${machine.index}`);
}
