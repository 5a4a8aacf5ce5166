import { describe, expect, test } from 'vitest';
import { HOUR, type Severity, type Signal } from '../model/index.ts';
import { acknowledge } from './acknowledge.ts';
import { dedupKey, identityOf } from './identity.ts';
import { Memory, NOW, raise, resolve, route } from './testing/memory.ts';

describe('a raise', () => {
  test('makes an alert, a delivery for each routed channel with its due work, and an audit entry', () => {
    const changes = new Memory().take(raise({ severity: 'critical' }));
    expect(changes.map(({ type }) => type)).toEqual([
      'alert.put',
      'delivery.put',
      'work.put',
      'delivery.put',
      'work.put',
      'work.put',
      'audit.append',
    ]);
    expect(changes[0]).toMatchObject({
      expected: null,
      alert: {
        id: 'id-1',
        generation: 1,
        state: 'triggered',
        count: 1,
        revision: 1,
        severity: 'critical',
        firstSeenAt: NOW - 5_000,
        lastSeenAt: NOW - 5_000,
        identity: identityOf(raise()),
        dedupKey: dedupKey(raise(), 1, new Memory().context()),
      },
    });
    expect(changes[1]).toEqual({
      type: 'delivery.put',
      delivery: {
        id: 'id-2',
        alertId: 'id-1',
        channel: 'oncall',
        event: 'trigger',
        state: 'pending',
        attempts: 0,
        lastError: null,
        createdAt: NOW,
        at: null,
      },
    });
    expect(changes[2]).toEqual({
      type: 'work.put',
      work: { kind: 'delivery', id: 'id-2', lane: 'channel:oncall!!', dueAt: NOW },
    });
    expect(changes[5]).toEqual({
      type: 'work.put',
      work: { kind: 'alert', id: 'id-1', lane: 'alerts', dueAt: NOW + 4 * HOUR },
    });
    expect(changes[6]).toEqual({
      type: 'audit.append',
      entry: {
        at: NOW,
        actor: 'daemon',
        action: 'alert.raised',
        credential: 'frameflow-prod',
        detail: { alert: 'id-1', kind: 'publish-failed', severity: 'critical', monitor: null, channel: null },
      },
    });
  });

  test('of an open alert is counted and refreshes it, and nobody is told again', () => {
    const memory = new Memory();
    memory.take(raise());
    const changes = memory.take(
      raise({ at: NOW, title: 'Vault still refuses', evidence: { code: 'sealed' } }),
    );
    expect(changes.map(({ type }) => type)).toEqual(['alert.put']);
    expect(memory.only()).toMatchObject({
      count: 2,
      revision: 2,
      title: 'Vault still refuses',
      evidence: { code: 'sealed' },
      firstSeenAt: NOW - 5_000,
      lastSeenAt: NOW,
    });
  });

  test('that comes late moves the first sight back and the last sight not at all', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.take(raise({ at: NOW - 60_000 }));
    expect(memory.only()).toMatchObject({ firstSeenAt: NOW - 60_000, lastSeenAt: NOW - 5_000 });
  });

  test('that goes on was last seen with its last event, though the one that decided it was the first', () => {
    const memory = new Memory();
    memory.take(raise({ lastAt: NOW - 4_000 }));
    expect(memory.only()).toMatchObject({ firstSeenAt: NOW - 5_000, lastSeenAt: NOW - 4_000 });
    memory.take(raise({ lastAt: NOW }));
    expect(memory.only()).toMatchObject({ firstSeenAt: NOW - 5_000, lastSeenAt: NOW });
  });

  test('with a risen severity is told under the same dedup key and ends an acknowledgement', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    const key = memory.only().dedupKey;
    memory.take(raise({ severity: 'critical' }));
    expect(memory.only()).toMatchObject({
      severity: 'critical',
      state: 'triggered',
      acknowledgedBy: null,
      dedupKey: key,
    });
    expect(memory.sent()).toEqual(['trigger team', 'trigger oncall', 'trigger team']);
  });

  test('with a risen severity ends the alert that PagerDuty knows of, whoever took it on, and begins the next', () => {
    const memory = new Memory();
    memory.routes = [route({ channels: ['oncall', 'team', 'siem'] })];
    memory.take(raise());
    for (const one of memory.deliveries.values())
      memory.deliveries.set(one.id, { ...one, state: 'delivered' });
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    memory.now += HOUR;
    const changes = memory.take(raise({ severity: 'critical', at: NOW + HOUR }), raise({ at: NOW + HOUR }));
    const [first, second] = [...memory.alerts.values()];
    expect(first).toMatchObject({
      state: 'resolved',
      severity: 'warning',
      evidence: { goesOnAs: second?.id },
    });
    expect(second).toMatchObject({
      generation: 2,
      state: 'triggered',
      severity: 'critical',
      acknowledgedBy: null,
      firstSeenAt: NOW - 5_000,
      triggeredAt: NOW + HOUR,
      count: 3,
      dedupKey: dedupKey(raise(), 2, memory.context()),
      evidence: { code: 'forbidden', risen: 'acknowledged as a warning by ops at 2026-10-01T09:00:00Z' },
    });
    // Slack shows no keys: it is told of the rise alone.
    const told = [...memory.deliveries.values()]
      .slice(4)
      .map(({ alertId, event, channel }) => [
        alertId === second?.id ? 'second' : 'first',
        `${event} ${channel}`,
      ]);
    expect(told).toEqual([
      ['second', 'trigger oncall'],
      ['second', 'trigger team'],
      ['second', 'trigger siem'],
      ['first', 'resolve oncall'],
      ['first', 'resolve siem'],
    ]);
    const entries = changes.flatMap((change) => (change.type === 'audit.append' ? [change.entry] : []));
    expect(entries.map(({ action, detail }) => [action, detail.alert])).toEqual([
      ['alert.resolved', first?.id],
      ['alert.raised', second?.id],
    ]);
    memory.take(resolve());
    expect([...memory.alerts.values()].map(({ state }) => state)).toEqual(['resolved', 'resolved']);
    expect(memory.sent().slice(9)).toEqual(['resolve oncall', 'resolve team', 'resolve siem']);
  });

  test('with a lesser severity lowers nothing, is not told, and leaves an acknowledgement standing', () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    const before = memory.deliveries.size;
    memory.take(raise({ severity: 'warning' }));
    expect(memory.only()).toMatchObject({
      severity: 'critical',
      state: 'acknowledged',
      acknowledgedBy: 'ops',
    });
    for (const severity of ['critical', 'info', 'critical'] as const) memory.take(raise({ severity }));
    expect(memory.deliveries.size).toBe(before);
  });

  test('after the end is a new alert of the next generation with another dedup key', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.take(resolve());
    memory.take(raise());
    const [first, second] = [...memory.alerts.values()];
    expect([first?.generation, first?.state]).toEqual([1, 'resolved']);
    expect([second?.generation, second?.state, second?.count]).toEqual([2, 'triggered', 1]);
    expect(second?.dedupKey).toBe(dedupKey(raise(), 2, memory.context()));
    expect(second?.dedupKey).not.toBe(first?.dedupKey);
  });

  test('of an event is told once, as an event, and never resolved', () => {
    const memory = new Memory();
    memory.take(raise({ kind: 'rotation-completed', severity: 'info', transient: true }));
    memory.take(resolve({ kind: 'rotation-completed' }));
    expect(memory.only()).toMatchObject({ state: 'resolved', transient: true });
    expect(memory.sent()).toEqual(['trigger team']);
    memory.take(raise({ kind: 'rotation-completed', severity: 'info', transient: true }));
    expect([...memory.alerts.values()].map(({ generation }) => generation)).toEqual([1, 2]);
    expect(memory.sent()).toEqual(['trigger team', 'trigger team']);
  });

  test('that no route matches is kept and told nobody', () => {
    const memory = new Memory();
    memory.routes = [route({ kind: ['foreign-mint'], channels: ['team'] })];
    memory.take(raise());
    expect(memory.only().state).toBe('triggered');
    expect(memory.sent()).toEqual([]);
  });
});

