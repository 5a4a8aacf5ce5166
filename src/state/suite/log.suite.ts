import { describe, expect, test } from 'vitest';
import type { State } from '../contract.ts';
import { mint, put, T, user } from './samples.suite.ts';

const DAY = 86_400_000;

/** What a provider's log shows: mints that nothing explains yet, and who uses a key. */
export function logContract(state: () => State): void {
  const snapshot = async () => {
    const found = await state().credential('frameflow-prod');
    return { mints: found?.mints ?? [], revision: found?.revision ?? -1 };
  };
  const settle = (id: string) => ({ type: 'mint.settle', id }) as const;

  describe('a mint in the log', () => {
    test('stands in the snapshot until it is settled, the oldest first', async () => {
      const nameless = mint({ id: 'event-0', at: T - 9, userAgent: null });
      await state().commit([
        put.credential(),
        put.mint(),
        { type: 'mint.put', mint: nameless },
        put.mint({ id: 'event-9', credential: 'another' }),
      ]);
      expect((await snapshot()).mints).toEqual([nameless, mint()]);
      await state().commit([settle('event-0')]);
      expect((await snapshot()).mints).toEqual([mint()]);
      expect((await state().credentials()).map(({ mints }) => mints)).toEqual([[mint()]]);
    });

    test('is taken up once, however often the log shows it, also after it was settled', async () => {
      await state().commit([put.credential(), put.mint(), put.mint()]);
      const { revision } = await snapshot();
      await state().commit([put.mint()]);
      expect(await snapshot()).toEqual({ mints: [mint()], revision });
      await state().commit([settle('event-1')]);
      await state().commit([put.mint(), settle('event-1'), settle('nothing')]);
      expect(await snapshot()).toEqual({ mints: [], revision: revision + 1 });
    });

    test('and its settling make what was decided before them stale', async () => {
      await state().commit([put.credential()]);
      for (const change of [put.mint(), settle('event-1')]) {
        const { revision } = await snapshot();
        await state().commit([change]);
        const late = [
          { type: 'credential.expect', name: 'frameflow-prod', revision } as const,
          put.credential({ attempts: 99 }),
        ];
        await expect(state().commit(late)).rejects.toMatchObject({ code: 'stale' });
      }
    });
  });

  describe('the users of a key', () => {
    test('are added up, in whatever order their calls come', async () => {
      const later = user({ calls: 2, firstSeenAt: T + 7, lastSeenAt: T + 9 });
      const earlier = user({ calls: 5, firstSeenAt: T - 9, lastSeenAt: T - 8 });
      await state().commit([put.user(), { type: 'user.add', user: later }]);
      await state().commit([{ type: 'user.add', user: earlier }]);
      const sum = user({ calls: 10, firstSeenAt: T - 9, lastSeenAt: T + 9 });
      expect(await state().keyUsers(['key_9Xc1'])).toEqual([sum]);
    });

    test('are told apart by key, address and agent, the last seen first', async () => {
      const users = [
        user({ lastSeenAt: T + 9, userAgent: null }),
        user({ lastSeenAt: T + 8, ip: '2001:db8::1' }),
        user({ lastSeenAt: T + 7, keyId: 'key_other' }),
        user({ lastSeenAt: T + 6, userAgent: 'encoder/4.2' }),
        user({ lastSeenAt: T + 5 }),
      ];
      await state().commit(users.toReversed().map((one) => ({ type: 'user.add', user: one })));
      expect(await state().keyUsers(['key_9Xc1', 'key_other', 'key_none'])).toEqual(users);
      expect(await state().keyUsers(['key_other'])).toEqual([users[2]]);
      expect(await state().keyUsers([])).toEqual([]);
    });

    test('are a hundred at most: the one longest unseen goes', async () => {
      const address = (index: number) => `2001:db8::${index}`;
      const add = (from: number, to: number) =>
        Array.from({ length: to - from }, (_, index) =>
          put.user({ ip: address(from + index), lastSeenAt: T + from + index }),
        );
      await state().commit([...add(0, 60), put.user({ keyId: 'key_other', lastSeenAt: T - DAY })]);
      await state().commit(add(60, 103));
      await state().commit([put.user({ ip: address(3), lastSeenAt: T + 500 }), ...add(103, 104)]);
      const left = (await state().keyUsers(['key_9Xc1'])).map(({ ip }) => ip);
      const expected = Array.from({ length: 99 }, (_, index) => address(103 - index));
      expect(left).toEqual([address(3), ...expected]);
      expect(await state().keyUsers(['key_other'])).toHaveLength(1);
    });
  });

  test.each([
    ['thirty days ago where nothing is said', {}, T - 30 * DAY],
    ['the given time', { log: T - DAY }, T - DAY],
  ])('pruning deletes settled mints and users of before %s', async (_, over, before) => {
    await state().commit([
      put.credential(),
      put.mint({ id: 'old', at: before - 1 }),
      put.mint({ id: 'young', at: before }),
      put.mint({ id: 'open', at: before - 1 }),
      settle('old'),
      settle('young'),
      put.user({ ip: '192.0.2.1', lastSeenAt: before - 1 }),
      put.user({ ip: '192.0.2.2', lastSeenAt: before }),
    ]);
    await state().prune({ rotations: T, alerts: T, ...over });
    expect((await state().keyUsers(['key_9Xc1'])).map(({ ip }) => ip)).toEqual(['192.0.2.2']);
    const again = ['old', 'young', 'open'].map((id) => put.mint({ id, at: before - 1 }));
    await state().commit(again);
    expect((await snapshot()).mints.map(({ id }) => id).toSorted()).toEqual(['old', 'open']);
  });

  test('pruning deletes agents that were not heard of for thirty days, and no other destination', async () => {
    const before = T - 30 * DAY;
    await state().commit([
      put.credential(),
      put.destination({ id: 'agent:gone', checkedAt: before - 1 }),
      put.destination({ id: 'agent:here', checkedAt: before }),
      put.destination({ id: 'agent:said-goodbye', checkedAt: null }),
      put.destination({ id: 'file:/run/app/.env#KEY', checkedAt: before - 1 }),
    ]);
    await state().prune({ rotations: T, alerts: T });
    const stored = await state().credential('frameflow-prod');
    const left = stored?.destinations.map(({ id }) => id);
    expect(left).toEqual(['agent:here', 'file:/run/app/.env#KEY']);
  });
}
