import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../../src/model/index.ts';
import type { PlayedEvent } from '../../src/sandbox/index.ts';
import { MONITOR } from '../support/settings.ts';
import { makeWorld, START, type World, type WorldOptions } from '../support/world.ts';

/** Polled every minute, as by default. */
const watched = (options: WorldOptions = {}) =>
  makeWorld({ destinations: ['file'], every: MINUTE, ...options });

const BERLIN = '203.0.113.10';
const SAO_PAULO = '192.0.2.44';
const ASHBURN = '198.51.100.7';

/** Refused logins with the application's key, a second apart. */
function attack(world: World, count: number, ip = BERLIN): PlayedEvent[] {
  return Array.from({ length: count }, (_, index) => ({
    key_id: world.sandbox.frameflow.firstKey.id,
    ip,
    status: 401,
    time: world.time - (count - index) * 1_000,
  }));
}

describe('Slack and PagerDuty down for an hour', () => {
  const interruptions: ReadonlyArray<readonly [string, WorldOptions, (world: World) => Promise<void>]> = [
    ['nothing else happens', {}, async () => undefined],
    ['the daemon is restarted', {}, (world) => world.restart()],
    [
      'the daemon is killed',
      { killable: true },
      async (world) => {
        world.kill();
        await world.start();
      },
    ],
  ];
  test.each(interruptions)(
    '%s: all is delivered afterwards, once each and in order',
    async (_, options, interrupt) => {
      const world = await watched(options);
      const down = { kind: 'status', status: 503 } as const;
      for (const service of ['slack', 'pagerduty'] as const)
        world.sandbox.admin.setFault({ service, times: 0, fault: down });
      world.sandbox.admin.playEvents(attack(world, 40));
      await world.advance('20m');
      world.sandbox.admin.playEvents([{ key_id: 'key_unheard', ip: BERLIN }]);
      await world.advance('10m');
      await interrupt(world);
      world.sandbox.admin.playEvents(attack(world, 40));
      await world.advance('20m');
      world.sandbox.admin.playEvents(attack(world, 40));
      await world.advance('10m');
      expect([world.slack.messages(), world.pagerduty.incidents()]).toEqual([[], []]);

      world.sandbox.admin.clearFaults();
      await world.advance('6m');
      const alarms = world.slack.messages().filter(({ kind }) => kind !== 'channel-failed');
      expect(alarms.map(({ kind }) => kind).toSorted()).toEqual(['auth-failure-spike', 'unknown-key']);
      expect(world.pagerduty.incidents('auth-failure-spike')).toMatchObject([{ triggers: 1 }]);
      await world.advance('45m');
      const spike = world.slack.told('auth-failure-spike').map(({ headline }) => headline.split(':')[0]);
      expect(spike).toEqual(['CRITICAL', 'Resolved']);
      world.pagerduty.expectResolved('auth-failure-spike');
      expect(await world.state.outboxDepth()).toEqual({});
    },
  );

  test('one channel that is down is told on the other', async () => {
    const world = await watched();
    world.sandbox.admin.setFault({ service: 'pagerduty', times: 0, fault: { kind: 'status', status: 500 } });
    world.sandbox.admin.playEvents(attack(world, 40));
    await world.advance('20m');
    expect(world.slack.expectTold('channel-failed').headline).toContain('oncall');
    world.sandbox.admin.clearFaults();
    await world.advance('10m');
    expect(world.slack.counts()['channel-failed resolved']).toBe(1);
  });
});

