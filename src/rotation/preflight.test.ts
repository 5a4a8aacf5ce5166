import { describe, expect, test } from 'vitest';
import { DAY, MINUTE, SECOND } from '../model/index.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

const down = () => failure('retryable', 'store_down');

test('a mint waits until every required destination can be written, and says for which it waits', () => {
  const world = World.managing();
  world.shelf('vault').fault = (now) => (now < START + 10 * MINUTE ? down() : null);
  world.rotate();
  world.advance('9m');
  expect(world.provider.calls).toEqual([]);
  expect(world.open).toMatchObject({ state: 'minting', intent: null, lastError: { code: 'store_down' } });
  expect(world.alarms).toEqual(['store-unreachable preflight warning']);
  expect(world.alerts.get('store-unreachable preflight')?.evidence).toMatchObject({
    destinations: ['vault'],
    code: 'store_down',
  });
  world.advance('3m');
  expect([world.open?.state, world.alarms]).toEqual(['overlap', []]);
});

test('it looks again with a backoff that doubles to a minute', () => {
  const world = World.managing();
  const looked: number[] = [];
  world.shelf('vault').fault = (now) => {
    looked.push((now - START) / SECOND);
    return down();
  };
  world.rotate();
  world.advance('4m');
  expect(looked).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183]);
});

test('a store that asks to be left alone for longer is', () => {
  const world = World.managing();
  world.shelf('vault').fault = () => failure('retryable', 'throttled', 5 * MINUTE);
  world.rotate();
  expect(world.dueAt).toBe(START + 5 * MINUTE);
});

test('an optional destination that cannot be written holds up nothing', () => {
  const world = World.managing({ required: ['vault'], optional: ['backup'] });
  world.shelf('backup').fault = down;
  world.rotate();
  expect([world.provider.calls.length, world.alarms]).toEqual([1, []]);
});

describe('an emergency', () => {
  test('mints as soon as one destination can be written', () => {
    const world = World.managing();
    world.shelf('vault').fault = down;
    world.rotate({ emergency: true });
    expect(world.provider.calls.map(({ trigger }) => trigger)).toEqual(['emergency']);
  });

  test('waits while none can be', () => {
    const world = World.managing();
    for (const shelf of world.shelves) shelf.fault = (now) => (now < START + MINUTE ? down() : null);
    world.rotate({ emergency: true });
    world.advance('59s');
    expect(world.provider.calls).toEqual([]);
    world.advance('1m');
    expect(world.provider.calls).toHaveLength(1);
  });
});

test('a credential without destinations needs none', () => {
  const world = World.managing({ required: [] });
  world.rotate();
  world.advance('1m');
  expect(world.open?.state).toBe('overlap');
});

test('what was seen is believed for a minute: a mint that waited longer looks again first', () => {
  const world = World.managing();
  world.provider.mints = ({ count }) =>
    count < 3 ? failure('retryable', 'busy', count * 50 * SECOND) : null;
  world.rotate();
  world.advance('3m');
  const before = world.actions.slice(0, world.actions.indexOf('take'));
  expect(before.filter((action) => action === 'preflight' || action === 'mint')).toEqual([
    'preflight',
    'mint',
    'mint',
    'preflight',
    'mint',
  ]);
});

test('a current key that has an end waits for no store that is down, as long as one can be written', () => {
  const world = World.managing();
  world.memory.apply({ type: 'version.put', version: { ...world.current, expiresAt: START + 3 * DAY } });
  world.shelf('vault').fault = down;
  world.wake();
  world.advance('10m');
  expect(world.current.number).toBe(2);
});

test('where it cannot wait and nothing can be written, a person is woken', () => {
  const world = World.managing();
  world.memory.apply({ type: 'version.put', version: { ...world.current, expiresAt: START + 3 * DAY } });
  for (const shelf of world.shelves) shelf.fault = down;
  world.wake();
  expect(world.provider.calls).toEqual([]);
  expect(world.told.at(-1)).toMatchObject({
    kind: 'store-unreachable',
    severity: 'critical',
    deadline: START + 3 * DAY,
  });
});
