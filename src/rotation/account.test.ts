import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { abandonLast, othersRotate } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { parseWindow } from './window.ts';

const CLOSED = parseWindow('Mon 09:00-10:00 UTC');

/** The ids of the keys that were told as lost, and as somebody else's. */
function reported(world: World): { lost: (string | null)[]; foreign: string[] } {
  const orphans = world.memory.snapshot().versions.filter(({ state }) => state === 'orphaned');
  const told = new Set(world.conditions('key-orphaned'));
  return {
    lost: orphans.filter(({ id }) => told.has(id)).map(({ keyId }) => keyId),
    foreign: world.conditions('foreign-mint'),
  };
}

/** A world whose provider has no memory of Idempotency-Keys and loses the first `lost` answers. */
function losing(lost: number): World {
  const world = World.managing();
  world.provider.remembers = 0;
  world.provider.mints = ({ count }) => (count <= lost ? 'lost' : null);
  world.rotate();
  return world;
}

describe('a rotation in the log that is ours', () => {
  test('is no news, whether it is seen before its answer is read or after', () => {
    const world = World.managing();
    world.crashes = (action) => action.do === 'take';
    world.rotate();
    world.readLog();
    expect(world.memory.snapshot().mints).toHaveLength(1);
    world.crashes = () => false;
    world.advance('1m');
    expect([world.memory.snapshot().mints, world.alarms]).toEqual([[], []]);
    world.readLog();
    expect(world.told.map(({ kind }) => kind)).toEqual(['rotation-completed']);
  });

  test('and whose answer was lost is judged only once another answer has come: it may still be repeated', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + MINUTE ? 'lost' : null);
    world.rotate();
    world.readLog();
    expect([world.memory.snapshot().mints.length, reported(world).lost]).toEqual([1, []]);
    world.advance('5m');
    expect([
      world.memory.snapshot().mints,
      world.told.filter(({ severity }) => severity === 'critical'),
    ]).toEqual([[], []]);
    expect(world.current.keyId).toBe('key_2');
  });

  test('whose answer was lost is known by its time first, and by its id once the log shows it', () => {
    const world = losing(1);
    world.advance('1m');
    expect(reported(world).lost).toEqual([null]);
    const [orphan] = world.conditions('key-orphaned');
    expect(world.alerts.get(`key-orphaned ${orphan}`)?.action).toContain('not key_3, which is in use');
    world.readLog();
    expect(reported(world)).toEqual({ lost: ['key_2'], foreign: [] });
    expect(world.alerts.get(`key-orphaned ${orphan}`)).toMatchObject({
      action: expect.stringContaining('Revoke key_2 in the provider'),
      evidence: { keyId: 'key_2', signedBy: 'key_1' },
    });
    expect(world.versions).toEqual(['3 current', '2 orphaned', '1 retiring']);
  });

  test.each(['before', 'after'])('two that were lost are two, when the log is read %s the answer', (when) => {
    const world = losing(2);
    if (when === 'before') world.advance('1s');
    if (when === 'before') {
      world.readLog();
      // Whatever comes of the answer: the old key has begun to end.
      expect(world.current.expiresAt).toBe(START + 3 * DAY);
    }
    world.advance('1m');
    world.readLog();
    expect(reported(world)).toEqual({ lost: expect.arrayContaining(['key_2', 'key_3']), foreign: [] });
    expect(world.conditions('key-orphaned')).toHaveLength(2);
    expect(world.current.keyId).toBe('key_4');
  });

  test('two that were lost are two, also where the log shows the later one first', () => {
    const world = losing(2);
    world.advance('1m');
    for (const entry of world.provider.log.slice(0, 2).reverse())
      world.observe({ ...entry, credential: 'frameflow-prod', ip: '192.0.2.1', userAgent: null });
    expect(reported(world)).toEqual({ lost: expect.arrayContaining(['key_2', 'key_3']), foreign: [] });
    expect(world.conditions('key-orphaned')).toHaveLength(2);
  });

  test('that was given up unanswered is told once the log shows it, and its signer is replaced', () => {
    const world = World.managing({ policy: { window: CLOSED } });
    world.provider.mints = ({ trigger }) => (trigger === 'manual' ? 'lost' : failure('retryable'));
    world.rotate();
    world.advance('10m');
    expect(abandonLast(world)).toBeNull();
    expect(world.current.expiresAt).toBe(START + 3 * DAY);
    world.readLog();
    world.advance('1m');
    expect(reported(world)).toEqual({ lost: ['key_2'], foreign: [] });
    world.provider.mints = () => null;
    world.advance('5m');
    // The answer that names the earlier mint by its time is not taken for a second loss.
    expect(world.conditions('key-orphaned')).toHaveLength(1);
    expect([world.history, world.current.keyId]).toEqual([['abandoned', 'overlap'], 'key_3']);
  });

  test('that was given up unanswered is told once, also where the next answer tells of it first', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
    world.crashes = (action) => action.do === 'mint';
    world.rotate();
    world.crashes = () => false;
    world.sleep('1m');
    abandonLast(world);
    world.advance('5m');
    expect(reported(world).lost).toEqual([null]);
    world.readLog();
    expect(reported(world)).toEqual({ lost: ['key_2'], foreign: [] });
    expect(world.conditions('key-orphaned')).toHaveLength(1);
  });

  test('from a request that was minted anew after 23 hours is told as lost', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + 23 * HOUR ? 'lost' : null);
    world.rotate();
    world.advance('22h');
    world.readLog();
    expect(reported(world).lost).toEqual([]);
    world.advance('2h');
    expect(reported(world)).toEqual({ lost: ['key_2'], foreign: [] });
    expect(world.conditions('key-orphaned')).toHaveLength(1);
  });
});

