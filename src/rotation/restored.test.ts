import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { tellCompromise } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';

/*
 * The state is older than what stands at a destination: it was restored from a backup, or lost a commit.
 */

/** Somebody's later self has put version `number` there. @param value null: one that does not work */
function putNewer(world: World, id: string, number: number, value: string | null = 'later'): void {
  if (value !== null && !world.provider.keys.has(value)) world.provider.issue(value, world.now);
  world.shelf(id).value = value ?? 'dead';
  world.shelf(id).mark = world.mark(number);
}

function held(world: World): (string | null)[] {
  return world.shelves.map(({ value }) => value);
}

function looks(world: World): number {
  return world.audited('adoption.requested');
}

describe('a newer version at a destination', () => {
  test('is adopted when the destination is read back, and brought to the others', () => {
    const world = World.managing();
    world.advance('10d');
    putNewer(world, 'file', 7);
    world.advance('1d');
    expect([held(world), world.current.number, world.record.state]).toEqual([
      ['later', 'later'],
      7,
      'managed',
    ]);
    expect([world.provider.calls, world.alarms]).toEqual([[], []]);
  });

  test('is told once, as information that needs nobody', () => {
    const world = World.managing();
    putNewer(world, 'file', 7);
    world.advance('3d');
    expect(world.told.map(({ kind, severity, transient }) => [kind, severity, transient])).toEqual([
      ['state-restored', 'warning', true],
    ]);
    expect(looks(world)).toBe(1);
  });

  test('found by a preflight ends the rotation before it mints', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'vault', 7);
    world.rotate();
    expect([world.history, world.provider.calls]).toEqual([['abandoned'], []]);
    expect([held(world), world.current.number]).toEqual([['later', 'later'], 7]);
  });

  test('is never overwritten by the older state, not even while its store is not to be read', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'vault', 7);
    world.wakeDestination('vault');
    expect(world.shelf('vault').value).toBe('later');
    putNewer(world, 'vault', 9, 'later still');
    world.shelf('vault').fault = (now) => (now < START + 20 * DAY ? failure('retryable') : null);
    world.advance('30d');
    expect(held(world)).toEqual(['later still', 'later still']);
  });

  test('that does not work is written over, under a number above it, and not looked at on and on', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'file', 7, null);
    world.advance('2d');
    expect([held(world), world.current.keyId, world.current.number]).toEqual([
      ['first', 'first'],
      'key_1',
      8,
    ]);
    expect([looks(world), world.alarms]).toEqual([1, []]);
    world.advance('60d');
    expect(looks(world)).toBe(1);
  });

  test('that does not work, where the provider cannot be asked, waits for it', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'file', 7, null);
    world.provider.tests = (_value, now) => (now < START + 8 * DAY ? failure('retryable') : null);
    world.advance('2d');
    expect(world.shelf('file').value).toBe('dead');
    world.advance('3d');
    expect([held(world), world.alarms]).toEqual([['first', 'first'], []]);
    expect(looks(world)).toBe(1);
  });

  test('and no working key anywhere calls a person', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'file', 7, null);
    world.provider.revoke('first', world.now);
    world.advance('2d');
    expect(world.alarms).toContain('credential-rejected critical');
    world.handOver('by hand');
    expect([held(world), world.record.state, world.alarms]).toEqual([['by hand', 'by hand'], 'managed', []]);
    expect(world.current.number).toBeGreaterThan(7);
  });

  test('that is our own version with a number from later on is the current one, under that number', () => {
    const world = World.managing();
    world.advance('5d');
    world.shelf('file').mark = world.mark(5, { versionId: world.current.id });
    world.advance('2d');
    expect([held(world), looks(world)]).toEqual([['first', 'first'], 1]);
    expect([world.versions, world.shelf('file').mark?.number]).toEqual([['5 current'], 5]);
  });

  test('that of another installation is not ours to adopt', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'file', 7);
    world.shelf('file').mark = world.mark(7, { installation: 'footage/staging' });
    world.advance('2d');
    expect([looks(world), world.current.number, world.shelf('file').value]).toEqual([0, 1, 'later']);
    expect(world.alarms).toEqual([expect.stringContaining('publish-failed file')]);
  });

  test('of a guided credential is adopted as well', () => {
    const world = World.managing({ policy: { mode: 'guided' } });
    world.advance('5d');
    putNewer(world, 'file', 7);
    world.advance('1d');
    expect([held(world), world.versions]).toEqual([
      ['later', 'later'],
      ['7 current', '1 retiring'],
    ]);
  });

  /** A backup that cannot be read by those who look for a key, until then, and holds a newer version. */
  function hidden(until: number, options: WorldOptions = {}): World {
    const world = World.managing({ required: ['vault'], optional: ['backup'], ...options });
    world.advance('5d');
    putNewer(world, 'backup', 7);
    world.shelf('backup').fault = (now) =>
      now < until && world.actions.at(-1) === 'adopt' ? failure('retryable') : null;
    return world;
  }

  test('that those who look for it do not see is looked for ever more seldom, and told', () => {
    const world = hidden(START + 6 * DAY);
    world.wakeDestination('backup');
    // The third is asked for, and waits.
    expect([looks(world), world.count('state-restored')]).toEqual([3, 2]);
    world.advance('1h');
    expect(looks(world)).toBeGreaterThan(30);
    expect(looks(world)).toBeLessThan(70);
    expect(world.count('state-restored')).toBe(2);
    expect(world.alarms).toEqual(['publish-failed backup warning']);
    world.advance('1d');
    expect([held(world), world.current.number, world.alarms]).toEqual([['later', 'later'], 7, []]);
  });

  test('found by one preflight after the other does not begin rotations on and on', () => {
    const world = hidden(START + 6 * DAY, { policy: { every: 5 * DAY + HOUR } });
    world.advance('2h');
    expect(world.history.length).toBeLessThan(70);
    expect(world.provider.calls).toEqual([]);
    world.advance('1d');
    expect([held(world), world.alarms]).toEqual([['later', 'later'], []]);
  });

  test('whose value is gone is no version: ours is written, and nothing is looked for', () => {
    const world = World.managing();
    world.advance('1d');
    world.shelf('file').value = null;
    world.shelf('file').mark = world.mark(7);
    world.advance('2d');
    expect([held(world), world.current.number, looks(world)]).toEqual([['first', 'first'], 1, 0]);
  });

  test('two of them: the newest that works is adopted', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'vault', 7);
    putNewer(world, 'file', 9, null);
    world.advance('2d');
    expect(held(world)).toEqual(['later', 'later']);
    expect(world.current.number).toBeGreaterThan(9);
    world.advance('30d');
    expect(looks(world)).toBeLessThanOrEqual(2);
  });
});

