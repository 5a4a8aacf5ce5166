import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { abandonLast, goBack, retire, retryLast } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { retry } from './ways.ts';
import { waysOut } from './ways-out.ts';

const END = START + 3 * DAY;

type Where =
  | 'waiting for a store'
  | 'minting'
  | 'answered'
  | 'refused emergency'
  | 'unusable answers'
  | 'verifying'
  | 'not accepted'
  | 'publishing'
  | 'overlap'
  | 'gone back'
  | 'too late';

/** A world whose rotation stands just there. */
function standing(where: Where): World {
  const world = World.managing();
  const { provider } = world;
  if (where === 'waiting for a store') world.shelf('vault').fault = () => failure('retryable');
  if (where === 'minting') provider.mints = () => 'lost';
  if (where === 'answered') world.crashes = (action) => action.do === 'take';
  if (where === 'refused emergency') provider.mints = () => failure('permanent');
  if (where === 'unusable answers') provider.mints = () => 'garbage';
  if (where === 'not accepted')
    provider.tests = (value) => (value === 'value-of-key_2' ? failure('rejected') : null);
  if (where === 'publishing' || where === 'too late') {
    provider.mints = () => {
      world.shelf('file').fault = (now) => (now > START ? failure('retryable') : null);
      return null;
    };
  }
  world.rotate({ emergency: where === 'refused emergency' });
  if (where === 'answered') return world;
  world.advance(where === 'verifying' ? '10s' : '5m');
  if (where === 'gone back') goBack(world);
  if (where === 'too late') world.advance(END + HOUR - world.now);
  return world;
}

/** All that was in the way is not any longer. */
function heal(world: World): void {
  world.provider.mints = () => null;
  world.provider.tests = () => null;
  world.crashes = () => false;
  for (const shelf of world.shelves) shelf.fault = () => null;
}

const commands = (world: World) =>
  waysOut(world.situation()).map((way) => way.replace(world.last.id, 'ID').replace('keywarden ', ''));

describe('the ways that fit, and that do what they say', () => {
  test.each([
    ['waiting for a store', 'minting', ['rotation ID abandon']],
    ['minting', 'minting', ['rotation ID abandon']],
    [
      'refused emergency',
      'attention',
      ['rotation ID retry', 'rotation ID abandon', 'adopt frameflow-prod < file-with-the-key'],
    ],
    [
      'unusable answers',
      'attention',
      ['rotation ID retry', 'rotation ID abandon', 'adopt frameflow-prod < file-with-the-key'],
    ],
    ['verifying', 'verifying', ['rotation ID retry', 'rotation ID abandon']],
    ['not accepted', 'attention', ['rotation ID retry', 'rotation ID abandon']],
    ['publishing', 'publishing', ['rollback frameflow-prod']],
    ['overlap', 'overlap', ['rollback frameflow-prod']],
    ['gone back', 'overlap', []],
    ['too late', 'attention', ['rotation ID retry', 'rotation ID abandon']],
  ] as const)('of a rotation that is %s', (where, state, ways) => {
    const world = standing(where);
    expect([world.open?.state, commands(world)]).toEqual([state, ways]);
    for (const way of ways) {
      const same = standing(where);
      if (way === 'rotation ID retry') expect(retryLast(same)).toBeNull();
      if (way === 'rotation ID abandon') expect(abandonLast(same)).toBeNull();
      if (way.startsWith('rollback')) expect(goBack(same)).toBeNull();
    }
  });

  test('of one that has ended: none', () => {
    const world = standing('overlap');
    world.advance('4d');
    expect(commands(world)).toEqual([]);
  });

  test.each(['refused emergency', 'unusable answers', 'not accepted', 'too late'] as const)(
    'are named by the alert of a rotation in attention (%s)',
    (where) => {
      const world = standing(where);
      const action = world.alerts.get('rotation-attention ')?.action ?? '';
      for (const way of waysOut(world.situation())) expect(action).toContain(way);
      expect(action).toContain('retry');
    },
  );
});

