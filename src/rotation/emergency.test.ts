import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { parseWindow } from './window.ts';

const END = START + 3 * DAY;

test('an emergency begins at once where nothing is open, window and jitter aside', () => {
  const world = World.managing({
    policy: { window: parseWindow('Mon 09:00-10:00 UTC'), jitter: 6 * HOUR },
    spread: 0.5,
  });
  world.rotate({ emergency: true, reason: 'leaked', actor: 'ops' });
  expect(world.provider.calls).toMatchObject([{ at: START, trigger: 'emergency' }]);
});

test('its completion tells what the provider leaves to a person', () => {
  const world = World.managing();
  world.rotate({ emergency: true });
  world.advance('1m');
  expect(world.told.at(-1)).toMatchObject({ kind: 'rotation-completed', evidence: { trigger: 'emergency' } });
  expect(world.told.at(-1)?.action).toContain('Revoke key_1 in the provider');
});

describe('an emergency waits', () => {
  test('while a mint may have been processed', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + HOUR ? 'lost' : null);
    world.rotate();
    world.rotate({ emergency: true });
    world.advance('59m');
    expect(world.history).toEqual(['minting', 'minting']);
    expect(new Set(world.provider.calls.map(({ trigger }) => trigger))).toEqual(new Set(['manual']));
    world.advance('5m');
    expect(world.history).toEqual(['superseded', 'overlap']);
    expect(world.versions).toEqual(['3 current', '2 retiring', '1 retiring']);
  });

  test('while the new key is being verified, and takes over the moment it is believed', () => {
    const world = World.managing();
    world.rotate();
    world.rotate({ emergency: true });
    world.advance('29s');
    expect([world.open?.state, world.provider.calls.length]).toEqual(['verifying', 1]);
    world.advance('1s');
    expect(world.provider.calls.map(({ trigger, signerKeyId }) => [trigger, signerKeyId])).toEqual([
      ['manual', 'key_1'],
      ['emergency', 'key_2'],
    ]);
  });
});

