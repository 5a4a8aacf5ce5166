import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { abandonLast, pause, retire, tellCompromise } from './testing/people.ts';
import { failure } from './testing/provider.ts';
import { START, World, type WorldOptions } from './testing/world.ts';
import { parseWindow } from './window.ts';

const OLD = 'first';

/** A world that was told a minute ago that its current key is known to others. */
function compromised(options: WorldOptions = {}): World {
  const world = World.managing(options);
  expect(tellCompromise(world)).toBeNull();
  world.advance('1m');
  return world;
}

/** The stages of the reminder, shortest first. */
function reminders(world: World): string[] {
  return world.conditions('key-compromised').map((condition) => condition.split(' ').slice(1).join(' '));
}

describe('a current key that is known to others', () => {
  test('is replaced at once, window, pause and jitter aside', () => {
    const world = World.managing({
      policy: { window: parseWindow('Mon 09:00-10:00 UTC'), jitter: HOUR },
      spread: 0.5,
    });
    pause(world);
    tellCompromise(world);
    world.advance('1m');
    expect(world.last).toMatchObject({ trigger: 'emergency', actor: 'ops', reason: 'found in a log' });
    expect([world.versions, world.shelf('vault').value]).toEqual([
      ['2 current', '1 compromised'],
      'value-of-key_2',
    ]);
    expect(world.audited('version.compromised')).toBe(1);
  });

  test('keeps its mark until its end, which its successor does not inherit', () => {
    const world = compromised();
    expect(world.version('key_1')).toMatchObject({ state: 'compromised', compromisedAt: START });
    expect(world.current.compromisedAt).toBeNull();
    world.advance('3d');
    expect([world.history, world.versions]).toEqual([['completed'], ['2 current', '1 retired']]);
  });

  test('is told critical, with what a person must do, and until when it works', () => {
    const world = compromised();
    const alert = [...world.alerts.values()].find(({ kind }) => kind === 'key-compromised');
    expect(alert).toMatchObject({
      severity: 'critical',
      deadline: START + 3 * DAY,
      evidence: { keyId: 'key_1' },
    });
    expect(alert?.action).toContain("Revoke key_1 in the provider's console");
  });

  test('is reminded of at each of its times once, one open alert at a time, until it has ended', () => {
    const world = compromised();
    for (let hour = 0; hour < 100; hour += 1) {
      world.advance('1h');
      const open = world.alarms.filter((alarm) => alarm.startsWith('key-compromised'));
      expect(open.length).toBe(hour < 71 ? 1 : 0);
    }
    expect(reminders(world)).toEqual(['0s', '4h', '12h', '1d', '2d']);
    expect(world.alarms).toEqual([]);
  });

  test('is reminded of until the provider refuses it: somebody has revoked it', () => {
    const world = compromised();
    world.advance('5h');
    world.provider.revoke(OLD, world.now);
    world.advance('1h');
    expect([world.version('key_1').state, world.alarms]).toEqual(['retired', []]);
    world.advance('3d');
    expect([world.history, reminders(world)]).toEqual([['completed'], ['0s', '4h']]);
  });

  test('is reminded of until a person says that it is revoked', () => {
    const world = compromised();
    expect(retire(world, 'key_1')).toBeNull();
    expect([world.version('key_1').state, world.alarms]).toEqual(['retired', []]);
  });

  test('is asked about once an hour, also where the provider cannot say', () => {
    const world = compromised();
    world.provider.tests = (value) => (value === OLD ? failure('retryable') : null);
    const before = world.actions.length;
    world.advance('10h');
    expect(world.actions.slice(before).filter((action) => action === 'probe')).toHaveLength(10);
    expect(world.version('key_1').state).toBe('compromised');
  });

  test('and told twice is the same one, since when it was first', () => {
    const world = compromised();
    world.advance('1h');
    expect(tellCompromise(world, 'key_1')).toBeNull();
    expect(world.version('key_1').compromisedAt).toBe(START);
    expect(world.history).toEqual(['overlap']);
  });

  test('waits for no store that is down, as long as one can be written', () => {
    const world = World.managing();
    world.shelf('vault').fault = (now) => (now > START ? failure('retryable') : null);
    world.advance('1h');
    tellCompromise(world);
    world.advance('1m');
    expect(world.shelf('file').value).toBe('value-of-key_2');
  });

  test('whose successor the provider refuses to make stays told, and goes on being replaced', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + 5 * HOUR ? failure('permanent') : null);
    tellCompromise(world);
    world.advance('1h');
    expect(world.alarms.map((alarm) => alarm.split(' ')[0]).toSorted()).toEqual([
      'key-compromised',
      'rotation-attention',
    ]);
    world.advance('6h');
    expect([world.history, world.versions]).toEqual([['overlap'], ['2 current', '1 compromised']]);
  });

  test('and of which a mint is lost is replaced again', () => {
    const world = World.managing();
    world.provider.remembers = 0;
    world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
    tellCompromise(world);
    world.advance('5m');
    expect(world.versions).toEqual(['3 current', '2 orphaned', '1 compromised']);
  });

  test('that nobody can make a successor of but a person stays current, and says so', () => {
    const world = World.managing({ policy: { mode: 'guided' } });
    tellCompromise(world);
    world.advance('1h');
    expect([world.history, world.versions]).toEqual([[], ['1 current']]);
    expect(world.alarms).toEqual([expect.stringContaining('key-compromised')]);
    world.handOver('by hand');
    expect(world.versions).toEqual(['2 current', '1 compromised']);
    world.advance('1h');
    expect(world.alarms).toEqual([expect.stringContaining('key-compromised')]);
    expect([...world.alerts.values()][0]?.action).toContain('keywarden retire frameflow-prod 1');
    world.provider.revoke(OLD, world.now);
    world.advance('1h');
    expect([world.versions, world.alarms]).toEqual([['2 current', '1 retired'], []]);
  });

  test('and is replaced by a key that a person hands over is reminded of until the provider refuses it', () => {
    const world = World.managing();
    world.provider.mints = () => failure('retryable');
    tellCompromise(world);
    world.advance('1h');
    world.handOver('by hand');
    world.advance('8d');
    expect(world.version('key_1').state).toBe('compromised');
    expect(world.alarms).toEqual([expect.stringMatching(/^key-compromised .* 8d critical$/)]);
    world.provider.revoke(OLD, world.now);
    world.advance('1h');
    expect([world.version('key_1').state, world.alarms]).toEqual(['retired', []]);
  });

  test('that is refused before its successor is there is looked after as refused', () => {
    const world = World.managing();
    world.provider.mints = () => failure('retryable');
    tellCompromise(world);
    world.advance('10m');
    world.provider.revoke(OLD, world.now);
    world.advance('2h');
    expect(world.record.state).toBe('rejected');
    world.advance('5h');
    expect(world.alarms).toContain('credential-rejected critical');
    // It exposes nobody any longer.
    expect(world.alarms.filter((alarm) => alarm.startsWith('key-compromised'))).toEqual([]);
    world.handOver('by hand');
    expect([world.record.state, world.shelf('vault').value, world.alarms]).toEqual([
      'managed',
      'by hand',
      [],
    ]);
  });
});