describe('abandon', () => {
  test.each([
    ['waiting for a store', ['1 current']],
    ['minting', ['1 current']],
    ['refused emergency', ['1 current']],
    ['unusable answers', ['1 current']],
    ['verifying', ['2 unused', '1 current']],
    ['not accepted', ['2 unused', '1 current']],
    ['too late', ['2 current', '1 retired']],
  ] as const)('ends a rotation that is %s', (where, versions) => {
    const world = standing(where);
    const { id } = world.last;
    world.provider.mints = () => failure('retryable');
    expect(abandonLast(world)).toBeNull();
    const ended = world.memory.rotations.get(id);
    expect([ended?.state, ended?.endedAt, world.versions]).toEqual(['abandoned', world.now, versions]);
    expect(world.memory.stepsOf(id).filter(({ state }) => state !== 'done' && state !== 'skipped')).toEqual(
      [],
    );
    expect(world.alarms.filter((alarm) => alarm.startsWith('rotation-attention'))).toEqual([]);
    expect(world.memory.audits.find(({ action }) => action === 'rotation.abandoned')?.actor).toBe('ops');
  });

  test.each(['answered', 'publishing', 'overlap', 'gone back'] as const)(
    'is refused for one that is %s, and changes nothing',
    (where) => {
      const world = standing(where);
      const before = JSON.stringify([...world.memory.rotations]);
      expect(abandonLast(world)).toMatch(/has published its key|has a new key/);
      expect(JSON.stringify([...world.memory.rotations])).toBe(before);
    },
  );

  test('is refused for one that has ended', () => {
    const world = standing('overlap');
    world.advance('4d');
    expect(abandonLast(world)).toContain('has ended completed already');
  });

  test.each(['minting', 'unusable answers', 'verifying', 'not accepted'] as const)(
    'of one that is %s leaves a current key that ends: its successor is due at once',
    (where) => {
      const world = standing(where);
      expect(abandonLast(world)).toBeNull();
      heal(world);
      world.advance('30m');
      expect(world.current.expiresAt).toBeNull();
      expect(world.shelf('file').value).toBe(`value-of-${world.current.keyId}`);
      world.readLog();
      const held = world.memory.snapshot().versions.map(({ keyId }) => keyId);
      expect(
        [...world.provider.keys.values()].map(({ keyId }) => keyId).filter((id) => !held.includes(id)),
      ).toEqual([]);
    },
  );

  test('of one that sent nothing leaves all as it was: the next comes by the schedule', () => {
    const world = standing('waiting for a store');
    abandonLast(world);
    heal(world);
    world.advance('10d');
    expect([world.provider.calls, world.versions, world.alarms]).toEqual([[], ['1 current'], []]);
  });

  test('of one whose destination is late ends no publication: it arrives by itself', () => {
    const world = standing('too late');
    abandonLast(world);
    heal(world);
    world.advance('10m');
    expect([world.shelf('file').value, world.alarms]).toEqual(['value-of-key_2', []]);
  });

  test('tells of a key that nobody needs', () => {
    const world = standing('not accepted');
    abandonLast(world);
    expect(world.told.some(({ action }) => action?.includes('Delete key_2'))).toBe(true);
    world.readLog();
    expect(world.conditions('key-orphaned')).toEqual([]);
  });
});

