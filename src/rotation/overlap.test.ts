import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

const END = START + 3 * DAY;
const down = () => failure('retryable', 'store_down');

/** A world in an overlap that began at START, where the destination `file` cannot be written before `until`. */
function withoutFile(until: number): World {
  const world = World.managing();
  world.provider.mints = () => {
    world.shelf('file').fault = (now) => (now > START && now < until ? down() : null);
    return null;
  };
  world.rotate();
  world.advance('1m');
  return world;
}

describe('once every destination has the new key', () => {
  test('the rotation is in its overlap: both keys work, and it is told once', () => {
    const world = World.managing();
    world.rotate({ reason: 'quarterly', actor: 'ops' });
    world.advance('1m');
    expect(world.open).toMatchObject({
      state: 'overlap',
      trigger: 'manual',
      actor: 'ops',
      reason: 'quarterly',
    });
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(['first', 'value-of-key_2'].map((value) => world.provider.alive(value, world.now))).toEqual([
      true,
      true,
    ]);
    world.wake();
    world.advance('10d');
    expect(world.told).toHaveLength(1);
    expect(world.told[0]).toMatchObject({
      kind: 'rotation-completed',
      severity: 'info',
      transient: true,
      deadline: END,
      summary: expect.stringContaining('took 30s. key_1 works until 2026-10-04T09:00:00Z.'),
      evidence: { trigger: 'manual', keyId: 'key_2', previousKeyId: 'key_1', destinations: 2 },
    });
  });

  test('its steps tell the story in order', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1m');
    expect(stepsOf(world)).toEqual([
      'mint done',
      'verify done',
      'publish vault done',
      'publish file done',
      'overlap running',
      'retire pending',
    ]);
    world.advance('3d');
    expect(stepsOf(world).slice(-2)).toEqual(['overlap done', 'retire done']);
  });

  test('the old version is retired when the overlap ends, and not before', () => {
    const world = World.managing();
    world.rotate();
    world.advance(3 * DAY - 1);
    expect([world.versions, world.history]).toEqual([['2 current', '1 retiring'], ['overlap']]);
    world.advance(1);
    expect([world.versions, world.history]).toEqual([['2 current', '1 retired'], ['completed']]);
    expect(world.last.endedAt).toBe(END);
    // Not in a step of its own: the rotation's end and its version's are one commit.
    expect(world.actions).not.toContain('retire');
  });

  test('also where nothing ran between the last publication and the overlap’s end', () => {
    const world = World.managing();
    world.crashes = (action) => action.do === 'settle';
    world.rotate();
    world.advance('31s');
    expect(world.open?.state).toBe('publishing');
    world.sleep('4d');
    world.crashes = () => false;
    world.wake();
    expect([world.history, world.count('rotation-completed')]).toEqual([['completed'], 1]);
    expect(world.told[0]?.summary).toContain('The old key has ended.');
  });
});

