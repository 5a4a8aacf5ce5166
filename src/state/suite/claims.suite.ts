import { describe, expect, test } from 'vitest';
import type { Change, Claim, Work } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { credentialNames, put, T } from './samples.suite.ts';

const LANE = 'provider:frameflow';
const MINUTE = 60_000;

async function claimOne(state: State, now = T, until = now + MINUTE): Promise<Claim> {
  const [claim] = await state.claim(LANE, { now, until, limit: 1 });
  if (claim === undefined) throw new Error('nothing could be claimed');
  return claim;
}

const names = (claims: readonly Claim[]) => claims.map((claim) => claim.id);
const all = (now: number) => ({ now, until: now + MINUTE, limit: 10 });

/** Due records, claims, wake-ups, fences. `state()` is empty and belongs to the test. */
export function claimContract(state: () => State): void {
  describe('a claim', () => {
    test('takes what is due in its lane, the longest due first, up to the limit', async () => {
      const due: Partial<Work>[] = [
        { id: 'later', dueAt: T + 1 },
        { id: 'b', dueAt: T - 1 },
        { id: 'c', dueAt: T },
        { id: 'a', dueAt: T - 2 },
        { id: 'elsewhere', dueAt: T - 9, lane: 'store:vault' },
      ];
      await state().commit(due.map((over) => put.work(over)));
      const first = await state().claim(LANE, { now: T, until: T + MINUTE, limit: 2 });
      expect(names(first)).toEqual(['a', 'b']);
      expect(first[0]).toMatchObject({ kind: 'credential', lane: LANE, dueAt: T - 2, expiresAt: T + MINUTE });
      expect(names(await state().claim(LANE, all(T)))).toEqual(['c']);
      expect(await state().claim(LANE, all(T))).toEqual([]);
      expect(await state().claim('no such lane', all(T))).toEqual([]);
      expect(await state().claim('store:vault', { now: T, until: T + 1, limit: 0 })).toEqual([]);
    });

    test('shows in the table until when it holds', async () => {
      await state().commit([put.work({ id: 'held', dueAt: T - 1 }), put.work({ id: 'free', dueAt: T + 1 })]);
      await claimOne(state());
      expect(await state().scheduled('credential')).toEqual([
        { id: 'free', dueAt: T + 1, claimedUntil: null },
        { id: 'held', dueAt: T - 1, claimedUntil: T + MINUTE },
      ]);
      expect(await state().scheduled('monitor')).toEqual([]);
      const held = { kind: 'credential', id: 'held', until: T + MINUTE };
      expect(await state().claimedBeyond(T + MINUTE - 1)).toEqual([held]);
      expect(await state().claimedBeyond(T + MINUTE)).toEqual([]);
    });

    test('goes to one of many who ask at once', async () => {
      await state().commit([put.work()]);
      const got = await Promise.all(Array.from({ length: 8 }, () => state().claim(LANE, all(T))));
      expect(got.flat()).toHaveLength(1);
    });

    test('that ran out can be taken by another with a higher fence, and its former holder writes nothing', async () => {
      await state().commit([put.work()]);
      const former = await claimOne(state());
      expect(await state().claim(LANE, all(T + MINUTE - 1))).toEqual([]);
      const present = await claimOne(state(), T + MINUTE);
      expect(present.fence).toBeGreaterThan(former.fence);
      const held = { hold: { claim: former, next: null } };
      await expect(state().commit([put.credential()], held)).rejects.toMatchObject({ code: 'claim_lost' });
      const under = { under: former };
      await expect(state().commit([put.credential()], under)).rejects.toMatchObject({ code: 'claim_lost' });
      expect(await credentialNames(state())).toEqual([]);
      await state().commit([put.credential()], { hold: { claim: present, next: T + 5 } });
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
    });

    test('is freed by the time until which it holds, and by no other, and its former holder writes nothing', async () => {
      await state().commit([put.work({ dueAt: T + 50 })]);
      const former = await claimOne(state(), T + 50);
      const { kind, id } = former;
      const free = (until: number): Change => ({ type: 'work.free', kind, id, until, at: T });
      await state().commit([free(former.expiresAt - 1)]);
      expect(await state().claim(LANE, all(T + 50))).toEqual([]);
      await state().commit([free(former.expiresAt)]);
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
      expect(names(await state().claim(LANE, all(T)))).toEqual(['frameflow-prod']);
    });

    test('that ran out and that nobody took is still ours', async () => {
      await state().commit([put.work()]);
      const claim = await claimOne(state(), T, T + 1);
      await state().commit([put.credential()], { under: claim });
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
    });

    test('is kept by a commit under it and given back by one that holds it', async () => {
      await state().commit([put.work()]);
      const claim = await claimOne(state());
      await state().commit([put.credential()], { under: claim });
      expect(await state().claim(LANE, all(T))).toEqual([]);
      await state().commit([], { hold: { claim, next: T + 10 } });
      expect(await state().claim(LANE, all(T + 9))).toEqual([]);
      expect(names(await state().claim(LANE, all(T + 10)))).toEqual(['frameflow-prod']);
      await expect(state().commit([], { under: claim })).rejects.toMatchObject({ code: 'claim_lost' });
    });

    test('released without a next time takes its record away', async () => {
      await state().commit([put.work()]);
      await state().commit([], { hold: { claim: await claimOne(state()), next: null } });
      expect((await state().nextDue([LANE])).size).toBe(0);
      expect(await state().due(T)).toMatchObject({ credential: 0 });
    });

    test('of a deleted record is lost, also where the record was made anew', async () => {
      await state().commit([put.work()]);
      const former = await claimOne(state());
      await state().commit([{ type: 'work.delete', kind: 'credential', id: 'frameflow-prod' }]);
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
      await state().commit([put.work()]);
      const present = await claimOne(state());
      expect(present.fence).toBeGreaterThan(former.fence);
      await expect(state().commit([], { under: former })).rejects.toMatchObject({ code: 'claim_lost' });
    });

    test('can be released by the commit that deletes its record', async () => {
      await state().commit([put.work()]);
      const claim = await claimOne(state());
      await state().commit(
        [{ type: 'work.delete', kind: 'credential', id: 'frameflow-prod' }, put.credential()],
        {
          hold: { claim, next: T + 1 },
        },
      );
      expect((await state().nextDue([LANE])).size).toBe(0);
      expect(await credentialNames(state())).toEqual(['frameflow-prod']);
    });
  });

  describe('a wake-up', () => {
    test('makes a record due no later than it says', async () => {
      await state().commit([put.work({ dueAt: T + 100 })]);
      await state().commit([put.wake(T + 50)]);
      expect((await state().nextDue([LANE])).get(LANE)).toBe(T + 50);
      await state().commit([put.wake(T + 80)]);
      expect((await state().nextDue([LANE])).get(LANE)).toBe(T + 50);
    });

    test('of nothing does nothing', async () => {
      await state().commit([put.wake(T, 'nobody')]);
      expect((await state().nextDue([LANE])).size).toBe(0);
    });

    test.each([
      { woken: [T + 20], next: T + 60, due: T + 20 },
      { woken: [T + 20], next: T + 10, due: T + 10 },
      { woken: [T + 40, T + 20, T + 30], next: T + 60, due: T + 20 },
      { woken: [T + 20], next: null, due: T + 20 },
      { woken: [], next: T + 60, due: T + 60 },
    ])(
      'during a claim is not lost at its release: $woken and $next make $due',
      async ({ woken, next, due }) => {
        await state().commit([put.work()]);
        const claim = await claimOne(state());
        for (const at of woken) await state().commit([put.wake(at)]);
        await state().commit([], { hold: { claim, next } });
        expect((await state().nextDue([LANE])).get(LANE)).toBe(due);
      },
    );

    test('before a claim does not count again at its release', async () => {
      await state().commit([put.work({ dueAt: T + 100 }), put.wake(T)]);
      await state().commit([], { hold: { claim: await claimOne(state()), next: T + 60 } });
      expect((await state().nextDue([LANE])).get(LANE)).toBe(T + 60);
    });

    test('a record that somebody puts anew during a claim counts as woken', async () => {
      await state().commit([put.work()]);
      const claim = await claimOne(state());
      await state().commit([put.work({ dueAt: T + 3 })]);
      await state().commit([], { hold: { claim, next: T + 60 } });
      expect((await state().nextDue([LANE])).get(LANE)).toBe(T + 3);
    });
  });

  describe('due records', () => {
    test('putting one again replaces its due time and lane', async () => {
      await state().commit([put.work()]);
      await state().commit([put.work({ lane: 'guided', dueAt: T + 9 })]);
      expect((await state().nextDue([LANE])).size).toBe(0);
      expect((await state().nextDue(['guided'])).get('guided')).toBe(T + 9);
    });

    test('the next due time is the earliest at which one can be claimed', async () => {
      expect((await state().nextDue([])).size).toBe(0);
      expect((await state().nextDue([LANE])).size).toBe(0);
      await state().commit([put.work(), put.work({ id: 'b', dueAt: T + MINUTE + 5 })]);
      expect(await state().nextDue([LANE, 'store:vault'])).toEqual(new Map([[LANE, T]]));
      await claimOne(state());
      expect((await state().nextDue([LANE])).get(LANE)).toBe(T + MINUTE);
      expect((await state().nextDue(['store:vault'])).size).toBe(0);
    });

    test('are counted by kind, claimed or not', async () => {
      await state().commit([
        put.work(),
        put.work({ id: 'b', dueAt: T + 1 }),
        put.work({ kind: 'delivery', id: '1', lane: 'channel:team' }),
        put.work({ kind: 'delivery', id: '2', lane: 'channel:team' }),
      ]);
      await claimOne(state());
      const none = { publication: 0, hook: 0, watchdog: 0, login: 0, monitor: 0 };
      const neither = { alert: 0, authorization: 0, client: 0, grant: 0 };
      expect(await state().due(T)).toEqual({ ...none, ...neither, credential: 1, delivery: 2 });
      expect(await state().due(T - 1)).toEqual({ ...none, ...neither, credential: 0, delivery: 0 });
    });
  });
}
