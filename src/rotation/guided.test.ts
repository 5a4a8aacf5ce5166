import { describe, expect, test } from 'vitest';
import { DAY, HOUR } from '../model/index.ts';
import { retire, tellCompromise } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';

const DUE = START + 90 * DAY;

/** A world whose keys a person makes: due after 90 days, reminded of 14 and 3 days before. */
function guided(policy: WorldOptions['policy'] = {}): World {
  return World.managing({ policy: { mode: 'guided', ...policy } });
}

const DORMANT = { inactivity: 90 * DAY, every: 1_000 * DAY } as const;

function until(world: World, at: number): void {
  world.advance(at - world.now);
}

describe('a key that a person must make', () => {
  test('is never minted, whatever its age, and nobody can ask for that', () => {
    const world = guided();
    expect(world.rotate()).toMatchObject({ admitted: false, code: 'guided' });
    expect(world.rotate({ emergency: true })).toMatchObject({ admitted: false, code: 'guided' });
    world.advance('400d');
    expect([world.provider.calls, world.history]).toEqual([[], []]);
  });

  test('is reminded of at each of its times, each an alert of its own, one open at a time', () => {
    const world = guided();
    until(world, DUE - 14 * DAY - 1);
    expect(world.alarms).toEqual([]);
    world.advance(1);
    expect(world.alarms).toEqual(['rotation-due 14d warning']);
    until(world, DUE - 3 * DAY);
    expect(world.alarms).toEqual(['rotation-due 3d warning']);
    until(world, DUE);
    expect(world.alarms).toEqual(['rotation-due due warning']);
    world.advance('30d');
    expect(world.conditions('rotation-due')).toEqual(['14d', '3d', 'due']);
  });

  test('wakes the daemon for its reminders alone', () => {
    const world = guided({ remindBefore: [14 * DAY] });
    const before = world.actions.length;
    until(world, DUE - 1);
    expect(world.actions.length).toBe(before + 1);
  });

  test('says what to do, until when', () => {
    const world = guided();
    until(world, DUE - 3 * DAY);
    expect(world.alerts.get('rotation-due 3d')).toMatchObject({
      title: 'frameflow-prod: a new key is due in 3d',
      deadline: DUE,
      action: expect.stringContaining('keywarden import frameflow-prod < file-with-the-key'),
      evidence: { version: 1, keyId: 'key_1' },
    });
    world.advance('4d');
    expect(world.alerts.get('rotation-due due')?.title).toContain('is due since 2026-12-30');
  });

  test('ends its reminders once it is brought, and begins them anew for its own age', () => {
    const world = guided();
    until(world, DUE - 2 * DAY);
    world.handOver('second');
    expect([world.alarms, world.versions, world.shelf('file').value]).toEqual([
      [],
      ['2 current', '1 retiring'],
      'second',
    ]);
    world.advance('75d');
    expect(world.alarms).toEqual([]);
    world.advance('1d');
    expect(world.alarms).toEqual(['rotation-due 14d warning']);
  });

  test('missed while nobody ran the daemon is told once it runs, by its last reminder alone', () => {
    const world = guided();
    world.sleep('89d');
    world.wake();
    expect([world.alarms, world.conditions('rotation-due')]).toEqual([['rotation-due 3d warning'], ['3d']]);
  });
});

describe('the old key', () => {
  test('is retiring until a person says that it is revoked, however long that takes', () => {
    const world = guided();
    world.advance('10d');
    world.handOver('second');
    world.advance('60d');
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(retire(world, 'key_1')).toBeNull();
    expect([world.versions, world.audited('version.retired')]).toEqual([['2 current', '1 retired'], 1]);
  });

  test('that is retired twice is no error', () => {
    const world = guided();
    world.handOver('second');
    retire(world, 'key_1');
    expect(retire(world, 'key_1')).toBeNull();
    expect([world.versions, world.alarms]).toEqual([['2 current', '1 retired'], []]);
  });

  test('cannot be retired while it is the current one', () => {
    const world = guided();
    expect(retire(world, 'key_1')).toContain('bring its successor first: `keywarden import frameflow-prod');
    expect(world.versions).toEqual(['1 current']);
  });

  test('that is known to others is asked about until the provider refuses it', () => {
    const world = guided();
    world.advance('1d');
    world.handOver('second');
    expect(tellCompromise(world, 'key_1')).toBeNull();
    world.provider.revoke('first', world.now + 5 * HOUR);
    world.advance('6h');
    expect([world.versions, world.alarms]).toEqual([['2 current', '1 retired'], []]);
  });
});