describe('a destination that cannot be written', () => {
  test('holds up no other one, and the rotation stays in `publishing`', () => {
    const world = withoutFile(END);
    expect(world.open?.state).toBe('publishing');
    expect(world.shelves.map(({ value }) => value)).toEqual(['value-of-key_2', 'first']);
    expect(stepsOf(world).slice(2, 4)).toEqual(['publish vault done', 'publish file failed']);
  });

  test('gets the key once it can be, and that completes the rotation', () => {
    const world = withoutFile(START + 10 * HOUR);
    world.advance('11h');
    expect([world.open?.state, world.alarms, world.count('rotation-completed')]).toEqual(['overlap', [], 1]);
  });

  test('is a warning at half of the overlap and critical at 80 %', () => {
    const world = withoutFile(END + DAY);
    world.advance(START + 1.5 * DAY - 1 - world.now);
    expect(world.alarms).toEqual(['store-unreachable file critical']);
    world.advance(1);
    expect(world.alarms).toContain('publish-failed file warning');
    world.advance(START + 2.4 * DAY - 1 - world.now);
    expect(world.alarms).toContain('publish-failed file warning');
    world.advance(1);
    expect(world.alarms).toContain('publish-failed file critical');
    expect(world.alerts.get('publish-failed file')?.deadline).toBe(END);
    expect(world.alerts.get('publish-failed file')).toMatchObject({
      title: expect.stringMatching(/file .* the new key; the old one ends in \d+h/),
      action: expect.stringMatching(/^Bring file back within reach \(`keywarden check` says/),
    });
  });

  test('is told even where the code that should have published it never ran', () => {
    const world = World.managing();
    world.drift = { check: 30 * DAY, onDrift: 'alert' };
    world.rotate();
    world.advance('1m');
    const lacking = world.memory.destinations.get('file');
    if (lacking === undefined) throw new TypeError('file is not known');
    world.memory.apply({
      type: 'destination.put',
      destination: { ...lacking, state: 'pending', versionId: null },
    });
    world.advance('2d');
    expect(world.alarms).toEqual(['publish-failed file warning']);
    world.advance('12h');
    expect(world.alarms).toEqual(['publish-failed file critical']);
  });

  test('at the overlap’s end calls a person, retires the old version and goes on trying', () => {
    const world = withoutFile(END + DAY);
    world.advance(END - world.now);
    expect([world.open?.state, world.versions]).toEqual(['attention', ['2 current', '1 retired']]);
    expect(world.alarms).toContain('rotation-attention critical');
    expect(world.alerts.get('rotation-attention ')?.evidence).toMatchObject({ destinations: ['file'] });
    expect(world.count('rotation-completed')).toBe(0);
  });

  test('that gets the key after that completes the rotation, which is told once, and nothing is left open', () => {
    const world = withoutFile(END + DAY);
    world.advance('5d');
    expect([world.history, world.alarms, world.count('rotation-completed')]).toEqual([['completed'], [], 1]);
    expect(world.shelf('file').value).toBe('value-of-key_2');
    expect(stepsOf(world)).toEqual([
      'mint done',
      'verify done',
      'publish vault done',
      'publish file done',
      'overlap done',
      'retire done',
    ]);
  });

  test('does not keep the next rotation from its time', () => {
    const world = withoutFile(END + DAY);
    world.advance('91d');
    expect(world.provider.calls.map(({ at }) => at)).toEqual([START, START + 90 * DAY]);
  });
});

test('a destination added during the overlap does not belong to it: the rotation ends on what it began with', () => {
  const world = World.managing({ required: ['vault'] });
  world.rotate();
  world.advance('1d');
  world.destinations = [
    ...world.destinations,
    { id: 'new', required: false, consumerLag: 0, lane: 'store:new' },
  ];
  world.advance('2d');
  expect([world.history, world.alarms]).toEqual([['completed'], []]);
});

describe('a key that somebody else rotates during the overlap', () => {
  function rotatedByOthers(): World {
    const world = World.managing();
    world.rotate();
    world.advance('1d');
    world.provider.rotate('value-of-key_2', 'somebody-else', world.now);
    world.memory.apply({
      type: 'version.put',
      version: { ...world.current, expiresAt: world.now + 3 * DAY },
    });
    world.wake();
    return world;
  }

  test('is replaced at once, overlap or not', () => {
    const world = rotatedByOthers();
    expect(world.history).toEqual(['superseded', 'verifying']);
    expect(world.provider.calls.map(({ at, trigger }) => [at, trigger])).toEqual([
      [START, 'manual'],
      [START + DAY, 'scheduled'],
    ]);
    expect(world.count('key-orphaned')).toBe(0);
    world.advance('1m');
    expect(world.shelf('vault').value).toBe('value-of-key_4');
  });

  test('leaves the older overlap its end', () => {
    const world = rotatedByOthers();
    world.advance(END - world.now);
    expect(world.versions.at(-1)).toBe('1 retired');
  });
});

test('nothing is due before it must be: an idle credential wakes for its rotation alone', () => {
  const world = World.managing();
  const before = world.actions.length;
  world.advance(90 * DAY - SECOND);
  expect(world.actions.length).toBe(before);
});

function stepsOf(world: World): string[] {
  return world.memory
    .stepsOf(world.last.id)
    .map(({ name, destination, state }) =>
      [name, destination, state].filter((part) => part !== '').join(' '),
    );
}

test('a destination whose readers cache is late by so much earlier', () => {
  const lagging = World.managing({ required: ['vault'], consumerLag: 24 * HOUR });
  lagging.shelf('vault').fault = (now) => (now > START ? failure('retryable') : null);
  lagging.rotate();
  lagging.advance('2m');
  lagging.advance(24 * HOUR + MINUTE);
  expect(lagging.told.findLast(({ kind }) => kind === 'publish-failed')?.severity).toBe('warning');
  lagging.advance(15 * HOUR);
  expect(lagging.told.findLast(({ kind }) => kind === 'publish-failed')?.severity).toBe('critical');
});
