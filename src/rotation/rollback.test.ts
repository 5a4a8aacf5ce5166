import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import {
  abandonLast,
  goBack,
  othersRotate,
  refuseCurrent,
  retryLast,
  tellCompromise,
} from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

const OLD = 'first';
const NEW = 'value-of-key_2';
const BACK_BY = START + 0.8 * 3 * DAY;

/** A world in its overlap since START, an hour into it. */
function inOverlap(): World {
  const world = World.managing();
  world.rotate();
  world.advance('1h');
  return world;
}

/** The same, gone back to the old key. */
function goneBack(until: number | null = null): World {
  const world = inOverlap();
  expect(goBack(world, until)).toBeNull();
  return world;
}

function published(world: World): (string | null)[] {
  return [...new Set(world.shelves.map(({ value }) => value))];
}

const numbers = (world: World) => world.shelves.map(({ mark }) => mark?.number);

describe('going back', () => {
  test('publishes the previous key under a number of its own, and both go on working', () => {
    const world = goneBack();
    expect([published(world), numbers(world)]).toEqual([[OLD], [3, 3]]);
    expect(world.versions).toEqual(['3 current', '2 retiring']);
    expect([OLD, NEW].map((value) => world.provider.alive(value, world.now))).toEqual([true, true]);
    expect(world.provider.calls).toHaveLength(1);
    expect(world.audited('rotation.rolled-back')).toBe(1);
  });

  test('ends at 80 % of the overlap: the newer key is published again, under a number of its own', () => {
    const world = goneBack();
    world.advance(BACK_BY - 1 - world.now);
    expect(published(world)).toEqual([OLD]);
    world.advance(1);
    expect([published(world), numbers(world)]).toEqual([[NEW], [4, 4]]);
    expect([world.current.keyId, world.open?.state]).toEqual(['key_2', 'overlap']);
    expect(world.audited('rotation.rolled-forward')).toBe(1);
  });

  test('ends earlier where that was asked for, and no later whatever was asked for', () => {
    const early = goneBack(START + 5 * HOUR);
    early.advance('4h');
    expect(published(early)).toEqual([NEW]);
    expect(goneBack(START + 100 * DAY).open?.rollback?.until).toBe(BACK_BY);
  });

  test('leaves the rotation its end, told once', () => {
    const world = goneBack();
    world.advance('3d');
    expect([world.history, world.versions, world.alarms]).toEqual([
      ['completed'],
      ['4 current', '3 retired'],
      [],
    ]);
    expect(world.count('rotation-completed')).toBe(1);
  });

  test('is told of six hours before it ends, once, until it has ended', () => {
    const world = World.managing();
    world.provider.overlap = 10 * DAY;
    world.rotate();
    world.advance('1h');
    goBack(world);
    world.advance(START + 8 * DAY - 6 * HOUR - 1 - world.now);
    expect(world.alarms).toEqual([]);
    world.advance(1);
    expect(world.alarms).toEqual(['rollback-ends warning']);
    expect(world.alerts.get('rollback-ends ')?.deadline).toBe(START + 8 * DAY);
    world.advance('6h');
    expect([world.alarms, world.conditions('rollback-ends')]).toEqual([[], ['']]);
  });

  test('can be done again after it has ended, and while a destination still lacks the newer key', () => {
    const world = World.managing();
    world.provider.mints = () => {
      world.shelf('file').fault = (now) =>
        now > START && now < START + 30 * HOUR ? failure('retryable') : null;
      return null;
    };
    world.rotate();
    world.advance('1h');
    expect(world.open?.state).toBe('publishing');
    expect(goBack(world, START + 5 * HOUR)).toBeNull();
    world.advance('10h');
    expect(goBack(world, START + 20 * HOUR)).toBeNull();
    world.advance('10h');
    expect(world.shelf('vault').value).toBe(NEW);
    world.advance('12h');
    expect([published(world), world.open?.state, world.alarms]).toEqual([[NEW], 'overlap', []]);
  });

  test('does not call a destination late, whose newer key is away on purpose', () => {
    const world = goneBack();
    world.advance('2d');
    expect(world.told.filter(({ kind }) => kind === 'publish-failed')).toEqual([]);
  });

  test('survives a crash of what ends it', () => {
    const world = goneBack();
    let left = 3;
    world.crashes = (action) => action.do === 'comeback' && left-- > 0;
    world.advance('3d');
    expect([published(world), world.history]).toEqual([[NEW], ['completed']]);
    expect(world.audited('rotation.rolled-forward')).toBe(1);
  });

  test('and a stop until long after: the newer key is published first of all', () => {
    const world = goneBack();
    world.sleep('10d');
    world.wake();
    expect([published(world), world.history, world.alarms]).toEqual([[NEW], ['completed'], []]);
  });
});