describe('a compromise of the current key while a rotation is open', () => {
  test.each([
    ['waits for a store', 'preflight', ['superseded', 'overlap'], 1],
    ['has sent its mint', 'sent', ['overlap'], 1],
    ['has its answer in the journal', 'answered', ['overlap'], 1],
    ['verifies the new key', 'verifying', ['overlap'], 1],
    ['publishes it', 'publishing', ['superseded', 'overlap'], 2],
    ['is in its overlap', 'overlap', ['superseded', 'overlap'], 2],
    ['waits for a key that is not accepted', 'not accepted', ['superseded', 'overlap'], 2],
  ] as const)('that %s ends in a key nobody knows', (_what, where, history, mints) => {
    const world = rotatingInto(where);
    const leaked = world.current;
    expect(tellCompromise(world)).toBeNull();
    heal(world);
    world.advance('30m');
    expect(world.history).toEqual(history);
    expect(world.provider.keys.size - 1).toBe(mints);
    expect(world.memory.versions.get(leaked.id)?.state).toBe('compromised');
    expect([world.current.compromisedAt, world.shelf('vault').value, world.shelf('file').value]).toEqual([
      null,
      `value-of-${world.current.keyId}`,
      `value-of-${world.current.keyId}`,
    ]);
    world.advance('10d');
    expect([world.versions.filter((version) => version.endsWith('compromised')), world.alarms]).toEqual([
      [],
      [],
    ]);
  });

  test('and whose rotation is abandoned after that is replaced all the same', () => {
    const world = rotatingInto('sent');
    tellCompromise(world);
    expect(abandonLast(world)).toBeNull();
    heal(world);
    world.advance('30m');
    expect(world.current.compromisedAt).toBeNull();
    expect(world.shelf('vault').value).toBe(`value-of-${world.current.keyId}`);
  });
});

describe('a compromise of a key that is no longer current', () => {
  test('marks it, reminds of it, and mints nothing', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    expect(tellCompromise(world, 'key_1')).toBeNull();
    world.advance('1h');
    expect([world.history, world.versions]).toEqual([['overlap'], ['2 current', '1 compromised']]);
    expect(world.alarms).toEqual([expect.stringContaining('key-compromised')]);
    world.advance('3d');
    expect([world.history, world.versions, world.alarms]).toEqual([
      ['completed'],
      ['2 current', '1 retired'],
      [],
    ]);
  });

  test('is refused for one that has ended, and for one that was never used', () => {
    const world = World.managing();
    world.rotate();
    world.advance('4d');
    expect(tellCompromise(world, 'key_1')).toContain('it has ended');
    world.provider.propagation = DAY;
    world.rotate();
    expect(tellCompromise(world, 'key_3')).toContain("delete key_3 in the provider's console");
  });

  test('does not let it come back where the current one is refused, unless there is no other', () => {
    const world = World.managing();
    world.rotate();
    world.advance('1h');
    tellCompromise(world, 'key_1');
    world.advance(MINUTE);
    expect(world.current.keyId).toBe('key_2');
  });
});

type Where = 'preflight' | 'sent' | 'answered' | 'verifying' | 'publishing' | 'overlap' | 'not accepted';

/** A world whose manual rotation has come just so far. */
function rotatingInto(where: Where): World {
  const world = World.managing();
  const { provider } = world;
  const down = (now: number) => (now > START ? failure('retryable') : null);
  if (where === 'preflight') world.shelf('vault').fault = () => failure('retryable');
  if (where === 'sent') provider.mints = () => 'lost';
  if (where === 'answered') world.crashes = (action) => action.do === 'take';
  if (where === 'not accepted')
    provider.tests = (value) => (value === 'value-of-key_2' ? failure('rejected') : null);
  world.rotate();
  if (where === 'publishing') world.shelf('file').fault = down;
  const waits: Partial<Record<Where, string>> = { answered: '0s', verifying: '10s', sent: '5s' };
  world.advance(waits[where] ?? '5m');
  return world;
}

function heal(world: World): void {
  world.provider.mints = () => null;
  world.crashes = () => false;
  for (const shelf of world.shelves) shelf.fault = () => null;
}
