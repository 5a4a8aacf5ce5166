import { beginDelivery, foldDelivery } from '../../../src/alerting/delivery.ts';
import { unanswered } from '../../../src/alerting/incident.ts';
import { refusal } from '../../../src/cli/reload-report.ts';
import { ConfigError, faultAt } from '../../../src/config/fault.ts';
import { testChannel } from '../../../src/engine/alert-commands.ts';
import { AuditWatch } from '../../../src/engine/audit-watch.ts';
import { ClockSkew } from '../../../src/engine/clock-skew.ts';
import type { Committer } from '../../../src/engine/commit.ts';
import type { EngineContext } from '../../../src/engine/context.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import {
  type AlertKind,
  type Change,
  type Delivery,
  HOUR,
  MINUTE,
  type Raise,
  SECOND,
  type Signal,
} from '../../../src/model/index.ts';
import { alertFrom } from './alert.ts';
import { type Raiser, raised } from './lifecycle.ts';
import { LOG } from './log.ts';

/*
 * Alerts of Keywarden's own faults.
 */

const NOW = Date.UTC(2026, 9, 1, 9);

function channelFailed(): Raise {
  const delivery: Delivery = {
    id: 'delivery-1',
    alertId: 'alert-1',
    channel: 'team',
    event: 'trigger',
    state: 'pending',
    attempts: 0,
    lastError: null,
    createdAt: NOW,
    at: null,
  };
  const message =
    'Slack answered 404; check that the webhook of channel team still exists and its Slack channel is not archived';
  const failure = { code: 'refused', verdict: 'permanent', message } as const;
  const turn = { now: NOW, unit: 0, overSince: null };
  return raised('channel-failed', foldDelivery(beginDelivery(delivery, NOW).delivery, failure, turn).signals);
}

/** FrameFlow's answers are eleven minutes ahead of the machine. */
function clockSkew(): Raise {
  let steady = 0;
  const seenClock = () => ({ date: NOW + 11 * MINUTE, sent: NOW - SECOND, wall: NOW, steady });
  const skew = new ClockSkew(new Map([['frameflow', { seenClock }]]));
  const signals: Signal[] = [];
  for (; steady < 3; steady += 1) signals.push(...skew.news(NOW));
  return raised('clock-skew', signals);
}

async function auditBroken(): Promise<Raise> {
  const told: Signal[] = [];
  const after = { number: 4711, at: NOW - HOUR };
  const fault = { what: 'changed', first: 4712, last: 4712, at: NOW - HOUR + MINUTE, after };
  const slice = { checked: 9_000, faults: [fault], mark: { ...after, hash: 'a'.repeat(64) }, ended: true };
  const state = { verifyAudit: async () => slice };
  const committer = {
    commit: async (_: unknown, signals: readonly Signal[]) => void told.push(...signals),
  };
  const context = { state, clock: { now: () => NOW } } as unknown as EngineContext;
  await new AuditWatch(context, committer as unknown as Committer, new AbortController().signal).verify();
  return raised('audit-broken', told);
}

function reloadFailed(): Raise {
  const file = '/etc/keywarden/keywarden.yaml';
  const path = ['credentials', 'frameflow-prod', 'rotation', 'overlap'];
  const problem = 'the overlap (120d) is longer than the period (90d)';
  const fault = faultAt({ file, line: 42, column: 7 }, path, { problem, hint: 'make it shorter than every' });
  return refusal(new ConfigError([fault]), [file]).signal('SIGHUP', NOW);
}

async function incidentUnanswered(): Promise<Raise> {
  const { alert } = alertFrom(await LOG['unregistered-geolocation']());
  const reportedAt = alert.lastSeenAt + HOUR;
  return raised('incident-unanswered', [unanswered({ ...alert, reportedAt }, reportedAt + 4 * HOUR)]);
}

/** What `keywarden alerts test team` commits. */
async function tested(): Promise<Raise> {
  const committed: Change[] = [];
  const delivered = { state: 'delivered', lastError: null };
  const context = {
    plugins: { channels: new Map([['team', {}]]) },
    config: {
      installation: { name: 'footage', environment: 'production' },
      channels: { team: { kind: 'slack' } },
      group: {},
    },
    state: { delivery: async () => delivered },
    clock: { now: () => NOW },
    hash: { digest: () => '' },
    newId: () => 'test-1',
  };
  const submit = async (changes: readonly Change[]) => void committed.push(...changes);
  const engine = { context, submit, nextTurn: async () => undefined } as unknown as Engine;
  await testChannel(engine, 'team', 'ops', 1_000);
  const [alert] = committed.flatMap((change) => (change.type === 'alert.put' ? [change.alert] : []));
  if (alert === undefined) throw new TypeError('the test made no alert');
  return { ...alert, type: 'raise', condition: 'test-1', at: NOW, transient: true };
}

export const OWN = {
  test: tested,
  'channel-failed': channelFailed,
  'audit-broken': auditBroken,
  'clock-skew': clockSkew,
  'config-reload-failed': reloadFailed,
  'incident-unanswered': incidentUnanswered,
} satisfies Partial<Record<AlertKind, Raiser>>;