describe('retry', () => {
  test.each([
    'waiting for a store',
    'minting',
    'refused emergency',
    'unusable answers',
    'verifying',
    'not accepted',
    'publishing',
    'overlap',
    'gone back',
    'too late',
  ] as const)('of one that is %s does no harm, and ends it well once all is', (where) => {
    const world = standing(where);
    expect(retryLast(world)).toBeNull();
    expect(world.audited('rotation.retried')).toBe(1);
    heal(world);
    expect(retryLast(world)).toBeNull();
    world.advance('4d');
    expect([world.history, world.alarms]).toEqual([['completed'], []]);
    expect(world.provider.keys.size).toBe(2);
  });

  test('looks at once, where it would have waited', () => {
    const world = standing('waiting for a store');
    world.advance('1h');
    heal(world);
    retryLast(world);
    expect(world.open?.state).toBe('verifying');
  });

  test('sends no second mint where one may have been processed: it repeats the same', () => {
    const world = standing('minting');
    retryLast(world);
    heal(world);
    retryLast(world);
    expect(new Set(world.provider.calls.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    expect(world.provider.keys.size).toBe(2);
  });

  test('begins the patience with a fresh key anew', () => {
    const world = standing('not accepted');
    expect(world.alarms).toEqual(['rotation-attention critical']);
    retryLast(world);
    expect(world.open?.state).toBe('verifying');
    world.advance('119s');
    expect(world.open?.state).toBe('verifying');
    world.advance('1m');
    expect([world.open?.state, world.alarms]).toEqual(['attention', ['rotation-attention critical']]);
  });

  test('publishes at once, where a destination would have rested', () => {
    const world = standing('publishing');
    world.shelf('file').fault = (now) => (now < START + HOUR ? failure('retryable', 'busy', DAY) : null);
    world.advance(START + HOUR - world.now);
    expect(world.shelf('file').value).toBe('first');
    retryLast(world);
    expect(world.shelf('file').value).toBe('value-of-key_2');
  });

  test('of one that failed begins another at once', () => {
    const world = World.managing();
    world.provider.mints = () => failure('permanent');
    world.rotate();
    world.advance('5m');
    expect(world.history).toEqual(['failed']);
    heal(world);
    expect(retryLast(world)).toBeNull();
    expect(world.history).toEqual(['failed', 'verifying']);
  });

  test.each([
    ['completed', () => standing('overlap'), '4d'],
    ['abandoned', abandoned, '0s'],
  ] as const)('is refused for one that has ended %s, with what to do', (state, make, duration) => {
    const world = make();
    world.advance(duration);
    expect(retryLast(world)).toContain(
      `has ended ${state}; ask for a new one: \`keywarden rotate frameflow-prod\``,
    );
  });

  test('is refused for one that failed, once its successor has made up for it', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + MINUTE ? failure('permanent') : null);
    world.rotate();
    const failed = world.last;
    world.advance('5d');
    expect(world.history).toEqual(['failed', 'completed']);
    const again = () => world.command((situation, now) => retry(situation, failed, 'ops', now));
    expect(again).toThrow('has ended failed; ask for a new one');
  });

  function abandoned(): World {
    const world = standing('waiting for a store');
    abandonLast(world);
    return world;
  }
});

describe('a version that a person retires', () => {
  test('that was lost ends its alarm', () => {
    const world = World.managing();
    world.provider.remembers = 0;
    world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
    world.rotate();
    world.advance('1m');
    world.readLog();
    expect(world.alarms).toEqual([expect.stringContaining('key-orphaned')]);
    expect(retire(world, 'key_2')).toBeNull();
    expect([world.versions, world.alarms]).toEqual([['3 current', '2 retired', '1 retiring'], []]);
  });

  test('in its overlap is not gone back to any more, and the rotation ends all the same', () => {
    const world = standing('overlap');
    expect(retire(world, 'key_1')).toBeNull();
    expect(goBack(world)).toContain('the previous key is retired');
    world.advance('4d');
    expect([world.history, world.versions, world.alarms]).toEqual([
      ['completed'],
      ['2 current', '1 retired'],
      [],
    ]);
  });

  test('that nobody ever used is over', () => {
    const world = standing('not accepted');
    world.provider.mints = () => failure('retryable');
    abandonLast(world);
    expect(retire(world, 'key_2')).toBeNull();
    expect(world.version('key_2').state).toBe('retired');
  });

  test('cannot be one that is being verified', () => {
    const world = standing('verifying');
    expect(retire(world, 'key_2')).toContain('version 2 is pending');
  });
});