describe('a newer version that is found while a rotation is open', () => {
  type Where = 'minting' | 'answered' | 'verifying' | 'not accepted' | 'publishing' | 'overlap' | 'too late';

  function rotatingInto(where: Where): World {
    const world = World.managing();
    world.advance('5d');
    const began = world.now;
    if (where === 'minting') world.provider.mints = () => 'lost';
    if (where === 'answered') world.crashes = (action) => action.do === 'take';
    if (where === 'not accepted')
      world.provider.tests = (value) => (value === 'value-of-key_2' ? failure('rejected') : null);
    if (where === 'publishing' || where === 'too late') {
      world.provider.mints = () => {
        world.shelf('file').fault = (now) => (now > began ? failure('retryable') : null);
        return null;
      };
    }
    world.rotate();
    const waits: Partial<Record<Where, string>> = {
      answered: '0s',
      verifying: '10s',
      minting: '5s',
      'too late': '73h',
    };
    world.advance(waits[where] ?? '5m');
    return world;
  }

  const PLACES: readonly Where[] = [
    'minting',
    'answered',
    'verifying',
    'not accepted',
    'publishing',
    'overlap',
    'too late',
  ];

  test.each(PLACES)('(%s) is adopted, and nothing that was minted is lost', (where) => {
    const world = rotatingInto(where);
    putNewer(world, 'vault', 17);
    world.wakeDestination('vault');
    world.provider.mints = () => null;
    world.crashes = () => false;
    world.shelf('file').fault = () => null;
    world.advance('2d');
    world.readLog();
    expect(held(world)).toEqual([`${world.shelf('vault').value}`, `${world.shelf('vault').value}`]);
    expect(world.shelf('vault').mark?.number).toBeGreaterThanOrEqual(17);
    const known = world.memory.snapshot().versions.map(({ keyId }) => keyId);
    const minted = [...world.provider.keys.values()].filter(({ value }) => value !== 'later');
    expect(minted.map(({ keyId }) => keyId).filter((keyId) => !known.includes(keyId))).toEqual([]);
    expect(looks(world)).toBe(1);
  });

  test('is no reason to lose an answer that lies in the journal: that key is taken first', () => {
    const world = rotatingInto('answered');
    putNewer(world, 'vault', 17);
    world.wakeDestination('vault');
    world.crashes = () => false;
    world.advance('2d');
    world.readLog();
    expect(world.version('key_2').state).not.toBe('orphaned');
    expect(world.memory.values.has(world.version('key_2').id)).toBe(true);
  });

  test.each(PLACES)('(%s) and does not work does not keep the rotation from its end for good', (where) => {
    const world = rotatingInto(where);
    putNewer(world, 'vault', 17, null);
    world.wakeDestination('vault');
    world.provider.mints = () => null;
    world.crashes = () => false;
    world.provider.tests = () => null;
    world.shelf('file').fault = () => null;
    world.advance('10d');
    const value = world.memory.values.get(world.current.id)?.reveal();
    expect(held(world)).toEqual([value, value]);
    expect(world.provider.alive(value ?? '', world.now)).toBe(true);
    expect(world.shelf('vault').mark?.number).toBeGreaterThan(17);
    expect([world.open, world.record.state]).toEqual([null, 'managed']);
  });

  test('(an emergency) does not wait for it: the key that is known to others is replaced all the same', () => {
    const world = World.managing();
    world.advance('5d');
    putNewer(world, 'vault', 7, null);
    world.shelf('file').fault = (now) => (now < START + 6 * DAY ? failure('retryable') : null);
    tellCompromise(world);
    world.advance('1h');
    world.advance('2d');
    expect(world.current.compromisedAt).toBeNull();
    expect(held(world)).toEqual([`value-of-${world.current.keyId}`, `value-of-${world.current.keyId}`]);
  });
});