describe('there is no way back', () => {
  test.each([
    ['without a rotation', () => World.managing()],
    ['before the new key is current', () => rotating('10s')],
    ['after the overlap', () => rotating('4d')],
    ['twice', () => goneBack()],
  ])('%s', (_when, world) => {
    expect(goBack(world())).toContain('there is no rotation in its overlap');
  });

  test('once 80 % of the overlap have passed', () => {
    expect(goBack(rotating('58h'))).toContain('80 % of the overlap have passed');
  });

  test('to a key that is known to others', () => {
    const world = inOverlap();
    expect(tellCompromise(world, 'key_1')).toBeNull();
    expect(goBack(world)).toContain('the previous key is compromised');
  });

  test('for less than a minute', () => {
    const world = inOverlap();
    expect(goBack(world, world.now + 59_000)).toContain('at least a minute');
    expect(published(world)).toEqual([NEW]);
  });

  function rotating(duration: string): World {
    const world = World.managing();
    world.rotate();
    world.advance(duration);
    return world;
  }
});

describe('a way back is cut short', () => {
  test('by an emergency: a third key takes the place of both, and the one nobody wanted is told', () => {
    const world = goneBack();
    world.advance(BACK_BY - HOUR - world.now);
    expect(world.alarms).toEqual(['rollback-ends warning']);
    world.rotate({ emergency: true });
    world.advance('1m');
    expect([published(world), world.history]).toEqual([['value-of-key_3'], ['superseded', 'overlap']]);
    expect(world.version('key_2').state).toBe('unused');
    expect(world.told.some(({ action }) => action?.includes('Delete key_2'))).toBe(true);
    expect(world.alarms).toEqual([]);
  });

  test('by a compromise of the key that it went back to: the newer one is back at once', () => {
    const world = goneBack();
    expect(tellCompromise(world)).toBeNull();
    expect([published(world), world.versions]).toEqual([[NEW], ['4 current', '3 compromised']]);
    expect(world.provider.calls).toHaveLength(1);
    world.advance('3d');
    expect([world.history, world.alarms]).toEqual([['completed'], []]);
  });

  test('by a compromise of the newer key: it does not come back, another is minted at once', () => {
    const world = goneBack();
    world.advance(BACK_BY - HOUR - world.now);
    expect(tellCompromise(world, 'key_2')).toBeNull();
    world.advance('1m');
    expect([published(world), world.last.trigger]).toEqual([['value-of-key_3'], 'emergency']);
    expect(world.alarms).toEqual([expect.stringContaining('key-compromised')]);
    world.advance('3d');
    expect(published(world)).toEqual(['value-of-key_3']);
    expect(world.version('key_2').state).toBe('compromised');
  });

  test('by a refusal of the key that it went back to', () => {
    const world = goneBack();
    world.provider.revoke(OLD, world.now);
    refuseCurrent(world);
    expect([published(world), world.record.state, world.alarms]).toEqual([[NEW], 'managed', []]);
  });

  test('by a refusal of both: the newer one is back, is refused, and a person is called', () => {
    const world = goneBack();
    for (const value of [OLD, NEW]) world.provider.revoke(value, world.now);
    refuseCurrent(world);
    refuseCurrent(world);
    expect([world.record.state, world.alarms]).toEqual(['rejected', ['credential-rejected critical']]);
  });

  test('at once, where it went back from a key that is refused: that one never comes back', () => {
    const world = inOverlap();
    world.provider.revoke(NEW, world.now);
    world.provider.tests = (value) => (value === OLD ? failure('retryable') : null);
    refuseCurrent(world);
    expect([world.record.state, world.alarms]).toEqual(['rejected', ['credential-rejected critical']]);
    expect(goBack(world)).toBeNull();
    expect([world.shelf('vault').value, world.record.state, world.alarms]).toEqual([OLD, 'managed', []]);
    world.provider.tests = () => null;
    world.advance('1h');
    expect([world.record.state, published(world), world.alarms]).toEqual(['managed', ['value-of-key_3'], []]);
  });

  test('by nobody who only asks for another try, or to give up', () => {
    const world = goneBack();
    expect(abandonLast(world)).toContain('has published its key');
    expect(retryLast(world)).toBeNull();
    expect(published(world)).toEqual([OLD]);
    world.advance('3d');
    expect([world.history, published(world)]).toEqual([['completed'], [NEW]]);
  });

  test('by nothing that somebody else mints with the key that ends anyway', () => {
    const world = goneBack();
    othersRotate(world, OLD);
    world.readLog();
    world.advance(MINUTE);
    expect([world.history, published(world)]).toEqual([['overlap'], [OLD]]);
    world.advance('3d');
    expect([world.history, published(world)]).toEqual([['completed'], [NEW]]);
  });

  test('by somebody else who mints with the newer key: it comes back with an end, and is replaced', () => {
    const world = goneBack();
    othersRotate(world, NEW);
    world.advance('1m');
    world.readLog();
    expect(world.conditions('foreign-mint')).toEqual(['key_3']);
    world.advance('10d');
    expect(world.provider.alive(world.shelf('vault').value ?? '', world.now)).toBe(true);
    expect(world.alarms).toEqual(['foreign-mint key_3 critical']);
  });
});
