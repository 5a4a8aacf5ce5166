import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Alert, Change, Delivery, Raise, Resolve, Signal } from '../model/index.ts';
import { acknowledge } from './acknowledge.ts';
import { dedupKey, identityOf } from './identity.ts';
import { type AlertingContext, process } from './pipeline.ts';
import type { Route } from './route.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const digest = (...parts: readonly string[]) =>
  createHash('sha256')
    .update(parts.map((part) => `${part.length}:${part}`).join(''))
    .digest('hex');

function route(fields: Partial<Route>): Route {
  return { severity: [], kind: [], credential: [], channels: [], continue: false, ...fields };
}

function raise(fields: Partial<Raise> = {}): Raise {
  return {
    type: 'raise',
    kind: 'publish-failed',
    credential: 'frameflow-prod',
    condition: 'vault:footage/frameflow#api_key',
    severity: 'warning',
    at: NOW - 5_000,
    title: 'Vault refuses the new key',
    summary: 'Readers of vault keep the old key.',
    action: null,
    deadline: null,
    evidence: { code: 'forbidden' },
    ...fields,
  };
}

function resolve(fields: Partial<Resolve> = {}): Resolve {
  const { kind, credential, condition } = raise();
  return { type: 'resolve', kind, condition, at: NOW, ...(credential ? { credential } : {}), ...fields };
}

/** A state in miniature: applies what the pipeline returns, as a commit would. */
class Memory {
  readonly alerts = new Map<string, Alert>();
  readonly deliveries = new Map<string, Delivery>();
  now = NOW;
  ids = 0;
  routes: readonly Route[] = [
    route({ severity: ['critical'], channels: ['oncall', 'team'] }),
    route({ channels: ['team'] }),
  ];
  channels: Record<string, string> = { team: 'slack', oncall: 'pagerduty', siem: 'webhook' };

  context(): AlertingContext {
    return {
      installation: 'footage',
      environment: 'production',
      now: this.now,
      routes: this.routes,
      channels: this.channels,
      deliveries: [...this.deliveries.values()],
      newId: () => `id-${++this.ids}`,
      digest,
    };
  }

  take(...signals: readonly Signal[]): Change[] {
    return this.apply(process(signals, this.latest(), this.context()));
  }

  latest(): Alert[] {
    const latest = new Map<string, Alert>();
    for (const alert of this.alerts.values()) latest.set(alert.identity, alert);
    return [...latest.values()];
  }

  apply(changes: Change[]): Change[] {
    for (const change of changes) {
      if (change.type === 'delivery.put') this.deliveries.set(change.delivery.id, change.delivery);
      if (change.type !== 'alert.put') continue;
      expect(change.expected).toBe(this.alerts.get(change.alert.id)?.revision ?? null);
      this.alerts.set(change.alert.id, change.alert);
    }
    return changes;
  }

  only(): Alert {
    const [alert, ...more] = this.alerts.values();
    expect(more).toEqual([]);
    if (alert === undefined) throw new Error('no alert');
    return alert;
  }

  /** `trigger team` of every delivery, in order. */
  sent(): string[] {
    return [...this.deliveries.values()].map(({ event, channel }) => `${event} ${channel}`);
  }
}

describe('a raise', () => {
  test('makes an alert, a delivery for each routed channel with its due work, and an audit entry', () => {
    const changes = new Memory().take(raise({ severity: 'critical' }));
    expect(changes.map(({ type }) => type)).toEqual([
      'alert.put',
      'delivery.put',
      'work.put',
      'delivery.put',
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
      work: { kind: 'delivery', id: 'id-2', lane: 'channel:oncall', dueAt: NOW },
    });
    expect(changes[5]).toEqual({
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

  test('with a fallen severity is not told, and leaves an acknowledgement standing', () => {
    const memory = new Memory();
    memory.take(raise({ severity: 'critical' }));
    memory.apply(acknowledge(memory.only(), 'ops', memory.context()));
    const before = memory.deliveries.size;
    memory.take(raise({ severity: 'warning' }));
    expect(memory.only()).toMatchObject({
      severity: 'warning',
      state: 'acknowledged',
      acknowledgedBy: 'ops',
    });
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

  test('of something that is over is told once and never resolved', () => {
    const memory = new Memory();
    memory.take(raise({ kind: 'rotation-completed', severity: 'info', transient: true }));
    memory.take(resolve({ kind: 'rotation-completed' }));
    expect(memory.only().state).toBe('resolved');
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

  test('hastens the triggers that were not sent yet, so that it need not wait for their backoff', () => {
    const memory = new Memory();
    memory.take(raise());
    const changes = memory.take(resolve());
    expect(changes).toContainEqual({ type: 'work.wake', kind: 'delivery', id: 'id-2', at: NOW });
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

describe('a dedup key', () => {
  const { installation, environment } = new Memory().context();
  const scope = { installation, environment, digest };

  test('is the same whatever the severity, time and words, and readable', () => {
    const key = dedupKey(raise(), 1, scope);
    expect(dedupKey(raise({ severity: 'critical', at: 1, title: 'x', evidence: {} }), 1, scope)).toBe(key);
    expect(key).toMatch(/^publish-failed:frameflow-prod:[0-9a-f]{64}$/);
  });

  test('differs with installation, environment, kind, subject, condition and generation', () => {
    const { credential: _, ...bare } = raise();
    const keys = [
      dedupKey(raise(), 1, scope),
      dedupKey(raise(), 2, scope),
      dedupKey(raise(), 1, { ...scope, installation: 'other' }),
      dedupKey(raise(), 1, { ...scope, environment: 'staging' }),
      dedupKey(raise({ kind: 'store-drift' }), 1, scope),
      dedupKey(raise({ credential: 'other' }), 1, scope),
      dedupKey(raise({ condition: 'other' }), 1, scope),
      dedupKey({ ...bare, monitor: 'frameflow-prod' }, 1, scope),
      dedupKey({ ...bare, channel: 'frameflow-prod' }, 1, scope),
      dedupKey(bare, 1, scope),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('never exceeds 255 characters of plain ASCII', () => {
    const key = dedupKey(raise({ credential: '☠ '.repeat(500) }), 1, scope);
    expect(key).toMatch(/^[\x21-\x7e]{1,255}$/);
    expect(key.length).toBe(255);
  });
});

test('an identity is kept under the monitor where a finding names a credential beside it', () => {
  const both = raise({ monitor: 'auth-log', condition: 'key_1' });
  const { credential: _, ...alone } = both;
  expect(identityOf(both)).toBe(identityOf(alone));
  expect(identityOf(both)).toBe('["publish-failed","monitor:auth-log","key_1"]');
});
