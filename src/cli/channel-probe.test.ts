import { expect, test } from 'vitest';
import { VirtualClock } from '../../test/support/virtual-clock.ts';
import type { Config } from '../config/types.ts';
import { MINUTE, SECOND, type Signal } from '../model/index.ts';
import { ChannelProbe } from './channel-probe.ts';

/** Only what is looked at; the heartbeat is not configured. */
function configOf(...names: readonly string[]): Config {
  const channels = Object.fromEntries(names.map((name) => [name, { kind: 'slack' }]));
  return { channels, heartbeat: null } as unknown as Config;
}

function world(down: Set<string>) {
  const virtual = new VirtualClock(0);
  const signals: Signal[][] = [];
  const warned: string[] = [];
  const clock = virtual.daemon();
  let looks = 0;
  const probe = new ChannelProbe(
    {
      clock,
      log: { warn: (_fields, message) => warned.push(message) },
      submit: async (told) => void signals.push([...told]),
    },
    async ({ channels }) => {
      looks += 1;
      return Object.keys(channels).map((name) => ({
        level: down.has(name) ? 'FAIL' : 'ok',
        about: `channel ${name}`,
        message: down.has(name) ? 'connection refused' : 'answers',
      }));
    },
  );
  /** Moves time on and resolves after the look that this brings; null: it brings none. */
  const advance = async (ms: number) => {
    const told = signals.length;
    virtual.moveTo(virtual.time + ms);
    if (!virtual.fireDue()) return null;
    await expect.poll(() => signals.length).toBe(told + 1);
    return signals.at(-1);
  };
  return { probe, signals, warned, advance, looks: () => looks };
}

test('channels that answer are looked at once, and nothing is said of them but that they do', async () => {
  const { probe, signals, warned, advance } = world(new Set());
  await probe.begin(configOf('team', 'oncall'));
  expect(signals.flat().map(({ type, channel }) => [type, channel])).toEqual([
    ['resolve', 'team'],
    ['resolve', 'oncall'],
  ]);
  expect(warned).toEqual([]);
  expect(await advance(30 * MINUTE)).toBeNull();
});

test('one that does not answer is logged at once, told after a minute, and looked at until it does', async () => {
  const down = new Set(['team']);
  const { probe, warned, advance } = world(down);
  await probe.begin(configOf('team', 'oncall'));
  expect(warned).toEqual(['team does not answer, nobody would hear it: connection refused']);
  expect(await advance(15 * SECOND)).toEqual([]);
  expect(await advance(45 * SECOND)).toEqual([
    expect.objectContaining({
      type: 'raise',
      kind: 'channel-failed',
      channel: 'team',
      severity: 'warning',
      evidence: { channel: 'team', error: 'connection refused' },
    }),
  ]);
  expect(await advance(5 * MINUTE)).toEqual([]);
  down.clear();
  const [end] = (await advance(5 * MINUTE)) ?? [];
  expect(end).toMatchObject({ type: 'resolve', kind: 'channel-failed', channel: 'team' });
  expect(await advance(30 * MINUTE)).toBeNull();
  expect(warned).toHaveLength(1);
});

test('another configuration is looked at instead, and after the stop none', async () => {
  const { probe, signals, advance, looks } = world(new Set(['team', 'other']));
  await probe.begin(configOf('team'));
  await probe.begin(configOf('other'));
  expect(await advance(15 * SECOND)).toEqual([]);
  expect(await advance(45 * SECOND)).toEqual([expect.objectContaining({ channel: 'other' })]);
  expect(signals.flat()).toHaveLength(1);
  expect(looks()).toBe(4);
  probe.stop();
  expect(await advance(30 * MINUTE)).toBeNull();
});
