import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';
import { abandonLast, refuseCurrent } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { parseWindow } from './window.ts';

/** The configuration is read anew by a restart: what is open goes on. */
function restart(world: World, change: (world: World) => void): void {
  change(world);
  world.wake();
}

/** A restart on another policy. */
function changePolicy(world: World, policy: Partial<RotationPolicy>): void {
  restart(world, () => {
    world.policy = { ...world.policy, ...policy };
  });
}

/** A restart with one destination more, required, which nobody can write. */
function addUnwritable(world: World): void {
  restart(world, () => {
    const added = { id: 'new', required: true, consumerLag: 0, lane: 'store:new' };
    world.outside.add(added).fault = () => failure('retryable');
    world.destinations = [...world.destinations, added];
    world.wakeDestination('new');
  });
}

describe('a rotation that is open when the configuration changes', () => {
  test('waits no longer for a destination that is gone', () => {
    const world = World.managing();
    world.provider.mints = () => {
      world.shelf('file').fault = (now) => (now > START ? failure('retryable') : null);
      return null;
    };
    world.rotate();
    world.advance('1h');
    expect(world.open?.state).toBe('publishing');
    restart(world, () => {
      world.destinations = world.destinations.filter(({ id }) => id !== 'file');
    });
    expect(world.open?.state).toBe('overlap');
    world.advance('3d');
    expect(world.history).toEqual(['completed']);
  });

  test('is not held up by a destination that is new and cannot be written', () => {
    const world = World.managing();
    world.rotate();
    world.advance('10s');
    addUnwritable(world);
    world.advance('19s');
    expect(world.open?.state).toBe('verifying');
    world.advance('1s');
    expect(world.open?.state).toBe('overlap');
    // Only what it began with is published by the rotation's own steps.
    expect(world.memory.stepsOf(world.last.id).filter(({ name }) => name === 'publish')).toHaveLength(2);
  });

  test('is not held up by it before its mint either', () => {
    const world = World.managing();
    world.shelf('vault').fault = (now) => (now < START + HOUR ? failure('retryable') : null);
    world.rotate();
    addUnwritable(world);
    world.advance('2h');
    expect([world.open?.state, world.shelf('vault').value]).toEqual(['overlap', 'value-of-key_2']);
  });

  test('keeps the end that the provider gave, whatever overlap is configured now', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    restart(world, () => {
      world.policy = { ...world.policy, overlap: DAY };
    });
    world.advance('70h');
    expect(world.history).toEqual(['overlap']);
    world.advance('1h');
    expect(world.history).toEqual(['completed']);
  });

  test('ends although a person makes the keys from now on', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => (count < 4 ? 'lost' : null);
    world.rotate();
    restart(world, () => {
      world.policy = { ...world.policy, mode: 'guided' };
    });
    world.advance('4d');
    expect([world.history, world.versions, world.shelf('file').value]).toEqual([
      ['completed'],
      ['2 current', '1 retired'],
      'value-of-key_2',
    ]);
  });

  test('makes way for what was asked for before, though a person makes the keys from now on', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + HOUR ? 'lost' : null);
    world.rotate();
    world.rotate({ emergency: true });
    restart(world, () => {
      world.policy = { ...world.policy, mode: 'guided' };
    });
    world.advance('10d');
    expect([world.history, world.versions]).toEqual([
      ['superseded', 'completed'],
      ['3 current', '2 retired', '1 retired'],
    ]);
  });

  test('is not stopped by a window that is closed now', () => {
    const world = World.managing();
    world.shelf('vault').fault = (now) => (now < START + HOUR ? failure('retryable') : null);
    world.rotate();
    restart(world, () => {
      world.policy = { ...world.policy, window: parseWindow('Mon 09:00-10:00 UTC') };
    });
    world.advance('2h');
    expect(world.history).toEqual(['overlap']);
  });
});

const SLOW = { minimum: HOUR, budget: 2 * HOUR, successes: 5 };

