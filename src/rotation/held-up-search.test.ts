import { describe, expect, test } from 'vitest';
import { DAY } from '../model/index.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';

/** Somebody's later self has put version `number` there, and it works. */
function putNewer(world: World, id: string, number: number, value: string): void {
  world.provider.issue(value, world.now);
  world.shelf(id).value = value;
  world.shelf(id).mark = world.mark(number);
}

function held(world: World): (string | null)[] {
  return world.shelves.map(({ value }) => value);
}

describe('a search that a store holds up while the current key has an end', () => {
  /** Nothing is known of the current key's successor but its mint in the log; `file` is not to be read for a day. */
  function heldUp(options: WorldOptions = {}): World {
    const world = World.managing(options);
    world.advance('5d');
    world.shelf('file').fault = (now) => (now < START + 6 * DAY ? failure('retryable') : null);
    putNewer(world, 'vault', 7, 'later');
    putNewer(world, 'file', 6, 'earlier');
    world.wakeDestination('vault');
    world.observe({
      id: 'rotation-in-the-log',
      credential: 'frameflow-prod',
      signerKeyId: 'key_1',
      mintedKeyId: 'key_lost',
      at: world.now,
      ip: '192.0.2.1',
      userAgent: null,
    });
    world.advance('1h');
    expect(world.record.state).toBe('new');
    return world;
  }

  test('goes on beside the rotation that could not wait for it, and ends that', () => {
    const world = heldUp();
    expect(world.open?.state).toBe('minting');
    world.advance('1d');
    expect([held(world), world.record.state]).toEqual([['later', 'later'], 'managed']);
    expect([world.history, world.provider.calls]).toEqual([['abandoned'], []]);
    expect(world.alarms.filter((alarm) => !alarm.startsWith('foreign-mint'))).toEqual([]);
  });

  test('leaves that rotation to go on where it finds nothing newer that works', () => {
    const world = heldUp();
    const began = world.open?.id;
    world.provider.revoke('later', world.now);
    world.provider.revoke('earlier', world.now);
    world.advance('1d');
    expect([world.record.state, world.open?.id, world.open?.state]).toEqual(['managed', began, 'overlap']);
    expect(held(world)).toEqual([`value-of-${world.current.keyId}`, `value-of-${world.current.keyId}`]);
  });

  test('goes on where a person makes the keys, and no rotation begins', () => {
    const world = heldUp({ policy: { mode: 'guided' } });
    world.advance('1d');
    expect([held(world), world.record.state]).toEqual([['later', 'later'], 'managed']);
    expect(world.history).toEqual([]);
  });
});
