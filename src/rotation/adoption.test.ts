import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { fold } from './fold.ts';
import { INSTALLATION } from './testing/outside.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';

/** A world in which `values` stand at the destinations and all of them work. */
function holding(
  values: Readonly<Record<string, readonly [string, number | null]>>,
  options?: WorldOptions,
): World {
  const world = new World({ required: Object.keys(values), ...options });
  for (const [id, [value, number]] of Object.entries(values)) {
    if (!world.provider.keys.has(value)) world.provider.issue(value, START - 10 * DAY);
    world.shelf(id).value = value;
    world.shelf(id).mark = number === null ? null : world.mark(number);
  }
  return world;
}

function valueOfCurrent(world: World): string | undefined {
  return world.memory.values.get(world.current.id)?.reveal();
}

/** A managed world where somebody has put another working key into the destination `file`. */
function withStrangeKey(): World {
  const world = World.managing();
  world.advance('5d');
  world.provider.issue('strange', world.now);
  world.shelf('file').value = 'strange';
  world.shelf('file').mark = null;
  return world;
}

describe('at first start', () => {
  test('the newest working key by its mark is adopted, with the version id and number of the mark', () => {
    const world = holding({ vault: ['older', 6], file: ['newest', 7], aws: ['oldest', 5] });
    world.wake();
    expect(valueOfCurrent(world)).toBe('newest');
    expect(world.current).toMatchObject({
      id: 'version-7',
      number: 7,
      keyId: 'key_marked_7',
      state: 'current',
      origin: 'adopted',
      createdAt: START - 10 * DAY,
    });
  });

  test('the adopted key is published to every destination that has another one', () => {
    const world = holding({ vault: ['older', 6], file: ['newest', 7] });
    world.wake();
    expect(world.shelves.map(({ value, mark }) => [value, mark?.number])).toEqual([
      ['newest', 7],
      ['newest', 7],
    ]);
    expect(world.provider.calls).toEqual([]);
  });

  test('a newer key that no longer works yields to an older one that does', () => {
    const world = holding({ vault: ['works', 3], file: ['dead', 4] });
    world.provider.keys.delete('dead');
    world.wake();
    // What is published over the dead one bears a greater number.
    expect([valueOfCurrent(world), world.current.number]).toEqual(['works', 5]);
  });

  test('the one unmarked value that works is adopted, wherever else it stands', () => {
    const world = holding({ vault: ['only', null], file: ['only', null] });
    world.wake();
    expect(valueOfCurrent(world)).toBe('only');
    expect(world.current).toMatchObject({ number: 1, keyId: 'key_1', origin: 'adopted', createdAt: START });
  });

  test('without any history, our mark is a better word than an unmarked value', () => {
    const world = holding({ vault: ['unmarked', null], file: ['marked', 3] });
    world.wake();
    expect(valueOfCurrent(world)).toBe('marked');
  });

  test('two unmarked values that work call a person, and nothing is decided, written or minted', () => {
    const world = holding({ vault: ['one', null], file: ['two', null] });
    world.wake();
    expect(world.memory.record).toMatchObject({ state: 'attention', lastError: { code: 'ambiguous_key' } });
    expect(world.alarms).toEqual(['rotation-attention adopt critical']);
    expect([world.versions, world.provider.calls]).toEqual([[], []]);
    expect(world.shelves.map(({ value }) => value)).toEqual(['one', 'two']);
  });

  test('the ambiguity ends by itself once only one value is left, and its alert with it', () => {
    const world = holding({ vault: ['one', null], file: ['two', null] });
    world.wake();
    world.shelf('file').value = 'one';
    world.advance('2m');
    expect(valueOfCurrent(world)).toBe('one');
    expect([world.memory.record.state, world.alarms]).toEqual(['managed', []]);
  });

  test('nothing is decided before every required destination was read', () => {
    const world = holding({ vault: ['newest', 7], file: ['older', 6] });
    world.shelf('vault').fault = (now) => (now < START + HOUR ? failure('retryable') : null);
    world.advance(0);
    world.wake();
    world.advance('59m');
    expect([world.versions, world.memory.record.state]).toEqual([[], 'new']);
    expect(world.alarms).toEqual(['store-unreachable adopt warning']);
    world.advance('2m');
    expect([valueOfCurrent(world), world.alarms]).toEqual(['newest', []]);
  });

  test.each(['vault', 'file'])('that holds whichever of them it is: %s', (id) => {
    const world = holding({ vault: ['older', 6], file: ['older', 6] });
    world.shelf(id).fault = () => failure('retryable');
    world.wake();
    expect([world.versions, world.memory.record.lastError?.code]).toEqual([[], 'test_retryable']);
  });

  test('a destination that has the adopted version already is known to have it, every other one lacks it', () => {
    const world = holding({ vault: ['older', 6], file: ['newest', 7], aws: ['newest', null] });
    const outcome = world.outside.perform({ do: 'adopt' }, world.memory, START);
    const { changes } = fold(world.situation(), { do: 'adopt' }, outcome, START, () => 'id');
    const known = changes.flatMap((change) =>
      change.type === 'destination.put' ? [change.destination] : [],
    );
    expect(known.map(({ id, state, versionId, publishedAt }) => [id, state, versionId, publishedAt])).toEqual(
      [
        ['vault', 'pending', null, null],
        ['file', 'published', 'version-7', START],
        ['aws', 'pending', null, null],
      ],
    );
  });

  test('nothing is decided before every value found was tested', () => {
    const world = holding({ vault: ['newest', 7], file: ['older', 6] });
    world.provider.tests = (value, now) =>
      value === 'newest' && now < START + HOUR ? failure('retryable') : null;
    world.wake();
    expect([world.versions, world.memory.record.state]).toEqual([[], 'new']);
    world.advance('61m');
    expect(valueOfCurrent(world)).toBe('newest');
  });

  test('an optional destination that cannot be read holds up nothing, and gets the key once it can be', () => {
    const world = holding({ vault: ['key', 2] }, { required: ['vault'], optional: ['backup'] });
    world.shelf('backup').fault = (now) => (now < START + HOUR ? failure('retryable') : null);
    world.wake();
    expect(valueOfCurrent(world)).toBe('key');
    world.advance('62m');
    expect(world.shelf('backup')).toMatchObject({ value: 'key', mark: { number: 2 } });
  });

  test.each([{ installation: 'footage/staging' }, { credential: 'frameflow-other' }])(
    'a working key marked for %o is neither adopted nor overwritten',
    (owner) => {
      const world = holding({ vault: ['theirs', 9], file: ['ours', 2] });
      world.shelf('vault').mark = world.mark(9, owner);
      world.wake();
      expect([valueOfCurrent(world), world.current.number]).toEqual(['ours', 2]);
      world.advance('1h');
      expect(world.shelf('vault').value).toBe('theirs');
      expect(world.alarms).toEqual(['publish-failed vault warning']);
    },
  );
});