describe('a rotation in the log that is not ours', () => {
  test('is critical, with its key, signer, time and address', () => {
    const world = World.managing();
    world.advance('5d');
    othersRotate(world, 'first');
    world.readLog();
    expect(world.alerts.get('foreign-mint key_2')).toMatchObject({
      severity: 'critical',
      title: 'frameflow-prod: somebody else rotated key_1 and holds key_2',
      evidence: { keyId: 'key_2', signedBy: 'key_1', ips: ['192.0.2.1'], mintedAt: '2026-10-06T09:00:00Z' },
    });
    expect(world.audited('mint.foreign')).toBe(1);
  });

  test('of the current key makes its successor due at once, window and pause or not', () => {
    const world = World.managing({ policy: { window: CLOSED } });
    world.advance('5d');
    othersRotate(world, 'first');
    world.readLog();
    expect(world.current.expiresAt).toBe(world.now + 3 * DAY);
    expect(world.history).toEqual(['verifying']);
    world.advance('1m');
    expect([world.current.keyId, world.shelf('vault').value]).toEqual(['key_3', 'value-of-key_3']);
  });

  test('is told once: the answer of our own mint, which names it by its time, is no second page', () => {
    const world = World.managing();
    world.advance('5d');
    othersRotate(world, 'first');
    world.advance('10m');
    world.readLog();
    world.advance('5m');
    expect(reported(world)).toEqual({ lost: [], foreign: ['key_2'] });
    expect(world.versions).toEqual(['3 current', '2 orphaned', '1 retiring']);
  });

  test('is told once, also where the log’s time for it is a second off the provider’s answer', () => {
    const world = World.managing();
    world.advance('5d');
    othersRotate(world, 'first');
    world.advance('10m');
    const [entry] = world.provider.log;
    if (entry === undefined) throw new TypeError('the log is empty');
    world.observe({
      ...entry,
      at: entry.at + 1_000,
      credential: 'frameflow-prod',
      ip: '192.0.2.1',
      userAgent: null,
    });
    world.advance('5m');
    expect(reported(world)).toEqual({ lost: [], foreign: ['key_2'] });
  });

  test('and is seen only after our own mint has told of it is one orphan, by its id', () => {
    const world = World.managing();
    world.advance('5d');
    othersRotate(world, 'first');
    world.advance('1d');
    world.rotate();
    world.advance('1m');
    expect(reported(world).lost).toEqual([null]);
    world.readLog();
    expect(reported(world)).toEqual({ lost: ['key_2'], foreign: [] });
    expect(world.conditions('key-orphaned')).toHaveLength(1);
  });

  test('while our own mint is unanswered is told, and ours no longer once its answer has come', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + 10 * MINUTE ? 'lost' : null);
    world.rotate();
    world.advance('5m');
    othersRotate(world, 'first');
    world.readLog();
    // They cannot be told apart: a provider that forgets has made two keys for us.
    expect(reported(world)).toEqual({ lost: expect.arrayContaining(['key_2', 'key_3']), foreign: [] });
    world.advance('30m');
    expect([world.current.keyId, world.version('key_3').state]).toEqual(['key_2', 'orphaned']);
    expect(world.alarms).toEqual([`key-orphaned ${world.version('key_3').id} critical`]);
  });

  test('of the current key while its overlap runs replaces it, overlap or not', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1d');
    othersRotate(world, 'value-of-key_2');
    world.readLog();
    world.advance('1m');
    expect([world.history, world.current.keyId]).toEqual([['superseded', 'overlap'], 'key_4']);
    expect(reported(world)).toEqual({ lost: [], foreign: ['key_3'] });
  });

  test('of a key that is retiring ends nothing that had not an end', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1d');
    othersRotate(world, 'first');
    world.readLog();
    world.advance('1h');
    expect(reported(world)).toEqual({ lost: [], foreign: ['key_3'] });
    expect([world.history, world.current.keyId]).toEqual([['overlap'], 'key_2']);
  });

  test('shortly before a rotation of ours is told all the same', () => {
    const world = World.managing();
    othersRotate(world, 'first');
    world.advance('10m');
    world.rotate();
    world.readLog();
    world.advance('1m');
    const { lost, foreign } = reported(world);
    expect([...lost, ...foreign]).toEqual(['key_2']);
  });

  test('that was not seen while the provider refused our own is told when it is', () => {
    const world = World.managing();
    world.provider.mints = () => failure('permanent');
    world.rotate();
    othersRotate(world, 'first');
    world.advance('10m');
    world.readLog();
    expect(reported(world)).toEqual({ lost: [], foreign: ['key_2'] });
    expect(world.current.expiresAt).toBe(START + 3 * DAY);
  });
});
