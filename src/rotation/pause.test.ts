import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { othersRotate, pause, resume, tellCompromise } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { parseWindow } from './window.ts';

const DUE = START + 90 * DAY;

function pausedFrom(day: number, until: number | null = null): World {
  const world = World.managing();
  world.advance(`${day}d`);
  pause(world, until);
  return world;
}

test('while a credential is paused the schedule mints nothing', () => {
  const world = pausedFrom(80);
  world.advance('100d');
  expect([world.provider.calls, world.history]).toEqual([[], []]);
});

test('once it is resumed what was due is made up for at once', () => {
  const world = pausedFrom(80);
  world.advance('20d');
  resume(world);
  expect(world.provider.calls.map(({ at, trigger }) => [at, trigger])).toEqual([
    [START + 100 * DAY, 'scheduled'],
  ]);
});

test('once it is resumed before anything was due it is due when it would have been', () => {
  const world = pausedFrom(10);
  world.advance('20d');
  resume(world);
  world.advance('90d');
  expect(world.provider.calls.map(({ at }) => at)).toEqual([DUE]);
});

test('a pause ends by itself at its time', () => {
  const world = pausedFrom(80, START + 95 * DAY);
  world.advance('20d');
  expect(world.provider.calls.map(({ at }) => at)).toEqual([START + 95 * DAY]);
});

test('a pause that ends before anything is due changes nothing', () => {
  const world = pausedFrom(10, START + 20 * DAY);
  world.advance('90d');
  expect(world.provider.calls.map(({ at }) => at)).toEqual([DUE]);
});

test('a rotation that failed is not tried again while paused', () => {
  const world = World.managing();
  world.advance('80d');
  world.provider.mints = () => failure('permanent');
  world.rotate();
  pause(world);
  world.provider.mints = () => null;
  world.advance('30d');
  expect(world.history).toEqual(['failed']);
});

describe('a pause does not hold up', () => {
  test('a rotation that is under way', () => {
    const world = World.managing();
    world.rotate();
    pause(world);
    world.advance('4d');
    expect([world.history, world.versions]).toEqual([['completed'], ['2 current', '1 retired']]);
  });

  test('what a person asks for', () => {
    const world = pausedFrom(10);
    world.rotate();
    world.advance('4d');
    expect(world.history).toEqual(['completed']);
  });

  test('the successor of a key that is known to others', () => {
    const world = pausedFrom(10);
    tellCompromise(world);
    world.advance('1m');
    expect(world.current.keyId).toBe('key_2');
  });

  test('the successor of a current key that somebody else has given an end', () => {
    const world = pausedFrom(10);
    othersRotate(world, 'first');
    world.advance('1m');
    world.readLog();
    world.advance('1m');
    expect(world.current.keyId).toBe('key_3');
  });

  test('the search for a better key where the current one is refused', () => {
    const world = pausedFrom(10);
    world.provider.revoke('first', world.now);
    world.provider.issue('by hand', world.now);
    world.shelf('file').value = 'by hand';
    world.shelf('file').mark = null;
    world.rotate();
    world.advance('2h');
    expect([world.record.state, world.shelf('vault').value]).toEqual(['managed', 'by hand']);
  });

  test('reminders of a key that a person makes', () => {
    const world = World.managing({ policy: { mode: 'guided' } });
    pause(world);
    world.advance('77d');
    expect(world.alarms).toEqual(['rotation-due 14d warning']);
  });
});

test('a pause ends outside the window: the next opening is waited for', () => {
  const world = World.managing({ policy: { window: parseWindow('Mon 09:00-10:00 UTC') } });
  world.advance('80d');
  pause(world, START + 95 * DAY);
  world.advance('30d');
  const [call] = world.provider.calls;
  expect(call?.at).toBeGreaterThanOrEqual(START + 95 * DAY);
  expect(new Date(call?.at ?? 0).getUTCDay()).toBe(1);
  expect(((call?.at ?? 0) % DAY) / HOUR).toBe(9);
});
