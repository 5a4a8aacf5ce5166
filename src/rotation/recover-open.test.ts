import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { goBack, refuseCurrent } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

const NEW = 'value-of-key_2';

/** A world whose current key (version 2) a person handed over, while the first goes on working, and is revoked now. */
function refused(): World {
  const world = World.managing();
  world.advance('10d');
  world.handOver('second');
  world.advance('1h');
  world.provider.revoke('second', world.now);
  return world;
}

/** A world in an overlap whose new key is revoked now. */
function inOverlap(): World {
  const world = World.managing();
  world.rotate();
  world.advance('1d');
  world.provider.revoke(NEW, world.now);
  return world;
}

/** What every destination holds. */
function published(world: World): string | null {
  const values = new Set(world.shelves.map(({ value }) => value));
  expect(values.size).toBe(1);
  return [...values][0] ?? null;
}

describe('a key that is refused in the overlap that it began', () => {
  test('is replaced by a mint of the old key, which still works', () => {
    const world = inOverlap();
    refuseCurrent(world);
    world.advance('1m');
    expect([world.record.state, published(world), world.history]).toEqual([
      'managed',
      'value-of-key_3',
      ['superseded', 'overlap'],
    ]);
    expect(world.version('key_2').state).toBe('retired');
    expect(world.alarms).toEqual([]);
  });

  test('is replaced while destinations still lack it, too', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => {
      if (count === 1)
        world.shelf('file').fault = (now) => (now < START + HOUR ? failure('retryable') : null);
      return null;
    };
    world.rotate();
    world.advance('10m');
    expect(world.open?.state).toBe('publishing');
    world.provider.revoke(NEW, world.now);
    refuseCurrent(world);
    world.advance('2h');
    expect([world.record.state, published(world), world.alarms]).toEqual(['managed', 'value-of-key_3', []]);
  });

  test('is looked after again and again, where the old one cannot be asked about at first', () => {
    const world = inOverlap();
    const until = world.now + 12 * MINUTE;
    world.provider.tests = (value, now) => (value === 'first' && now < until ? failure('retryable') : null);
    refuseCurrent(world);
    expect(world.alarms).toEqual(['credential-rejected critical']);
    world.advance('20m');
    expect([world.record.state, published(world), world.alarms]).toEqual(['managed', 'value-of-key_3', []]);
  });

  test('while the old one is published again changes nothing but that the newer comes back', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1d');
    expect(goBack(world)).toBeNull();
    world.advance('1h');
    world.provider.revoke('first', world.now);
    refuseCurrent(world);
    expect([world.record.state, published(world), world.history]).toEqual(['managed', NEW, ['overlap']]);
  });
});

describe('a current key that is refused while its successor is on its way', () => {
  test('before the mint was sent: what was open is given the older key to sign with', () => {
    const world = refused();
    const closed = world.now + HOUR;
    for (const shelf of world.shelves) shelf.fault = (now) => (now < closed ? failure('retryable') : null);
    world.rotate({ emergency: true });
    world.advance('1m');
    expect(world.open?.preflightedAt).toBeNull();
    refuseCurrent(world);
    world.advance('2h');
    expect([world.record.state, published(world), world.history]).toEqual([
      'managed',
      'value-of-key_3',
      ['overlap'],
    ]);
  });

  test('after the mint was sent and not answered: a key of that mint is told of, and a successor comes', () => {
    const world = refused();
    world.provider.revoke('second', world.now + 100 * DAY);
    const at = world.now;
    world.provider.mints = (call) => (call.at < at + 10 * MINUTE ? 'lost' : null);
    world.rotate({ emergency: true });
    world.advance('5m');
    world.provider.revoke('second', world.now);
    refuseCurrent(world);
    world.advance('1h');
    world.readLog();
    expect([world.record.state, published(world)]).toEqual(['managed', 'value-of-key_4']);
    expect([world.version('key_3').state, world.count('foreign-mint')]).toEqual(['orphaned', 0]);
  });

  test('after its answer came: that one is taken, and nothing else is minted', () => {
    const world = refused();
    world.provider.revoke('second', world.now + 100 * DAY);
    world.crashes = (action) => action.do === 'take';
    world.rotate({ emergency: true });
    world.provider.revoke('second', world.now);
    refuseCurrent(world);
    world.crashes = () => false;
    world.advance('2m');
    expect([world.record.state, published(world), world.provider.calls.length]).toEqual([
      'managed',
      'value-of-key_3',
      1,
    ]);
    expect(world.count('credential-rejected')).toBe(0);
  });

  test('while the new key settles: that one is brought, and nobody is called', () => {
    const world = refused();
    world.provider.revoke('second', world.now + 100 * DAY);
    world.rotate({ emergency: true });
    world.advance('10s');
    world.provider.revoke('second', world.now);
    refuseCurrent(world);
    world.advance('1m');
    expect([world.record.state, published(world), world.count('credential-rejected')]).toEqual([
      'managed',
      'value-of-key_3',
      0,
    ]);
  });

  test('and that successor is never accepted: a further mint cannot be signed, so what still works is looked for', () => {
    const world = refused();
    world.provider.revoke('second', world.now + 100 * DAY);
    const bad = new Set(['value-of-key_3']);
    world.provider.tests = (value) => (bad.has(value) ? failure('rejected') : null);
    world.rotate({ emergency: true });
    world.advance('1m');
    world.provider.revoke('second', world.now);
    refuseCurrent(world);
    world.advance('2h');
    expect([world.record.state, published(world)]).toEqual(['managed', 'value-of-key_4']);
    expect(world.version('key_3').state).toBe('unused');
  });
});