describe('the log watch', () => {
  test('an attack pages at the poll that brings it, and the page ends by itself once it is over', async () => {
    const world = await watched();
    await world.advance('1m');
    world.sandbox.admin.playEvents(attack(world, 25));
    expect(world.pagerduty.incidents()).toEqual([]);
    await world.poll();
    const { dedupKey } = world.pagerduty.expectTriggered('auth-failure-spike');
    expect(await world.alerts('auth-failure-spike')).toMatchObject([
      { dedupKey, evidence: { ips: [BERLIN], keyId: world.sandbox.frameflow.firstKey.id } },
    ]);
    await world.advance('45m');
    world.pagerduty.expectResolved('auth-failure-spike');
    expect(world.pagerduty.incidents()).toHaveLength(1);
  });

  test('refused logins without any key are an attack too', async () => {
    const world = await watched();
    world.sandbox.admin.playEvents(attack(world, 25).map((event) => ({ ...event, key_id: null })));
    await world.poll();
    world.pagerduty.expectTriggered('auth-failure-spike');
  });

  test('an accepted call from an unregistered country and from outside the allowlist pages once, and says both', async () => {
    const world = await watched();
    world.sandbox.admin.playEvents([{ key_id: world.sandbox.frameflow.firstKey.id, ip: SAO_PAULO }]);
    await world.poll();
    expect(world.pagerduty.expectTriggered('unregistered-geolocation').summary).toContain('BR');
    expect(world.pagerduty.incidents()).toHaveLength(1);
    const [alert] = await world.alerts('unregistered-geolocation');
    expect(alert?.evidence.also).toEqual([expect.stringMatching(/^outside-allowlist: /)]);
  });

  test('refused calls from an unregistered country are no alert of their own', async () => {
    const world = await watched();
    world.sandbox.admin.playEvents(attack(world, 1, SAO_PAULO));
    await world.advance('10m');
    expect([world.slack.messages(), world.pagerduty.incidents()]).toEqual([[], []]);
  });

  test('a key that nobody configured is told once', async () => {
    const world = await watched();
    await world.advance('1m');
    for (let minute = 0; minute < 5; minute += 1) {
      world.sandbox.admin.playEvents([{ key_id: 'key_unheard', ip: BERLIN }]);
      await world.advance('1m');
    }
    expect(world.slack.counts()).toEqual({ 'unknown-key': 1 });
    expect(world.slack.expectTold('unknown-key').headline).toContain('key_unheard');
    world.pagerduty.expectQuiet();
  });

  test('a retired key that is used from a network never seen before pages; a new version of ours is no stranger', async () => {
    const world = await makeWorld({
      destinations: ['file'],
      every: HOUR,
      rotation: { issuedAt: new Date(START - 89 * DAY).toISOString() },
    });
    await world.until(async () => (await world.rotations()).at(-1)?.state === 'completed', '5d');
    expect(world.slack.counts()).toEqual({ 'rotation-completed': 1 });
    await world.advance('1h');
    world.sandbox.admin.playEvents([
      { key_id: world.sandbox.frameflow.firstKey.id, ip: ASHBURN, status: 401 },
    ]);
    await world.poll();
    world.pagerduty.expectTriggered('retired-key-use');
    expect(world.slack.counts()).toEqual({ 'rotation-completed': 1, 'retired-key-use': 1 });
  });

  test('a cursor that has expired: the log is read on without a loss and without a repeat', async () => {
    const world = await watched({ application: false });
    world.sandbox.admin.playEvents([{ key_id: 'key_first', ip: BERLIN }]);
    await world.advance('10m');
    await world.stop();
    await world.advance('1d');
    world.sandbox.admin.playEvents([{ key_id: 'key_second', ip: BERLIN }]);
    await world.advance('8d');
    await world.start();
    await world.advance('3m');
    expect(world.slack.told('unknown-key').map(({ headline }) => /key_\w+/.exec(headline)?.[0])).toEqual([
      'key_first',
      'key_second',
    ]);
    const seen = await world.state.monitor(MONITOR);
    expect([seen?.attempts, seen?.skipped]).toEqual([0, 0]);
    expect((await world.alerts('unknown-key')).map(({ count }) => count)).toEqual([1, 1]);
  });

  test('entries that make no sense are counted and skipped, and hide nothing', async () => {
    const world = await watched();
    const { id } = world.sandbox.frameflow.firstKey;
    const sound = {
      time: new Date(world.time).toISOString(),
      key_id: id,
      ip: BERLIN,
      method: 'GET',
      path: '/',
      status: 200,
    };
    const raws: readonly unknown[] = [
      'text',
      7,
      [],
      {},
      { ...sound, id: 5 },
      { ...sound, id: 'evt_a', time: 'yesterday' },
      { ...sound, id: 'evt_b', status: '200' },
      { ...sound, id: 'x'.repeat(100_000) },
    ];
    const odd = {
      ...sound,
      id: 'evt_c',
      user_agent: `\u0000\u001b[2J${'y'.repeat(50_000)}`,
      path: '/\r\nforged: yes',
    };
    world.sandbox.admin.playEvents([...raws, odd].map((raw) => ({ raw })));
    world.sandbox.admin.playEvents([{ key_id: id, ip: SAO_PAULO }]);
    await world.poll();
    expect((await world.state.monitor(MONITOR))?.skipped).toBe(raws.length);
    world.pagerduty.expectTriggered('unregistered-geolocation');
    await world.advance('20m');
    expect(world.slack.told('log-silence')).toEqual([]);
  });
});