describe('the configured secret', () => {
  test('is used where no destination holds a working key, and published at once', () => {
    const world = World.managing();
    expect(valueOfCurrent(world)).toBe('first');
    expect(world.current).toMatchObject({ number: 1, origin: 'configured', keyId: 'key_1' });
    expect(world.shelves.map(({ value }) => value)).toEqual(['first', 'first']);
    expect(world.shelf('vault').mark).toMatchObject({ installation: INSTALLATION, number: 1 });
  });

  test('is not used while a destination holds a working key', () => {
    const world = holding({ vault: ['found', null] });
    world.provider.issue('configured', START);
    world.outside.configured = 'configured';
    world.wake();
    expect(valueOfCurrent(world)).toBe('found');
  });

  test('that is refused leaves nothing: a person is told, and nothing is minted', () => {
    const world = new World();
    world.outside.configured = 'never issued';
    world.wake();
    expect(world.alarms).toEqual(['credential-rejected critical']);
    expect([world.memory.record.state, world.provider.calls]).toEqual(['attention', []]);
    world.provider.issue('never issued', START);
    world.advance('1m');
    expect([world.memory.record.state, world.alarms]).toEqual(['managed', []]);
  });

  test('that is missing is told as that', () => {
    const world = new World();
    world.wake();
    expect(world.memory.record.lastError?.code).toBe('no_key');
    expect(world.alarms).toEqual(['rotation-attention adopt critical']);
  });
});

