import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import type { FaultRule } from '../../src/sandbox/index.ts';
import { makeWorld, START, type WorldOptions } from '../support/world.ts';

type Fault = FaultRule['fault'];

const NEARLY_DUE: WorldOptions = {
  destinations: ['file'],
  rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
};

const FAULTS: ReadonlyArray<readonly [string, Fault]> = [
  ['401', { kind: 'status', status: 401 }],
  ['403', { kind: 'status', status: 403 }],
  ['429', { kind: 'status', status: 429, headers: { 'retry-after': '90' } }],
  ['500', { kind: 'status', status: 500 }],
  ['502', { kind: 'status', status: 502 }],
  ['503', { kind: 'status', status: 503 }],
  ['504', { kind: 'status', status: 504 }],
  ['a connection cut', { kind: 'drop-before' }],
  ['garbage', { kind: 'garbage' }],
  ['half an answer', { kind: 'truncated' }],
  ['a redirect', { kind: 'redirect', to: 'https://127.0.0.1:1/', status: 302 }],
];

describe('while a fresh key cannot be verified', () => {
  test.each(FAULTS)(
    '%s: it is not published, a person is told, and it goes on by itself',
    async (_, fault) => {
      const world = await makeWorld({ ...NEARLY_DUE, monitor: null });
      await world.advance(DAY - MINUTE);
      world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', times: 0, fault });
      const before = world.providerCalls();
      // A key that is refused for a quarter of an hour is given a successor.
      await world.advance(14 * MINUTE);
      expect((await world.rotation()).state).toBe('attention');
      world.pagerduty.expectTriggered('rotation-attention');
      await world.file.expectVersion(1);
      // Every 2 s for the 2 minutes of the budget, every minute from then on.
      expect(world.providerCalls() - before).toBeLessThan(60 + 25);

      world.sandbox.admin.clearFaults();
      await world.until(async () => (await world.rotation()).state === 'overlap', '10m');
      await world.file.expectVersion(2);
      world.pagerduty.expectResolved('rotation-attention');
      expect(world.sandbox.frameflow.keys()).toHaveLength(3);
      // Slack takes one message a second.
      await world.advance('2s');
      expect(Object.keys(world.slack.counts()).toSorted()).toEqual([
        'rotation-attention',
        'rotation-attention resolved',
        'rotation-completed',
      ]);
    },
  );

  test.each<[string, Fault]>([
    ['an answer without end', { kind: 'endless' }],
    ['an answer without end, packed', { kind: 'endless-gzip' }],
    ['an answer that takes too long', { kind: 'delay', ms: 3_000 }],
  ])('%s: the next attempt counts', async (_, fault) => {
    const world = await makeWorld({ ...NEARLY_DUE, monitor: null, timeout: '1s' });
    await world.advance(DAY - MINUTE);
    world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', times: 2, fault });
    await world.advance(3 * MINUTE);
    expect((await world.rotation()).state).toBe('overlap');
    await world.file.expectVersion(2);
    expect(world.slack.counts()).toEqual({ 'rotation-completed': 1 });
  });
});

describe('while the log cannot be read', () => {
  test.each(FAULTS)(
    '%s: the silence is told after 15 minutes, and what happened meanwhile once it is over',
    async (name, fault) => {
      const world = await makeWorld({ destinations: ['file'], every: MINUTE });
      await world.advance('5m');
      world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', times: 0, fault });
      const before = world.providerCalls();
      await world.advance('14m');
      // A key that is refused is not silence: it is told at once.
      expect(world.slack.counts()).toEqual(name === '401' ? { 'credential-rejected': 1 } : {});
      await world.advance('6m');
      world.slack.expectTold('log-silence');
      // A refused key is tried again every five minutes besides.
      expect(world.providerCalls() - before).toBeLessThanOrEqual(name === '401' ? 30 : 21);

      const stranger = { key_id: world.sandbox.frameflow.firstKey.id, ip: '198.51.100.7' };
      world.sandbox.admin.playEvents([stranger]);
      world.sandbox.admin.clearFaults();
      await world.advance('5m');
      world.pagerduty.expectTriggered('unregistered-geolocation');
      expect(world.slack.counts()['log-silence resolved']).toBe(1);
      const open = (await world.alerts()).filter(({ state }) => state !== 'resolved');
      expect(open.map(({ kind }) => kind)).toEqual(['unregistered-geolocation']);
      expect(open[0]?.evidence.also).toEqual([
        expect.stringMatching(/^impossible-travel: /),
        expect.stringMatching(/^outside-allowlist: /),
      ]);
      expect((await world.credential()).versions.map(({ state }) => state)).toEqual(['current']);
    },
  );

  test('an hour of faults of every kind brings no storm of calls', async () => {
    const world = await makeWorld({ destinations: ['file'], every: MINUTE, application: false });
    const before = world.providerCalls();
    for (let round = 0; round < 10; round += 1) {
      for (const [, fault] of FAULTS) {
        world.sandbox.admin.setFault({ service: 'frameflow', path: '/v1/auth/logs', fault });
      }
    }
    await world.advance(HOUR);
    // Once a minute, and twice more where it was said that the key is refused.
    const refusals = 10;
    expect(world.providerCalls() - before).toBeLessThanOrEqual(61 + 2 * refusals);
  });
});