describe('a newer version that is found while a search waits for a store', () => {
  function searching(): World {
    const world = World.managing();
    world.advance('5d');
    world.shelf('vault').fault = (now) => (now < START + 9 * DAY ? failure('retryable') : null);
    world.adoptAgain();
    world.advance('1m');
    expect(world.record.state).toBe('new');
    return world;
  }

  test('does not keep an emergency from beginning', () => {
    const world = searching();
    putNewer(world, 'file', 7, null);
    world.rotate({ emergency: true });
    world.advance('1d');
    expect(world.provider.calls.length).toBeLessThan(2);
    world.advance('10d');
    expect([world.record.state, world.open, world.alarms]).toEqual(['managed', null, []]);
    expect(held(world)).toEqual([`value-of-${world.current.keyId}`, `value-of-${world.current.keyId}`]);
  });

  test('ends an emergency that has published: the search must go on', () => {
    const world = searching();
    world.rotate({ emergency: true });
    world.advance('5m');
    expect([world.open?.state, world.record.state]).toEqual(['publishing', 'new']);
    putNewer(world, 'file', 7);
    world.wakeDestination('file');
    world.advance('10d');
    expect([world.record.state, world.open]).toEqual(['managed', null]);
    expect(held(world)).toEqual(['later', 'later']);
  });
});

test('a store that shows a newer version again and again is looked at no more than once in a while', () => {
  const world = World.managing();
  world.advance('5d');
  let number = 7;
  world.shelf('file').fault = () => {
    number += 1;
    world.shelf('file').value = 'dead';
    world.shelf('file').mark = world.mark(number);
    return null;
  };
  const before = looks(world);
  world.advance('6h');
  expect(looks(world) - before).toBeLessThan(6 * 70);
  expect(world.now).toBe(START + 5 * DAY + 6 * HOUR);
});
