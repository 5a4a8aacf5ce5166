import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { abandonLast, refuseCurrent } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { World, type WorldOptions } from './testing/world.ts';

const NEW = 'value-of-key_2';

/** A world whose current key (version 2) a person handed over, while the first goes on working, and is revoked now. */
function refused(options: WorldOptions = {}): World {
  const world = World.managing(options);
  world.advance('10d');
  world.handOver('second');
  world.advance('1h');
  world.provider.revoke('second', world.now);
  return world;
}

/** A world without an older key that works, whose only key is revoked now. */
function lonely(): World {
  const world = World.managing();
  world.advance('10d');
  world.provider.revoke('first', world.now);
  return world;
}

/** What every destination holds. */
function published(world: World): string | null {
  const values = new Set(world.shelves.map(({ value }) => value));
  expect(values.size).toBe(1);
  return [...values][0] ?? null;
}

describe('a refused current key', () => {
  test('that is accepted after all is no matter: nobody is told', () => {
    const world = World.managing();
    world.advance('10d');
    refuseCurrent(world);
    expect([world.record.state, world.told]).toEqual(['managed', []]);
    expect(world.audited('key.accepted-again')).toBe(1);
  });

  test('is looked into before anybody is told: a mint that is refused with it tells of no failed rotation', () => {
    const world = refused();
    world.rotate({ emergency: true });
    expect(world.actions).toContain('recover');
    expect(world.alarms).toEqual(['credential-rejected critical']);
  });

  test('is replaced by a newer key that somebody has put into a store', () => {
    const world = lonely();
    world.provider.issue('by hand', world.now);
    world.shelf('file').value = 'by hand';
    world.shelf('file').mark = null;
    refuseCurrent(world);
    expect([world.record.state, world.versions, published(world)]).toEqual([
      'managed',
      ['2 current', '1 retired'],
      'by hand',
    ]);
    expect([world.provider.calls, world.alarms]).toEqual([[], []]);
  });

  test('is replaced by the newest of several by their marks', () => {
    const world = lonely();
    for (const [id, value, number] of [
      ['vault', 'newer', 7],
      ['file', 'newest', 8],
    ] as const) {
      world.provider.issue(value, world.now);
      world.shelf(id).value = value;
      world.shelf(id).mark = world.mark(number);
    }
    refuseCurrent(world);
    expect([published(world), world.current.number]).toEqual(['newest', 8]);
  });

  test('is not replaced by what does not work, nor by what another installation owns', () => {
    const world = lonely();
    world.shelf('vault').value = 'garbage';
    world.shelf('vault').mark = world.mark(9);
    world.provider.issue('theirs', world.now);
    world.shelf('file').value = 'theirs';
    world.shelf('file').mark = world.mark(9, { installation: 'footage/staging' });
    refuseCurrent(world);
    expect([world.record.state, world.current.keyId, world.alarms]).toEqual([
      'rejected',
      'key_1',
      ['credential-rejected critical'],
    ]);
  });

  test('is looked after again and again while the stores are down, and adopted from the first that is back', () => {
    const world = lonely();
    const back = world.now + 2 * HOUR;
    world.provider.issue('by hand', world.now);
    world.shelf('file').value = 'by hand';
    world.shelf('file').mark = null;
    for (const shelf of world.shelves)
      shelf.fault = (now) => (now < back ? failure('retryable', 'store_down') : null);
    refuseCurrent(world);
    world.advance('119m');
    expect([world.record.state, world.alarms]).toEqual(['rejected', ['credential-rejected critical']]);
    world.advance('10m');
    expect([world.record.state, published(world), world.alarms]).toEqual(['managed', 'by hand', []]);
  });

  test('that comes back to life by itself ends the alarm', () => {
    const world = lonely();
    const until = world.now + HOUR;
    world.provider.tests = (_value, now) => (now < until ? failure('rejected') : null);
    world.provider.revoke('first', until + 100 * DAY);
    refuseCurrent(world);
    expect(world.alarms).toEqual(['credential-rejected critical']);
    world.advance('66m');
    expect([world.record.state, world.alarms]).toEqual(['managed', []]);
    expect(world.provider.calls).toEqual([]);
  });

  test('is nobody’s alarm while the provider cannot be asked', () => {
    const world = World.managing();
    world.advance('10d');
    world.provider.tests = () => failure('retryable');
    refuseCurrent(world);
    world.advance('1h');
    expect([world.record.state, world.told]).toEqual(['rejected', []]);
    world.provider.tests = () => null;
    world.advance('5m');
    expect([world.record.state, world.told]).toEqual(['managed', []]);
  });

  test('is looked into every five minutes, and no more often', () => {
    const world = lonely();
    refuseCurrent(world);
    const before = world.actions.length;
    world.advance('1h');
    const looks = world.actions.slice(before).filter((action) => action === 'recover');
    expect(looks).toHaveLength(12);
  });

  test('ends with a key that a person hands over', () => {
    const world = lonely();
    refuseCurrent(world);
    world.advance('7m');
    world.handOver('by hand');
    expect([world.record.state, published(world), world.versions, world.alarms]).toEqual([
      'managed',
      'by hand',
      ['2 current', '1 retired'],
      [],
    ]);
  });

  test('of a guided credential is never minted a successor', () => {
    const world = refused({ policy: { mode: 'guided' } });
    refuseCurrent(world);
    world.advance('1d');
    expect([world.provider.calls, world.record.state, world.alarms]).toEqual([
      [],
      'rejected',
      ['credential-rejected critical'],
    ]);
  });
});

