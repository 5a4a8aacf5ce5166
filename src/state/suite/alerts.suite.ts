import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { alert, delivery, entry, put, T } from './samples.suite.ts';

const ids = (items: readonly { readonly id: string }[]) => items.map((item) => item.id);

/** Alerts with their revisions, the outbox, the audit log, retention. */
export function alertContract(state: () => State): void {
  describe('an alert', () => {
    test('comes back as it was put, about whatever it is', async () => {
      const { credential: _, ...nobody } = alert({ id: 'alert-2', identity: 'state' });
      const channel = { ...nobody, channel: 'team', action: null, deadline: null, acknowledgedBy: 'bob' };
      const monitor = { ...nobody, id: 'alert-3', identity: 'log', monitor: 'frameflow', evidence: {} };
      await state().commit([
        put.alert(),
        { type: 'alert.put', alert: channel, expected: null },
        { type: 'alert.put', alert: monitor, expected: null },
      ]);
      expect(await state().alert('alert-1')).toEqual(alert());
      expect(await state().alert('alert-2')).toEqual(channel);
      expect(await state().alert('alert-3')).toEqual(monitor);
      expect(await state().alert('nobody')).toBeNull();
    });

    test('is written only over the revision that was read', async () => {
      await state().commit([put.alert()]);
      await state().commit([put.alert({ revision: 2, count: 5 }, 1)]);
      const late = put.alert({ revision: 2, count: 9 }, 1);
      await expect(state().commit([late])).rejects.toMatchObject({ code: 'conflict' });
      const anew = put.alert({ revision: 1 });
      await expect(state().commit([anew])).rejects.toMatchObject({ code: 'conflict' });
      const unknown = put.alert({ id: 'nobody', generation: 7 }, 1);
      await expect(state().commit([unknown])).rejects.toMatchObject({ code: 'conflict' });
      expect(await state().alert('alert-1')).toEqual(alert({ revision: 2, count: 5 }));
      await state().commit([put.alert({ revision: 3 }, 2), put.alert({ revision: 4, count: 8 }, 3)]);
      expect((await state().alert('alert-1'))?.count).toBe(8);
    });

    test('of one identity and generation there is one', async () => {
      await state().commit([put.alert()]);
      await expect(state().commit([put.alert({ id: 'twin' })])).rejects.toMatchObject({ code: 'conflict' });
    });

    test('is found by its identity in its latest generation', async () => {
      await state().commit([
        put.alert({ id: 'a0', identity: 'a', state: 'resolved' }),
        put.alert({ id: 'a1', identity: 'a', generation: 1 }),
        put.alert({ id: 'b0', identity: 'b' }),
        put.alert({ id: 'c0', identity: 'c' }),
      ]);
      const found = await state().alertsByIdentity(['a', 'c', 'none', 'a']);
      expect(ids(found).toSorted()).toEqual(['a1', 'c0']);
      expect(await state().alertsByIdentity([])).toEqual([]);
      const many = Array.from({ length: 1200 }, (_, index) => `none-${index}`);
      expect(ids(await state().alertsByIdentity([...many, 'b']))).toEqual(['b0']);
    });

    test('lists are newest first, in pages, by state', async () => {
      const put3 = (id: string, firstSeenAt: number, over = {}) =>
        put.alert({ id, identity: id, firstSeenAt, ...over });
      await state().commit([
        put3('a', 1),
        put3('b', 2, { state: 'acknowledged' }),
        put3('c', 2, { state: 'resolved' }),
        put3('d', 3),
      ]);
      const first = await state().alerts({ limit: 2 });
      expect(ids(first.items)).toEqual(['d', 'c']);
      const second = await state().alerts({ limit: 2, cursor: first.nextCursor });
      expect(ids(second.items)).toEqual(['b', 'a']);
      expect(second.nextCursor).toBeNull();
      expect(ids((await state().alerts({ state: 'open' })).items)).toEqual(['d', 'b', 'a']);
      expect(ids((await state().alerts({ state: 'triggered' })).items)).toEqual(['d', 'a']);
      expect(ids((await state().alerts({ state: 'resolved' })).items)).toEqual(['c']);
    });
  });

  test('deliveries come oldest first, and the outbox counts those still owed', async () => {
    const second = delivery({
      id: 'a-second',
      createdAt: T + 1,
      event: 'resolve',
      channel: 'duty',
      lastError: null,
    });
    await state().commit([put.alert(), { type: 'delivery.put', delivery: second }, put.delivery()]);
    expect(await state().deliveries('alert-1')).toEqual([delivery(), second]);
    expect(await state().delivery('a-second')).toEqual(second);
    expect(await state().delivery('nobody')).toBeNull();
    expect(await state().outboxDepth()).toEqual({ team: 1, duty: 1 });
    await state().commit([put.delivery({ state: 'delivered', at: T + 2 })]);
    expect(await state().outboxDepth()).toEqual({ duty: 1 });
    expect(await state().deliveries('nobody')).toEqual([]);
  });

  test('the audit log is read newest first, in pages, by actor, credential and action', async () => {
    const entries = [
      entry({ at: 5 }),
      entry({ at: 5, actor: 'schedule', credential: null }),
      entry({ at: 4, action: 'version.published', detail: {} }),
      entry({ at: 6 }),
    ];
    for (const one of entries) await state().commit([{ type: 'audit.append', entry: one }]);
    const first = await state().audit({ limit: 3 });
    expect(first.items).toEqual(entries.toReversed().slice(0, 3));
    const second = await state().audit({ limit: 3, cursor: first.nextCursor });
    expect(second).toEqual({ items: [entries[0]], nextCursor: null });
    expect((await state().audit({ actor: 'schedule' })).items).toEqual([entries[1]]);
    expect((await state().audit({ action: 'version.published' })).items).toEqual([entries[2]]);
    expect((await state().audit({ credential: 'frameflow-prod', actor: 'alice' })).items).toHaveLength(3);
    expect((await state().audit({ credential: 'nobody' })).items).toEqual([]);
  });

  test('pruning deletes resolved alerts with their deliveries, but none whose news is still owed', async () => {
    const resolved = { state: 'resolved', lastSeenAt: T - 1 } as const;
    const sent = { state: 'delivered', at: T } as const;
    await state().commit([
      put.alert({ id: 'old', identity: 'a', ...resolved }),
      put.delivery({ id: '1', alertId: 'old', ...sent }),
      put.alert({ id: 'owed', identity: 'b', ...resolved }),
      put.delivery({ id: '2', alertId: 'owed' }),
      put.alert({ id: 'open', identity: 'c', lastSeenAt: T - 1 }),
      put.alert({ id: 'young', identity: 'd', state: 'resolved', lastSeenAt: T }),
    ]);
    await state().prune({ rotations: T, alerts: T });
    expect(ids((await state().alerts({})).items).toSorted()).toEqual(['open', 'owed', 'young']);
    expect(await state().deliveries('old')).toEqual([]);
    expect(await state().deliveries('owed')).toHaveLength(1);
  });

  test('pruning a rotation deletes the answer to its mint', async () => {
    const answer = (rotationId: string) =>
      ({ type: 'journal.put', rotationId, answer: Secret.from('answer'), at: T }) as const;
    await state().commit([
      put.rotation({ id: 'old', state: 'failed', endedAt: T - 1, requestKey: null }),
      put.rotation({ id: 'open' }),
      answer('old'),
      answer('open'),
    ]);
    await state().prune({ rotations: T, alerts: T });
    expect(await state().journal('old')).toBeNull();
    expect((await state().journal('open'))?.reveal()).toBe('answer');
  });
}