describe('a resolve', () => {
  test('ends the alert and is told wherever a trigger went, whatever the routes say by now', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.take(raise({ severity: 'critical' }));
    memory.routes = [route({ channels: ['siem'] })];
    memory.now = NOW + 1_000;
    const changes = memory.take(resolve({ at: NOW + 500 }));
    expect(memory.only()).toMatchObject({ state: 'resolved', lastSeenAt: NOW + 500, count: 2 });
    expect(memory.sent().slice(3)).toEqual(['resolve team', 'resolve oncall']);
    expect(changes.at(-1)).toMatchObject({ entry: { action: 'alert.resolved', at: NOW + 1_000 } });
  });

  test('hastens the void trigger of an info, and leaves that of a warning its backoff', () => {
    const woken = (severity: Severity) => {
      const memory = new Memory();
      memory.take(raise({ severity }));
      return memory.take(resolve()).filter(({ type }) => type === 'work.wake');
    };
    expect(woken('info')).toEqual([{ type: 'work.wake', kind: 'delivery', id: 'id-2', at: NOW }]);
    expect(woken('warning')).toEqual([]);
  });

  test('skips channels that refused the trigger for good and channels that are gone', () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    for (const delivery of memory.deliveries.values()) {
      const state = delivery.channel === 'oncall' ? 'failed' : 'delivered';
      memory.deliveries.set(delivery.id, { ...delivery, state });
    }
    memory.take(resolve());
    expect(memory.sent().slice(2)).toEqual(['resolve team']);
    memory.take(raise());
    delete memory.channels.team;
    const before = memory.deliveries.size;
    memory.take(resolve());
    expect(memory.deliveries.size).toBe(before);
  });

  test('with no open alert is nothing', () => {
    const memory = new Memory();
    expect(memory.take(resolve())).toEqual([]);
    memory.take(raise(), resolve());
    expect(memory.take(resolve())).toEqual([]);
  });
});

