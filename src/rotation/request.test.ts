import { describe, expect, test } from 'vitest';
import { describe as describeRotation } from './request.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

/** A world whose rotation, asked for by hand, is in `state`. */
function inState(state: 'minting' | 'verifying' | 'publishing' | 'overlap' | 'attention'): World {
  const world = World.managing();
  if (state === 'minting') world.provider.mints = () => 'lost';
  if (state === 'attention') world.provider.mints = () => 'garbage';
  if (state === 'publishing') {
    world.provider.mints = () => {
      world.shelf('file').fault = () => failure('retryable');
      return null;
    };
  }
  world.rotate();
  if (state !== 'verifying') world.advance('1m');
  expect(world.open?.state).toBe(state);
  return world;
}

const OPEN = ['minting', 'verifying', 'publishing', 'overlap', 'attention'] as const;

describe('a wish', () => {
  test('is refused while there is no key to rotate', () => {
    const world = new World();
    expect(world.rotate()).toMatchObject({ admitted: false, inFlight: null });
    expect(world.rotate({ emergency: true })).toMatchObject({ admitted: false, inFlight: null });
    expect(world.history).toEqual([]);
  });

  test.each(OPEN)('is refused during %s, and names the rotation in the way', (state) => {
    const world = inState(state);
    const { id } = world.last;
    expect(world.rotate()).toMatchObject({
      admitted: false,
      inFlight: { id },
      reason: expect.stringContaining(`rotation ${id} is in ${state}`),
    });
    expect(world.history).toEqual([state]);
  });

  test('refused in an overlap learns its end', () => {
    expect(inState('overlap').rotate()).toMatchObject({
      reason: expect.stringContaining('its overlap ends at 2026-10-04T09:00:00Z'),
    });
  });

  test('is refused while a key that a person superseded still works, and learns its end', () => {
    const world = World.managing();
    world.handOver('second');
    expect(world.rotate()).toMatchObject({
      admitted: false,
      code: 'overlap_open',
      inFlight: null,
      reason: 'a superseded key still works; its overlap ends at 2026-10-04T09:00:00Z',
    });
    expect(describeRotation(world.situation(), false, world.now).waitsFor).toContain('its overlap ends at');
    expect(describeRotation(world.situation(), true, world.now).waitsFor).toBeNull();
    world.advance('3d');
    expect(world.rotate()).toMatchObject({ admitted: true });
  });

  test('admitted before such a key was superseded waits for its end', () => {
    const world = World.managing();
    world.timeKnown = false;
    world.rotate();
    world.timeKnown = true;
    world.handOver('second');
    expect([world.actions.includes('begin'), world.open]).toEqual([false, null]);
    world.advance('3d1m');
    expect(world.history).toEqual(['overlap']);
  });

  test.each(OPEN)('for an emergency is admitted during %s', (state) => {
    expect(inState(state).rotate({ emergency: true })).toMatchObject({
      admitted: true,
      rotation: { trigger: 'emergency', queued: true },
    });
  });

  test('is refused while another one waits to begin, emergency or not', () => {
    const world = inState('verifying');
    world.rotate({ emergency: true });
    const { id } = world.last;
    for (const emergency of [false, true]) {
      expect(world.rotate({ emergency })).toMatchObject({ admitted: false, inFlight: { id } });
    }
  });

  test('keeps who asked, why, and under which key', () => {
    const world = World.managing();
    world.rotate({ actor: 'ci', reason: 'audit', requestKey: 'request-1' });
    expect(world.last).toMatchObject({
      actor: 'ci',
      reason: 'audit',
      requestKey: 'request-1',
      trigger: 'manual',
    });
  });
});

describe('a dry run', () => {
  test('says what a rotation would do, and does nothing', () => {
    const world = World.managing({ required: ['vault'], optional: ['backup'] });
    const before = world.actions.length;
    expect(describeRotation(world.situation(), false, START)).toEqual({
      credential: 'frameflow-prod',
      trigger: 'manual',
      waitsFor: null,
      steps: [
        { name: 'preflight', detail: 'vault can be written' },
        { name: 'mint', detail: 'the successor of key_1 (version 1)' },
        { name: 'verify', detail: 'accepted 2 times in succession, not before 30s' },
        { name: 'publish', detail: 'vault' },
        { name: 'publish', detail: 'backup' },
        { name: 'overlap', detail: 'both keys work for 3d from the mint' },
        { name: 'retire', detail: 'key_1 ends' },
      ],
    });
    expect([world.actions.length, world.history]).toEqual([before, []]);
  });

  test('of an emergency asks less of the destinations', () => {
    const { trigger, steps } = describeRotation(World.managing().situation(), true, START);
    expect([trigger, steps[0]?.detail]).toEqual(['emergency', 'at least one destination can be written']);
  });

  test.each([
    ['minting', 'to end minting'],
    ['verifying', 'to end verifying'],
    ['publishing', null],
    ['overlap', null],
    ['attention', null],
  ] as const)('during %s says what an emergency would wait for: %s', (state, wait) => {
    const world = inState(state);
    const expected = wait === null ? null : `rotation ${world.last.id} ${wait}`;
    expect(describeRotation(world.situation(), true, START).waitsFor).toBe(expected);
    expect(describeRotation(world.situation(), false, START).waitsFor).toContain(`is in ${state}`);
  });

  test('names what waits already, and a credential without a key', () => {
    const world = inState('verifying');
    world.rotate({ emergency: true });
    expect(describeRotation(world.situation(), true, START).waitsFor).toBe(
      `rotation ${world.last.id}, which waits to begin`,
    );
    expect(describeRotation(new World().situation(), false, START).waitsFor).toBe(
      'a working key to be adopted',
    );
  });
});
