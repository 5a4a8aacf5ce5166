import { describe, expect, test } from 'vitest';
import type { Change, Claim, GrantLane } from '../../model/index.ts';
import { grantId, grantsLane, type State } from '../contract.ts';
import {
  CLIENT,
  deleteGrant,
  expectGrant,
  grant,
  putGrant,
  SUBJECT,
  wakeGrant,
} from './grant-samples.suite.ts';
import { credentialNames, put, T } from './samples.suite.ts';

const LANE = grantsLane(CLIENT);
const MINUTE = 60_000;

/** Due grants, their claims, wake-ups and fences. `state()` is empty and belongs to the test. */
export function grantClaimContract(state: () => State, reopen: () => Promise<State>): void {
  const claimAll = (now = T, limit = 10, until = now + MINUTE) => state().claim(LANE, { now, until, limit });
  const claimOne = async (now = T, until = now + MINUTE): Promise<Claim> => {
    const [claim] = await claimAll(now, 1, until);
    if (claim === undefined) throw new Error('nothing could be claimed');
    return claim;
  };
  const subjects = async (claims: Promise<readonly Claim[]>) =>
    (await claims).map(({ id }) => (JSON.parse(id) as [string, string])[1]);
  const nextDue = async (lane = LANE) => (await state().nextDue([lane])).get(lane) ?? null;
  /** In which lane the grant is due. */
  const laneOf = async () => {
    for (const lane of ['waiting', 'lapsing', 'hot', 'idle'] as const) {
      if ((await state().grantsIn(CLIENT, lane, 1)).count > 0) return lane;
    }
    return null;
  };

  describe('a claim of grants', () => {
    test('takes what is due of its client, by lane and then the longest due, up to the limit', async () => {
      const at = (subject: string, lane: GrantLane, dueAt: number): Change =>
        putGrant({ subject }, { at: dueAt, lane });
      await state().commit([
        at('idle', 'idle', T - 99),
        at('lapsing', 'lapsing', T - 3),
        at('hot-2', 'hot', T),
        at('hot-1', 'hot', T - 1),
        at('waiting', 'waiting', T),
        at('later', 'waiting', T + 1),
        putGrant({ client: 'another' }),
      ]);
      const first = await claimAll(T, 3);
      expect(first.map(({ id }) => id)).toEqual(
        ['waiting', 'lapsing', 'hot-1'].map((name) => grantId(CLIENT, name)),
      );
      expect(first[2]).toMatchObject({ kind: 'grant', lane: LANE, dueAt: T - 1, expiresAt: T + MINUTE });
      expect(await subjects(claimAll())).toEqual(['hot-2', 'idle']);
      expect(await claimAll()).toEqual([]);
      expect(await state().claim(grantsLane('nobody'), { now: T, until: T, limit: 9 })).toEqual([]);
      expect(await claimAll(T + 1, 0)).toEqual([]);
    });

    test('takes a hundred at most', async () => {
      const made = Array.from({ length: 103 }, (_, index) => putGrant({ subject: `s${index}` }));
      await state().commit(made);
      expect(await claimAll(T, 1_000)).toHaveLength(100);
      expect(await claimAll(T, 1_000)).toHaveLength(3);
    });

    test('goes to one of many who ask at once', async () => {
      await state().commit([putGrant()]);
      const got = await Promise.all(Array.from({ length: 8 }, () => claimAll()));
      expect(got.flat()).toHaveLength(1);
    });

    test('that ran out can be taken by another, and its former holder writes nothing', async () => {
      await state().commit([putGrant()]);
      const former = await claimOne();
      expect(await claimAll(T + MINUTE - 1)).toEqual([]);
      const present = await claimOne(T + MINUTE);
      expect(present.fence).toBeGreaterThan(former.fence);
      for (const late of [{ hold: { claim: former, next: null } }, { under: former }]) {
        await expect(state().commit([put.credential()], late)).rejects.toMatchObject({ code: 'claim_lost' });
      }
      expect(await credentialNames(state())).toEqual([]);
      await state().commit([put.credential()], { under: present });
      await state().commit([], { hold: { claim: present, next: T + 5 } });
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
      expect(await nextDue()).toBe(T + 5);
    });

    test('comes earlier by as much as the clock was set back, of its client alone', async () => {
      const at = (subject: string, dueAt: number, client = CLIENT): Change =>
        putGrant({ subject, client }, { at: dueAt, lane: 'idle' });
      await state().commit([at('due', T - 5), at('later', T + 500), at('other', T + 500, 'another')]);
      const shift: Change = { type: 'grants.shift', client: CLIENT, after: T, by: 400 };
      await state().commit([shift]);
      expect(await subjects(claimAll(T - 5))).toEqual(['due']);
      expect(await nextDue()).toBe(T + 100);
      expect(await nextDue(grantsLane('another'))).toBe(T + 500);
      const [claim] = await claimAll(T + 100);
      if (claim === undefined) throw new Error('nothing could be claimed');
      await state().commit([wakeGrant({ at: T + 700, lane: 'hot' }, 'later')]);
      await state().commit([shift]);
      await state().commit([], { hold: { claim, next: T + 900 } });
      expect(await nextDue()).toBe(T + 300);
    });

    test('that ran out and that nobody took is still ours, until it is given back', async () => {
      await state().commit([putGrant()]);
      const claim = await claimOne(T, T + 1);
      await state().commit([put.credential()], { under: claim });
      await state().commit([], { hold: { claim, next: T + MINUTE } });
      await expect(state().commit([], { under: claim })).rejects.toMatchObject({ code: 'claim_lost' });
      expect(await claimAll(T + MINUTE - 1)).toEqual([]);
      expect(await claimAll(T + MINUTE)).toHaveLength(1);
    });

    test('of a deleted grant is lost, also where the grant was made anew', async () => {
      await state().commit([putGrant()]);
      const former = await claimOne();
      await state().commit([deleteGrant()]);
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
      await state().commit([putGrant()]);
      expect((await claimOne()).fence).toBeGreaterThan(former.fence);
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
    });

    test('can be released by the commit that deletes its grant', async () => {
      await state().commit([putGrant()]);
      const claim = await claimOne();
      await state().commit([deleteGrant(), put.credential()], { hold: { claim, next: T + 1 } });
      expect(await nextDue()).toBeNull();
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
    });

    test('is kept by a commit that is stale, and released by none that fails', async () => {
      await state().commit([putGrant()]);
      const claim = await claimOne();
      const hold = { claim, next: T + 9 };
      await expect(state().commit([expectGrant(1)], { hold })).rejects.toMatchObject({ code: 'stale' });
      expect(await claimAll()).toEqual([]);
      await state().commit([], { hold });
      expect(await nextDue()).toBe(T + 9);
    });

    test('is told with its end, and freed by that and by no other', async () => {
      await state().commit([putGrant({}, { at: T + 50, lane: 'hot' })]);
      const claim = await claimOne(T + 50);
      const { kind, id, expiresAt } = claim;
      expect(await state().claimedBeyond(expiresAt - 1)).toEqual([{ kind, id, until: expiresAt }]);
      expect(await state().claimedBeyond(expiresAt)).toEqual([]);
      const free = (until: number): Change => ({ type: 'work.free', kind, id, until, at: T });
      await state().commit([free(expiresAt - 1)]);
      expect(await claimAll(T + 50)).toEqual([]);
      await state().commit([free(expiresAt)]);
      await expect(state().commit([], { under: claim })).rejects.toMatchObject({ code: 'claim_lost' });
      expect(await claimAll(T)).toHaveLength(1);
    });

    test('is void after a start: whoever made it is dead', async () => {
      await state().commit([putGrant({}, { at: T - 5, lane: 'hot' })]);
      const former = await claimOne();
      await state().commit([wakeGrant({ at: T, lane: 'waiting' })]);
      await reopen();
      expect(await nextDue()).toBe(T - 5);
      expect(await laneOf()).toBe('waiting');
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
      expect(await claimAll()).toHaveLength(1);
    });

    test('released without a next time leaves the grant, due no more until it is woken or put', async () => {
      await state().commit([putGrant()]);
      await state().commit([], { hold: { claim: await claimOne(), next: null } });
      expect(await nextDue()).toBeNull();
      expect(await claimAll(T + 1e12)).toEqual([]);
      expect(await laneOf()).toBeNull();
      await state().commit([{ type: 'grant.put', grant: grant() }]);
      expect(await nextDue()).toBeNull();
      await state().commit([wakeGrant({ at: T + 7, lane: 'waiting' })]);
      expect(await nextDue()).toBe(T + 7);
      await state().commit([], { hold: { claim: await claimOne(T + 7), next: null } });
      await state().commit([putGrant({}, { at: T + 9, lane: 'hot' })]);
      expect(await nextDue()).toBe(T + 9);
    });
  });

  describe('a wake-up of a grant', () => {
    test('makes it due no later, in its lane where that goes before its own', async () => {
      await state().commit([putGrant({}, { at: T + 100, lane: 'hot' })]);
      await state().commit([
        wakeGrant({ at: T + 50, lane: 'idle' }),
        wakeGrant({ at: T, lane: 'hot' }, 'nobody'),
      ]);
      expect([await nextDue(), await laneOf()]).toEqual([T + 50, 'hot']);
      await state().commit([wakeGrant({ at: T + 80, lane: 'waiting' })]);
      expect([await nextDue(), await laneOf()]).toEqual([T + 50, 'waiting']);
    });

    const hour = T + 60 * MINUTE;
    test.each([
      { woken: [['waiting', 20]], next: 60, lane: 'idle', due: [20, 'waiting'] },
      { woken: [['waiting', 20]], next: 10, lane: 'idle', due: [10, 'waiting'] },
      {
        woken: [
          ['idle', 40],
          ['lapsing', 20],
          ['hot', 30],
        ],
        next: 60,
        lane: 'hot',
        due: [20, 'lapsing'],
      },
      { woken: [['hot', 20]], next: 60, lane: 'lapsing', due: [20, 'lapsing'] },
      { woken: [['waiting', 20]], next: 60, lane: undefined, due: [20, 'waiting'] },
      { woken: [['waiting', 20]], next: null, lane: 'idle', due: [20, 'waiting'] },
      { woken: [], next: 60, lane: 'idle', due: [60, 'idle'] },
      { woken: [], next: 60, lane: undefined, due: [60, 'hot'] },
    ] as const)(
      'during a claim is not lost at its release: $woken, then $next in $lane, make $due',
      async ({ woken, next, lane, due }) => {
        await state().commit([putGrant({}, { at: T, lane: 'hot' })]);
        const claim = await claimOne(T, hour);
        for (const [to, at] of woken) await state().commit([wakeGrant({ at: T + at, lane: to })]);
        expect(await claimAll(T + 50)).toEqual([]);
        const hold = {
          claim,
          next: next === null ? null : T + next,
          ...(lane === undefined ? {} : { lane }),
        };
        await state().commit([], { hold });
        expect([await nextDue(), await laneOf()]).toEqual([T + due[0], due[1]]);
      },
    );

    test('before a claim does not count again at its release', async () => {
      await state().commit([putGrant(), wakeGrant({ at: T, lane: 'waiting' })]);
      await state().commit([], { hold: { claim: await claimOne(), next: T + 60, lane: 'idle' } });
      expect([await nextDue(), await laneOf()]).toEqual([T + 60, 'idle']);
    });

    test('of a claim that ran out does not count at the release of the next', async () => {
      await state().commit([putGrant()]);
      await claimOne(T, T + 1);
      await state().commit([wakeGrant({ at: T, lane: 'waiting' })]);
      const claim = await claimOne(T + 1);
      await state().commit([], { hold: { claim, next: T + 60, lane: 'idle' } });
      expect([await nextDue(), await laneOf()]).toEqual([T + 60, 'idle']);
    });

    test('a grant that somebody puts with a due time during a claim counts as woken', async () => {
      await state().commit([putGrant()]);
      const claim = await claimOne();
      await state().commit([putGrant({}, { at: T + 3, lane: 'hot' })]);
      expect(await claimAll(T + 3)).toEqual([]);
      await state().commit([], { hold: { claim, next: T + 60, lane: 'idle' } });
      expect([await nextDue(), await laneOf()]).toEqual([T + 3, 'hot']);
    });
  });

  describe('due grants', () => {
    test('a put without a due time makes a new one due at once, and leaves a known one as it is', async () => {
      const { due: _, ...now } = putGrant() as Extract<Change, { type: 'grant.put' }>;
      await state().commit([now]);
      expect(await nextDue()).toBe(T);
      await state().commit([putGrant({}, { at: T + 9, lane: 'hot' })]);
      await state().commit([now]);
      expect([await nextDue(), await laneOf()]).toEqual([T + 9, 'hot']);
    });

    test('the next due time is the earliest at which one can be claimed, beside that of other work', async () => {
      await state().commit([putGrant(), putGrant({ subject: 'b' }, { at: T + MINUTE + 5, lane: 'waiting' })]);
      await state().commit([put.work({ dueAt: T + 3 })]);
      const lanes = [LANE, 'provider:frameflow', grantsLane('nobody')];
      expect(await state().nextDue(lanes)).toEqual(
        new Map([
          [LANE, T],
          ['provider:frameflow', T + 3],
        ]),
      );
      await claimOne();
      expect(await nextDue()).toBe(T + MINUTE);
      await state().commit([putGrant({}, { at: T + 2 * MINUTE, lane: 'idle' })]);
      expect(await nextDue()).toBe(T + MINUTE + 5);
    });

    test('are counted, claimed or not, and have no place among the other records', async () => {
      await state().commit([putGrant(), putGrant({ client: 'another' }, { at: T, lane: 'hot' })]);
      await state().commit([putGrant({ subject: 'later' }, { at: T + 1, lane: 'hot' })]);
      await claimOne();
      expect(await state().due(T)).toMatchObject({ grant: 2, credential: 0 });
      expect(await state().scheduled('grant')).toEqual([]);
    });
  });

  test('a grant is refreshed by one process at a time, also where all of them try at once', async () => {
    await state().commit([putGrant({ generation: 1 })]);
    const turn = async () => {
      const [claim] = await claimAll();
      if (claim === undefined) return 'none';
      const held = await state().grant(CLIENT, SUBJECT);
      if (held === null) throw new Error('the grant is gone');
      const next = { ...held.grant, generation: held.grant.generation + 1 };
      const changes = [expectGrant(held.revision), { type: 'grant.put', grant: next } as const];
      await state().commit(changes, { hold: { claim, next: T + MINUTE } });
      return 'done';
    };
    const turns = await Promise.all(Array.from({ length: 20 }, turn));
    expect(turns.filter((one) => one === 'done')).toHaveLength(1);
    expect((await state().grant(CLIENT, SUBJECT))?.grant.generation).toBe(2);
  });
}