describe('a key that is imported', () => {
  test('twice is imported once', () => {
    const world = guided();
    world.handOver('second');
    world.handOver('second');
    expect([world.versions, world.shelf('vault').mark?.number]).toEqual([['2 current', '1 retiring'], 2]);
  });

  test('again after another one is current again, under a number of its own, and the other is retiring', () => {
    const world = guided();
    world.advance('1d');
    world.handOver('second');
    world.advance('1d');
    world.handOver('first');
    expect([world.versions, world.shelf('vault').value, world.shelf('vault').mark?.number]).toEqual([
      ['3 current', '2 retiring'],
      'first',
      3,
    ]);
    expect(world.current.createdAt).toBe(START);
  });

  test('after it was said to be revoked, and works, is current again', () => {
    const world = guided();
    world.handOver('second');
    retire(world, 'key_1');
    world.handOver('first');
    expect([world.versions, world.shelf('file').value]).toEqual([['3 current', '2 retiring'], 'first']);
  });
});

describe('a key that lapses for want of use', () => {
  test('is used in time, at most once in the configured period', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    const uses: number[] = [];
    world.provider.tests = (_value, now) => {
      uses.push((now - START) / DAY);
      return null;
    };
    world.advance('200d');
    expect([uses, world.told]).toEqual([[60, 120, 180], []]);
  });

  test('is not used while applications use it', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    for (let day = 0; day < 200; day += 1) {
      world.advance('1d');
      world.usedAt = world.now;
    }
    expect(world.actions).not.toContain('keepAlive');
  });

  test('is tried again every hour where the provider cannot be reached, and told once that lasts', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    world.provider.tests = () => failure('retryable');
    world.advance('61d');
    expect(world.actions.filter((action) => action === 'keepAlive')).toHaveLength(25);
    expect(world.alarms).toEqual([]);
    until(world, START + 76 * DAY);
    expect(world.alarms).toEqual(['inactivity-expiry 14d warning']);
    expect(world.alerts.get('inactivity-expiry 14d')).toMatchObject({
      deadline: START + 90 * DAY,
      summary: expect.stringContaining('the keep-alive call does not get through'),
    });
    world.provider.tests = () => null;
    world.advance('1h');
    expect([world.alarms, world.conditions('inactivity-expiry')]).toEqual([[], ['14d']]);
    world.advance('59d');
    expect(world.alarms).toEqual([]);
  });

  test('is not reminded of before the keep-alive call has had its turn', () => {
    const world = guided({ ...DORMANT, keepAlive: 80 * DAY });
    world.provider.tests = () => failure('retryable');
    until(world, START + 86 * DAY);
    expect(world.alarms).toEqual([]);
    until(world, START + 87 * DAY);
    expect(world.conditions('inactivity-expiry')).toEqual(['3d']);
  });

  test('that is refused is looked after as refused, and nobody is asked to make the call work', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    world.provider.revoke('first', START + 50 * DAY);
    world.advance('60d');
    expect([world.record.state, world.alarms]).toEqual(['rejected', ['credential-rejected critical']]);
    const keptAlive = world.actions.filter((action) => action === 'keepAlive').length;
    world.advance('1d');
    expect(world.actions.filter((action) => action === 'keepAlive')).toHaveLength(keptAlive);
    world.handOver('second');
    expect([world.record.state, world.alarms]).toEqual(['managed', []]);
  });

  test('that is refused for a moment is used again, and all is well', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    let calls = 0;
    world.provider.tests = () => {
      calls += 1;
      return calls === 1 ? failure('rejected') : null;
    };
    world.advance('100d');
    expect([world.record.state, world.told, world.audited('key.accepted-again')]).toEqual(['managed', [], 1]);
  });

  test('is reminded of where keepAlive is off: the daemon must not pretend that it is in use', () => {
    const world = guided(DORMANT);
    until(world, START + 76 * DAY);
    expect(world.alarms).toEqual(['inactivity-expiry 14d warning']);
    expect(world.alerts.get('inactivity-expiry 14d')?.action).toContain('set `keepAlive: 60d`');
    until(world, START + 95 * DAY);
    expect(world.conditions('inactivity-expiry')).toEqual(['14d', '3d', 'due']);
    expect(world.actions).not.toContain('keepAlive');
  });

  test('ends its reminders once the log shows it in use', () => {
    const world = guided(DORMANT);
    until(world, START + 80 * DAY);
    expect(world.alarms).toEqual(['inactivity-expiry 14d warning']);
    world.usedAt = world.now;
    world.wake();
    expect(world.alarms).toEqual([]);
    world.advance('75d');
    expect(world.alarms).toEqual([]);
    world.advance('1d');
    expect(world.alarms).toEqual(['inactivity-expiry 14d warning']);
  });

  test('ends its reminders once a successor is brought', () => {
    const world = guided(DORMANT);
    until(world, START + 80 * DAY);
    world.handOver('second');
    expect(world.alarms).toEqual([]);
  });

  test('is never used by the daemon while a better key is being looked for', () => {
    const world = guided({ ...DORMANT, keepAlive: 60 * DAY });
    world.shelf('vault').fault = () => failure('retryable');
    world.advance('59d');
    world.adoptAgain();
    world.advance('2d');
    expect(world.actions).not.toContain('keepAlive');
  });
});
