import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import {
  type Alert,
  type Change,
  type Delivery,
  HOUR,
  type Raise,
  type Resolve,
  type Signal,
  type Silence,
} from '../../model/index.ts';
import type { AttendContext } from '../attend.ts';
import type { AlertingContext } from '../passage.ts';
import { process } from '../pipeline.ts';
import type { Route } from '../route.ts';

export const NOW = Date.UTC(2026, 9, 1, 9);
export const digest = (...parts: readonly string[]) =>
  createHash('sha256')
    .update(parts.map((part) => `${part.length}:${part}`).join(''))
    .digest('hex');

export function route(fields: Partial<Route>): Route {
  return { severity: [], kind: [], credential: [], channels: [], continue: false, escalate: null, ...fields };
}

export function raise(fields: Partial<Raise> = {}): Raise {
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

export function resolve(fields: Partial<Resolve> = {}): Resolve {
  const { kind, credential, condition } = raise();
  return { type: 'resolve', kind, condition, at: NOW, ...(credential ? { credential } : {}), ...fields };
}

/** A state in miniature: applies what the pipeline returns, as a commit would. */
export class Memory {
  readonly alerts = new Map<string, Alert>();
  readonly deliveries = new Map<string, Delivery>();
  now = NOW;
  ids = 0;
  silences: readonly Silence[] = [];
  routes: readonly Route[] = [
    route({ severity: ['critical'], channels: ['oncall', 'team'] }),
    route({ channels: ['team'] }),
  ];
  channels: Record<string, string> = { team: 'slack', oncall: 'pagerduty', siem: 'webhook' };

  context(): AlertingContext & Pick<AttendContext, 'own'> {
    return {
      own: ({ id }) => [...this.deliveries.values()].filter(({ alertId }) => alertId === id),
      installation: 'footage',
      environment: 'production',
      now: this.now,
      routes: this.routes,
      channels: this.channels,
      deliveries: [...this.deliveries.values()],
      silences: this.silences,
      open: [...this.alerts.values()].filter(({ state }) => state !== 'resolved'),
      repeat: 4 * HOUR,
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