describe('where a key that we hold unused works by now', () => {
  test('that one is used, and nothing is minted', () => {
    const world = World.managing();
    world.provider.propagation = HOUR;
    world.rotate();
    world.advance('10m');
    world.provider.mints = () => failure('permanent');
    expect(abandonLast(world)).toBeNull();
    world.advance('2h');
    expect(world.alarms).toEqual(['rotation-failed critical']);
    world.provider.revoke('first', world.now);
    const calls = world.provider.calls.length;
    refuseCurrent(world);
    expect([world.record.state, published(world)]).toEqual(['managed', NEW]);
    expect(world.version('key_1').state).toBe('retired');
    expect(world.alarms).toEqual([]);
    world.advance('2h');
    expect(world.provider.calls.length).toBe(calls);
  });
});

describe('where an older key still works', () => {
  test('it mints a successor, once, and the refused version is over', () => {
    const world = refused();
    refuseCurrent(world);
    expect(world.last).toMatchObject({ trigger: 'emergency', actor: 'daemon', state: 'verifying' });
    expect(world.alarms).toEqual(['credential-rejected critical']);
    expect(world.alerts.get('credential-rejected ')?.summary).toContain('being minted by key_1');
    world.advance('1m');
    expect([world.record.state, world.versions, published(world), world.alarms]).toEqual([
      'managed',
      ['3 current', '2 retired', '1 retiring'],
      'value-of-key_3',
      [],
    ]);
    expect(world.provider.calls).toMatchObject([{ signerKeyId: 'key_1' }]);
    expect(world.record.recoveryId).toBeNull();
  });

  test('and its mint is refused as well, it goes on trying by itself, and no other rotation begins', () => {
    const world = refused();
    const until = world.now + 3 * HOUR;
    world.provider.mints = ({ at }) => (at < until ? failure('rejected') : null);
    refuseCurrent(world);
    world.advance('2h');
    expect([world.history, world.record.state]).toEqual([['attention'], 'rejected']);
    expect(world.alarms.toSorted()).toEqual(['credential-rejected critical', 'rotation-attention critical']);
    world.advance('2h');
    expect([world.history, world.record.state, world.alarms]).toEqual([['overlap'], 'managed', []]);
  });

  test('a recovery that was abandoned is not begun again: a person is at it', () => {
    const world = refused();
    world.provider.mints = () => failure('rejected');
    refuseCurrent(world);
    world.advance('1h');
    expect(abandonLast(world)).toBeNull();
    world.provider.mints = () => null;
    world.advance('6h');
    expect([world.history, world.record.state]).toEqual([['abandoned'], 'rejected']);
    expect(world.alarms).toContain('credential-rejected critical');
  });

  test('a second refusal, of the recovery’s own key, gets a recovery of its own', () => {
    const world = refused();
    refuseCurrent(world);
    world.advance('1d');
    world.provider.revoke('value-of-key_3', world.now);
    refuseCurrent(world);
    world.advance('1m');
    expect([world.record.state, published(world)]).toEqual(['managed', 'value-of-key_4']);
  });

  test('the process may die at any of its steps', () => {
    for (const dies of ['recover', 'preflight', 'mint', 'take', 'verify', 'settle'] as const) {
      const world = refused();
      let left = 1;
      world.crashes = (action) => action.do === dies && left-- > 0;
      refuseCurrent(world);
      world.advance('3m');
      expect([dies, world.record.state, published(world)]).toEqual([dies, 'managed', 'value-of-key_3']);
      expect(world.history).toEqual(['overlap']);
    }
  });

  test('and is known to others itself, it mints all the same: there is no other', () => {
    const world = refused();
    world.memory.apply({
      type: 'version.put',
      version: { ...world.version('key_1'), state: 'compromised', compromisedAt: world.now },
    });
    refuseCurrent(world);
    world.advance('1m');
    expect([world.record.state, published(world)]).toEqual(['managed', 'value-of-key_3']);
  });
});

test('a key that was refused by mistake and is replaced all the same is retired in the end', () => {
  const world = refused();
  world.provider.revoke('second', world.now + 100 * DAY);
  let wrongly = true;
  world.provider.tests = (value) => (wrongly && value === 'second' ? failure('rejected') : null);
  refuseCurrent(world);
  expect(world.open?.state).toBe('verifying');
  wrongly = false;
  world.command(() => ({
    changes: [{ type: 'credential.put', record: { ...world.record, state: 'managed', recoveryId: null } }],
    signals: [],
  }));
  world.advance('1m');
  expect(world.versions).toEqual(['3 current', '2 retiring', '1 retiring']);
  world.advance('3d');
  expect(world.versions).toEqual(['3 current', '2 retired', '1 retired']);
});