describe('an emergency supersedes', () => {
  test('a rotation that has sent nothing yet, so that the store it waits for does not hold up the emergency', () => {
    const world = World.managing();
    world.shelf('vault').fault = () => failure('retryable');
    world.rotate();
    world.advance('1h');
    world.rotate({ emergency: true });
    expect(world.history).toEqual(['superseded', 'verifying']);
    expect(world.provider.calls.map(({ trigger }) => trigger)).toEqual(['emergency']);
  });

  test('a rotation whose sends were surely not processed', () => {
    const world = World.managing();
    world.provider.mints = ({ trigger }) => (trigger === 'manual' ? failure('retryable') : null);
    world.rotate();
    world.advance('5m');
    world.rotate({ emergency: true });
    expect([world.history, world.current.expiresAt]).toEqual([
      ['superseded', 'verifying'],
      world.now + 3 * DAY,
    ]);
  });

  test('an alert with the rotation that it was about', () => {
    const world = World.managing();
    world.provider.mints = ({ trigger }) => (trigger === 'manual' ? 'garbage' : 'lost');
    world.rotate();
    world.advance('5m');
    expect(world.alarms).toContain('rotation-attention critical');
    world.rotate({ emergency: true });
    expect([world.open?.state, world.alarms]).toEqual(['minting', []]);
  });

  test('a rotation that is publishing', () => {
    const world = World.managing();
    world.provider.mints = () => {
      world.shelf('file').fault = (now) => (now < END + DAY ? failure('retryable') : null);
      return null;
    };
    world.rotate();
    world.advance('1h');
    expect(world.open?.state).toBe('publishing');
    const [first] = [world.last.id];
    world.rotate({ emergency: true });
    world.advance('1m');
    expect(world.history).toEqual(['superseded', 'publishing']);
    expect(
      world.memory.stepsOf(first).map(({ name, destination, state }) => `${name} ${destination} ${state}`),
    ).toEqual([
      'mint  done',
      'verify  done',
      'publish vault done',
      'publish file skipped',
      'overlap  skipped',
      'retire  skipped',
    ]);
    expect(world.versions).toEqual(['3 current', '2 retiring', '1 retiring']);
  });

  test('one in its overlap, whose old version still retires on time', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    world.rotate({ emergency: true });
    world.advance(END - 1 - world.now);
    expect(world.versions).toEqual(['3 current', '2 retiring', '1 retiring']);
    world.advance(1);
    expect(world.versions).toEqual(['3 current', '2 retiring', '1 retired']);
    world.advance('1h');
    expect([world.history, world.versions]).toEqual([
      ['superseded', 'completed'],
      ['3 current', '2 retired', '1 retired'],
    ]);
  });

  test('one that needs attention for a destination', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => {
      if (count === 1) world.shelf('file').fault = (now) => (now < END + DAY ? failure('retryable') : null);
      return null;
    };
    world.rotate();
    world.advance('80h');
    expect(world.open?.state).toBe('attention');
    world.rotate({ emergency: true });
    expect(world.history).toEqual(['superseded', 'verifying']);
    expect(world.alarms).not.toContain('rotation-attention critical');
    world.advance('10d');
    expect([world.history, world.alarms]).toEqual([['superseded', 'completed'], []]);
    expect(world.shelf('file').value).toBe('value-of-key_3');
  });

  test('one whose key is not accepted: that version is unused, and a person can find it', () => {
    const world = World.managing();
    world.provider.tests = (value) => (value === 'value-of-key_2' ? failure('rejected') : null);
    world.rotate();
    world.advance('5m');
    expect(world.open?.state).toBe('attention');
    world.rotate({ emergency: true });
    world.advance('1m');
    expect(world.versions).toEqual(['3 current', '2 unused', '1 retiring']);
    expect(world.memory.audits.find(({ action }) => action === 'rotation.superseded')).toMatchObject({
      actor: 'ops',
      detail: { unusedKeyId: 'key_2', by: world.last.id },
    });
    expect(world.alarms).toEqual([]);
  });

  test('one whose answers cannot be used', () => {
    const world = World.managing();
    world.provider.mints = ({ trigger }) => (trigger === 'manual' ? 'garbage' : null);
    world.rotate();
    world.advance('5m');
    expect(world.open?.state).toBe('attention');
    world.rotate({ emergency: true });
    world.advance('1m');
    expect([world.history, world.versions]).toEqual([
      ['superseded', 'overlap'],
      ['3 current', '2 orphaned', '1 retiring'],
    ]);
    expect(world.alarms).toEqual([expect.stringMatching(/^key-orphaned .* critical$/)]);
  });
});

test('an emergency that the provider refuses is not given up: it pages, goes on trying, and gets its key', () => {
  const world = World.managing();
  world.provider.mints = ({ at }) => (at < START + 3 * HOUR ? failure('permanent') : null);
  world.rotate({ emergency: true });
  expect([world.history, world.alarms]).toEqual([['attention'], ['rotation-attention critical']]);
  world.advance('2h');
  expect(world.history).toEqual(['attention']);
  world.advance('2h');
  expect([world.history, world.last.trigger, world.alarms]).toEqual([['overlap'], 'emergency', []]);
});

test('an emergency goes before a search for keys that waits for a store', () => {
  const world = World.managing();
  world.shelf('vault').fault = () => failure('retryable');
  world.adoptAgain();
  world.advance('1m');
  world.rotate({ emergency: true });
  world.advance('2m');
  expect(world.last.trigger).toBe('emergency');
  expect(world.last.newVersionId).not.toBeNull();
});

test('where a mint was given up unanswered the old key is taken to have an end', () => {
  const world = World.managing({ policy: { window: parseWindow('Mon 09:00-10:00 UTC') } });
  world.provider.mints = ({ trigger }) => {
    if (trigger === 'manual') return 'garbage';
    return trigger === 'emergency' ? failure('permanent') : null;
  };
  world.rotate();
  world.advance('5m');
  world.rotate({ emergency: true });
  expect([world.history, world.current.expiresAt]).toEqual([['superseded', 'attention'], END]);
  expect(world.last.lastError?.verdict).toBe('permanent');
});