describe('while the provider is down', () => {
  test('adoption waits, tries again with a backoff that doubles to a minute, and tells of it once it lasts', () => {
    const world = new World();
    const tried: number[] = [];
    world.outside.configured = 'first';
    world.provider.issue('first', START);
    world.provider.tests = (_value, now) => {
      tried.push((now - START) / 1_000);
      return now < START + HOUR ? failure('retryable') : null;
    };
    world.wake();
    world.advance('3m');
    expect(tried).toEqual([0, 1, 3, 7, 15, 31, 63, 123]);
    expect(world.alarms).toEqual(['rotation-failed adopt warning']);
    world.advance('1h');
    expect([world.current.number, world.alarms]).toEqual([1, []]);
  });

  test('its wish to be left alone is heeded', () => {
    const world = new World();
    world.outside.configured = 'first';
    world.provider.tests = () => failure('retryable', 'rate_limited', 90_000);
    world.wake();
    expect(world.dueAt).toBe(START + 90_000);
  });
});

describe('asked to look again', () => {
  test('a strange working value was put there since and wins over our mark', () => {
    const world = withStrangeKey();
    world.adoptAgain();
    expect(valueOfCurrent(world)).toBe('strange');
    expect(world.current).toMatchObject({ number: 2, origin: 'adopted', createdAt: START + 5 * DAY });
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(world.shelves.map(({ value }) => value)).toEqual(['strange', 'strange']);
  });

  test('a strange value that does not work changes nothing', () => {
    const world = withStrangeKey();
    world.provider.keys.delete('strange');
    world.adoptAgain();
    expect(world.versions).toEqual(['1 current']);
    expect(world.shelf('file').value).toBe('first');
  });

  test('the time at which the first key was issued is not taken for that of a later one', () => {
    const world = withStrangeKey();
    world.policy = { ...world.policy, issuedAt: START - 80 * DAY };
    world.adoptAgain();
    expect(world.current.createdAt).toBe(world.now);
    expect(world.history).toEqual([]);
  });

  test('of two known values without a mark the newer is the current one', () => {
    const world = World.managing();
    world.advance('90d');
    world.advance('1h');
    world.shelf('vault').value = 'first';
    for (const shelf of world.shelves) shelf.mark = null;
    world.advance('3d');
    world.provider.keys.set('first', { ...keyOf(world, 'first'), expiresAt: null });
    world.adoptAgain();
    expect(world.versions).toEqual(['2 current', '1 retired']);
    expect(world.shelf('vault').value).toBe('value-of-key_2');
  });

  test('a current key that the provider gave an end keeps it', () => {
    const world = World.managing();
    const expiresAt = world.now + 3 * DAY;
    world.memory.apply({ type: 'version.put', version: { ...world.current, expiresAt } });
    world.provider.mints = () => failure('retryable');
    world.adoptAgain();
    expect(world.current).toMatchObject({ number: 1, expiresAt });
    expect(world.history).toEqual(['minting']);
  });

  test('a number that is already given is not given again', () => {
    const world = World.managing();
    world.provider.issue('restored', world.now);
    world.shelf('file').value = 'restored';
    world.shelf('file').mark = world.mark(1);
    world.memory.apply({ type: 'version.put', version: { ...world.current, fingerprint: 'lost' } });
    world.provider.keys.delete('first');
    world.adoptAgain();
    expect(world.current).toMatchObject({ id: 'version-1', number: 2 });
  });
});

test('an open rotation is not held up by a wish to look again', () => {
  const world = World.managing();
  world.rotate();
  world.provider.tests = (value) => (value === 'first' ? failure('retryable') : null);
  world.adoptAgain();
  world.advance('1m');
  expect(world.open?.state).toBe('overlap');
});

test('a key handed over during a rotation waits for its end', () => {
  const world = World.managing();
  world.rotate();
  world.advance('1h');
  world.handOver('by hand');
  world.advance('70h');
  expect(world.versions).toEqual(['3 pending', '2 current', '1 retiring']);
  world.advance('1h');
  expect(world.versions).toEqual(['3 current', '2 retiring', '1 retired']);
});

test('a key handed over while nothing could be adopted ends the search and its alert', () => {
  const world = holding({ vault: ['one', null], file: ['two', null] });
  world.wake();
  world.handOver('by hand');
  expect([valueOfCurrent(world), world.memory.record.state, world.alarms]).toEqual([
    'by hand',
    'managed',
    [],
  ]);
});

test('a key that a person handed over takes the place of the current one and is published', () => {
  const world = World.managing();
  world.handOver('by hand');
  expect(world.versions).toEqual(['2 current', '1 retiring']);
  expect(world.shelves.map(({ value }) => value)).toEqual(['by hand', 'by hand']);
});

function keyOf(world: World, value: string) {
  const key = world.provider.keys.get(value);
  if (key === undefined) throw new TypeError(`there is no key ${value}`);
  return key;
}