describe('a batch', () => {
  const SCRIPT: readonly Signal[] = [
    raise(),
    raise({ severity: 'critical', at: NOW }),
    raise({ condition: 'file:/run/app/.env#KEY' }),
    resolve(),
    resolve(),
    raise({ severity: 'info' }),
    raise({ kind: 'rotation-completed', severity: 'info', transient: true }),
  ];

  test('comes to the same as its signals one after the other', () => {
    const together = new Memory();
    together.take(...SCRIPT);
    const apart = new Memory();
    for (const signal of SCRIPT) apart.take(signal);
    const shown = ({ alerts, deliveries }: Memory) => ({
      alerts: [...alerts.values()].map(({ revision: _, ...alert }) => alert),
      deliveries: [...deliveries.values()],
    });
    expect(shown(together)).toEqual(shown(apart));
    expect([...together.alerts.values()].map(({ state }) => state)).toEqual([
      'resolved',
      'triggered',
      'triggered',
      'resolved',
    ]);
  });

  test('writes each alert once, expecting the revision that was read', () => {
    const memory = new Memory();
    memory.take(raise());
    const changes = memory.take(raise(), raise(), resolve(), raise());
    const puts = changes.filter((change) => change.type === 'alert.put');
    expect(puts.map(({ alert, expected }) => [alert.generation, expected, alert.revision])).toEqual([
      [1, 1, 2],
      [2, null, 1],
    ]);
  });
});

describe('an acknowledgement', () => {
  test('is recorded with its actor and told where that is understood', () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    const changes = memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    expect(memory.only()).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'ops', revision: 2 });
    expect(memory.sent().slice(2)).toEqual(['acknowledge oncall']);
    expect(changes.at(-1)).toMatchObject({ entry: { actor: 'ops', action: 'alert.acknowledged' } });
  });

  test('of an alert that is acknowledged or over changes nothing', () => {
    const memory = new Memory();
    memory.take(raise());
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    expect(acknowledge(memory.only(), 'other', memory.context())).toEqual([]);
    memory.take(resolve());
    expect(acknowledge(memory.only(), 'other', memory.context())).toEqual([]);
  });
});