describe('a rotation that is open keeps what it began with:', () => {
  test('when its key is believed', () => {
    const world = World.managing();
    world.rotate();
    changePolicy(world, { settle: SLOW });
    world.advance('29s');
    expect(world.open?.state).toBe('verifying');
    world.advance('1s');
    expect(world.open?.state).toBe('overlap');
    world.advance('3d');
    world.rotate();
    world.advance('59m');
    expect(world.open?.state).toBe('verifying');
    world.advance('1m');
    expect(world.history).toEqual(['completed', 'overlap']);
  });

  test('when a person is called since it is not', () => {
    const world = World.managing();
    world.provider.propagation = DAY;
    world.rotate();
    changePolicy(world, { settle: SLOW });
    world.advance('3m');
    expect(world.open?.state).toBe('attention');
    expect(world.alerts.get('rotation-attention ')?.title).toContain('still not accepted after 2m');
  });

  test('when those who still use its old key are named, and the end of that', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    const user = { keyId: 'key_1', ip: '198.51.100.7', userAgent: 'batch/1', calls: 9, firstSeenAt: START };
    changePolicy(world, { warnBefore: [2 * DAY] });
    world.advance('46h');
    world.users = [{ ...user, lastSeenAt: world.now }];
    world.wake();
    expect(world.alarms).toEqual([]);
    world.advance('2h');
    expect(world.alarms).toEqual(['old-key-in-use 1d warning']);
    world.users = [{ ...user, lastSeenAt: world.now }];
    world.advance('23h');
    expect([world.history, world.alarms]).toEqual([['completed'], []]);
    expect(world.conditions('old-key-in-use')).toEqual(['1d', '6h']);
  });

  test('how long its signer is taken to work where nobody says so', () => {
    const world = World.managing();
    world.provider.mints = () => 'lost';
    world.rotate();
    changePolicy(world, { overlap: DAY });
    expect(abandonLast(world)).toBeNull();
    expect(world.version('key_1').expiresAt).toBe(START + 3 * DAY);
  });

  test('that it mints, by an older key where the provider refuses the current one', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    world.provider.mints = () => failure('retryable');
    world.rotate({ emergency: true });
    changePolicy(world, { mode: 'guided' });
    world.provider.mints = () => null;
    world.provider.revoke('value-of-key_2', world.now);
    refuseCurrent(world);
    expect(world.provider.calls.at(-1)?.signerKeyId).toBe('key_1');
    world.advance('1h');
    expect([world.record.state, world.current.keyId]).toEqual(['managed', 'key_3']);
  });
});

describe('a rotation that goes by the present configuration', () => {
  test('is one that was asked for and had not begun', () => {
    const world = World.managing();
    world.provider.propagation = MINUTE;
    world.rotate();
    world.rotate({ emergency: true });
    expect(world.memory.snapshot().queued?.terms).toBeNull();
    changePolicy(world, { settle: SLOW });
    world.advance('10m');
    expect(world.history).toEqual(['superseded', 'verifying']);
    expect(world.open?.terms?.settle).toEqual(SLOW);
  });

  test('is one that began before what it began with was kept', () => {
    const world = World.managing();
    world.rotate();
    const rotation = { ...world.last, terms: null };
    world.command(() => ({ changes: [{ type: 'rotation.put', rotation }], signals: [] }));
    changePolicy(world, { settle: { minimum: 10 * SECOND, budget: MINUTE, successes: 1 } });
    world.advance('10s');
    expect(world.open?.state).toBe('overlap');
  });
});

describe('between rotations', () => {
  test('a shorter period makes an old key due at once', () => {
    const world = World.managing();
    world.advance('40d');
    restart(world, () => {
      world.policy = { ...world.policy, every: 30 * DAY };
    });
    expect(world.history).toEqual(['verifying']);
  });

  test('a longer one lets it be', () => {
    const world = World.managing();
    world.advance('89d');
    restart(world, () => {
      world.policy = { ...world.policy, every: 120 * DAY };
    });
    world.advance('30d');
    expect(world.history).toEqual([]);
    world.advance('1d');
    expect(world.history).toEqual(['verifying']);
  });

  test('keys made by hand from now on are reminded of, and minted no more', () => {
    const world = World.managing();
    world.advance('80d');
    restart(world, () => {
      world.policy = { ...world.policy, mode: 'guided' };
    });
    expect(world.alarms).toEqual(['rotation-due 14d warning']);
    world.advance('60d');
    expect(world.provider.calls).toEqual([]);
  });
});
