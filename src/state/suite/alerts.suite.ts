import { describe, expect, test } from 'vitest';
import { type Alert, channelLane, type Delivery, Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { alert, delivery, entry, put, silence, T } from './samples.suite.ts';

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

    test('keeps that it is an event', async () => {
      const event = { state: 'resolved', transient: true } as const;
      await state().commit([put.alert(event)]);
      expect(await state().alert('alert-1')).toEqual(alert(event));
    });

    test('is among the critical events until somebody takes it on, of those raised since a time', async () => {
      const event = { state: 'resolved', transient: true, severity: 'critical', triggeredAt: 10 } as const;
      const of = (id: string, more = {}) => put.alert({ ...event, id, identity: id, dedupKey: id, ...more });
      await state().commit([
        of('late', { triggeredAt: 20 }),
        of('event'),
        of('old', { triggeredAt: 9 }),
        of('taken', { acknowledgedBy: 'ops' }),
        of('warning', { severity: 'warning' }),
        of('lasting', { transient: false }),
      ]);
      expect((await state().criticalEvents(9)).map(({ id }) => id)).toEqual(['event', 'late']);
    });

    test('keeps who took it on, and when', async () => {
      const taken = { state: 'acknowledged', acknowledgedBy: 'ops', acknowledgedAt: 5 } as const;
      await state().commit([put.alert(taken)]);
      expect(await state().alert('alert-1')).toEqual(alert(taken));
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
    expect(await state().pendingDeliveries()).toEqual([second]);
    expect(await state().deliveries('nobody')).toEqual([]);
  });

  test('what a channel is owed by now is read at once: pending, due, held by nobody, with its alerts', async () => {
    const owed = (id: string, over: Parameters<typeof delivery>[0], dueAt: number) => [
      put.delivery({ id, ...over }),
      { type: 'work.put', work: { kind: 'delivery', id, lane: 'channel:team', dueAt } } as const,
    ];
    await state().commit([
      put.alert(),
      put.alert({ id: 'other', identity: 'other' }),
      put.alert({ id: 'told', identity: 'told' }),
      put.delivery({ id: 'told', alertId: 'told', state: 'delivered', at: T }),
      put.delivery({ id: 'before', state: 'delivered', createdAt: T - 1, at: T }),
      ...owed('held', { createdAt: T - 2 }, T - 2),
      ...owed('second', { createdAt: T + 1, event: 'resolve' }, T),
      ...owed('first', { alertId: 'other', createdAt: T }, T),
      ...owed('later', {}, T + 1),
      ...owed('elsewhere', { channel: 'duty' }, T),
    ]);
    const [held] = await state().claim('channel:team', { now: T, until: T + 90_000, limit: 1 });
    expect(held?.id).toBe('held');
    const outbox = await state().outbox('team', T);
    expect(ids(outbox.due)).toEqual(['first', 'second']);
    expect(ids(outbox.alerts).toSorted()).toEqual(['alert-1', 'other']);
    expect(ids(outbox.deliveries).toSorted()).toEqual(['before', 'first', 'held', 'later', 'second']);
    expect(await state().outbox('nobody', T)).toEqual({ due: [], alerts: [], deliveries: [] });
  });

  test('the outbox has what goes first, and of each rank no more than a thousand', async () => {
    const owed = Array.from({ length: 2_400 }, (_, index) => {
      const [id, rank] = [`d-${index}`, index < 2_399 ? (index % 2) + 1 : 0];
      const lane = channelLane('team', rank as 0 | 1 | 2);
      return [
        put.delivery({ id }),
        { type: 'work.put', work: { kind: 'delivery', id, lane, dueAt: T - 10_000 + index } } as const,
      ];
    });
    await state().commit([put.alert(), ...owed.flat()]);
    const { due } = await state().outbox('team', T);
    expect(due).toHaveLength(2_001);
    expect([due[0], due[1], due[1_001]].map((one) => one?.id)).toEqual(['d-2399', 'd-0', 'd-1']);
    const [first, second] = await state().claim('channel:team', { now: T, until: T + 1, limit: 2 });
    expect([first?.id, second?.id]).toEqual(['d-2399', 'd-0']);
    expect([first?.lane, second?.lane]).toEqual(['channel:team', 'channel:team']);
    expect(await state().nextDue(['channel:team'])).toEqual(new Map([['channel:team', T - 9_999]]));
  });

  test('what a channel was sent of late: when, about what, and what it did not take', async () => {
    const sent = (id: string, at: number, over: Parameters<typeof delivery>[0] = {}) =>
      put.delivery({ id, state: 'delivered', attempts: 1, lastError: null, at, ...over });
    const busy = { code: 'unavailable', verdict: 'retryable', message: '429', retryAfterMs: 9_000 } as const;
    await state().commit([
      put.alert(),
      put.alert({ id: 'grave', identity: 'grave', severity: 'critical' }),
      put.alert({ id: 'like', identity: 'like', severity: 'critical' }),
      sent('a', T),
      sent('b', T + 1, { alertId: 'grave' }),
      sent('c', T + 1, { alertId: 'like' }),
      sent('d', T + 2, { state: 'failed' }),
      sent('e', T + 3, { state: 'pending', lastError: busy }),
      sent('f', T + 4, { state: 'cancelled' }),
      sent('g', T + 5, { channel: 'duty' }),
      sent('h', T - 1),
    ]);
    const { times, told, tried } = await state().sent('team', {
      since: T - 1,
      toldSince: T - 2,
      triedSince: T,
    });
    expect(times).toEqual([
      { at: T, count: 1 },
      { at: T + 1, count: 2 },
      { at: T + 2, count: 1 },
      { at: T + 3, count: 1 },
    ]);
    const { kind, severity, credential } = alert();
    expect(told).toEqual([
      { at: T, about: { kind, severity, credential } },
      { at: T + 1, about: { kind, severity: 'critical', credential } },
    ]);
    expect(tried).toMatchObject({ id: 'e', lastError: busy });
    const later = { since: T + 5, toldSince: T + 1, triedSince: T + 3 };
    expect(await state().sent('team', later)).toEqual({ times: [], told: [], tried: null });
  });

  test('the deliveries of several alerts', async () => {
    await state().commit([
      put.alert(),
      put.alert({ id: 'other', identity: 'other' }),
      put.delivery({ id: 'a', state: 'delivered', at: T }),
      put.delivery({ id: 'b', state: 'delivered', at: T + 1, alertId: 'other', createdAt: T - 1 }),
      put.delivery({ id: 'c', state: 'delivered', at: T + 1 }),
      put.delivery({ id: 'd', state: 'failed', at: T + 2 }),
      put.delivery({ id: 'e', state: 'delivered', at: T + 3, channel: 'duty' }),
    ]);
    const many = Array.from({ length: 1200 }, (_, index) => `none-${index}`);
    expect(ids(await state().deliveriesOf(['other', ...many, 'alert-1']))).toEqual(['b', 'a', 'c', 'd', 'e']);
  });

  test('open alerts are found by credential and kind', async () => {
    await state().commit([
      put.alert(),
      put.alert({ id: 'taken', identity: 'b', state: 'acknowledged', kind: 'store-drift' }),
      put.alert({ id: 'over', identity: 'c', state: 'resolved' }),
      put.alert({ id: 'else', identity: 'd', credential: 'stockflow' }),
      put.alert({ id: 'kind', identity: 'e', kind: 'log-silence' }),
    ]);
    const open = (credentials: readonly string[], ...kinds: readonly Alert['kind'][]) =>
      state().openAlerts({ credentials, kinds });
    expect(ids(await open(['frameflow-prod'], 'publish-failed', 'store-drift')).toSorted()).toEqual([
      'alert-1',
      'taken',
    ]);
    expect(ids(await open(['stockflow', 'frameflow-prod'], 'publish-failed')).toSorted()).toEqual([
      'alert-1',
      'else',
    ]);
    expect(await open([], 'publish-failed')).toEqual([]);
    expect(await open(['frameflow-prod'])).toEqual([]);
  });

  describe('a silence', () => {
    test('holds until its end, and can be put anew', async () => {
      const everything = silence({ id: 's2', kind: [], credential: [], severity: ['info'], endsAt: T + 5 });
      await state().commit([
        { type: 'silence.put', silence: silence() },
        { type: 'silence.put', silence: everything },
      ]);
      expect(await state().silence('silence-1')).toEqual(silence());
      expect(await state().silences(T + 4)).toEqual([everything, silence()]);
      expect(await state().silences(T + 5)).toEqual([silence()]);
      await state().commit([{ type: 'silence.put', silence: silence({ endsAt: T + 2, reason: '' }) }]);
      expect(await state().silences(T + 2)).toEqual([everything]);
      expect(await state().silence('nobody')).toBeNull();
    });

    test('lists are newest first, in pages; what ended is there for 30 days', async () => {
      const made = (id: string, createdAt: number, endsAt = createdAt) =>
        ({ type: 'silence.put', silence: silence({ id, createdAt, endsAt }) }) as const;
      await state().commit([made('a', 1, T * 2), made('b', 2, T * 2), made('c', 2, T * 2), made('old', 3)]);
      const first = await state().allSilences({ limit: 2 });
      expect(ids(first.items)).toEqual(['old', 'c']);
      const second = await state().allSilences({ limit: 2, cursor: first.nextCursor });
      expect(ids(second.items)).toEqual(['b', 'a']);
      expect(second.nextCursor).toBeNull();
      await state().prune({ rotations: T, alerts: T });
      expect(ids((await state().allSilences({})).items)).toEqual(['c', 'b', 'a']);
    });
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
    expect(first.items).toMatchObject(entries.toReversed().slice(0, 3));
    const second = await state().audit({ limit: 3, cursor: first.nextCursor });
    expect(second).toMatchObject({ items: [entries[0]], nextCursor: null });
    expect((await state().audit({ actor: 'schedule' })).items).toMatchObject([entries[1]]);
    expect((await state().audit({ action: 'version.published' })).items).toMatchObject([entries[2]]);
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

  test('pruning keeps of what was told again and again the last that each channel took, and of a day all', async () => {
    const at = T - 24 * 3_600_000 - 1;
    const told = (id: string, createdAt: number, over: Partial<Delivery> = {}) =>
      put.delivery({ id, createdAt, at, state: 'delivered', ...over });
    await state().commit([
      put.alert(),
      told('first', 1),
      told('refused', 2, { state: 'failed' }),
      told('other', 3, { channel: 'oncall' }),
      told('taken on', 4, { event: 'acknowledge' }),
      told('today', 5, { at: at + 1 }),
      told('waits', 6, { state: 'pending' }),
      told('last', 7),
      told('refused last', 8, { state: 'failed' }),
    ]);
    await state().prune({ rotations: T, alerts: T });
    expect(ids(await state().deliveries('alert-1'))).toEqual([
      'other',
      'taken on',
      'today',
      'waits',
      'last',
      'refused last',
    ]);
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
