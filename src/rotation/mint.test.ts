import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { failure, type MintFault } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

/** A managed world whose mints go as `script` says, asked to rotate now. */
function rotating(script: (count: number, at: number) => MintFault): World {
  const world = World.managing();
  world.provider.mints = ({ count, at }) => script(count, at);
  world.rotate();
  return world;
}

const keysSent = (world: World) => world.provider.calls.map(({ idempotencyKey }) => idempotencyKey);
const intents = (world: World) => world.memory.audits.filter(({ action }) => action === 'mint.intended');

describe('the intent', () => {
  test('is in the state before the mint is sent', () => {
    const world = World.managing();
    world.provider.mints = ({ idempotencyKey }) => {
      expect(world.open?.intent).toMatchObject({
        idempotencyKey,
        signerVersionId: world.current.id,
        committedAt: START,
        sends: 1,
      });
      expect(world.memory.stepsOf(world.last.id)[0]).toMatchObject({ name: 'mint', state: 'running' });
      return null;
    };
    world.rotate();
    expect(world.provider.calls).toHaveLength(1);
  });

  test('survives a crash right after the send: the same request is repeated and gets the same key', () => {
    const world = World.managing();
    world.crashes = (action) => action.do === 'mint' && world.provider.calls.length === 1;
    world.rotate();
    world.advance('1m');
    const [first] = keysSent(world);
    expect(keysSent(world)).toEqual([first, first]);
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(world.provider.keys.size).toBe(2);
    expect(world.told.map(({ kind }) => kind)).toEqual(['rotation-completed']);
  });

  test('bears a new Idempotency-Key for every rotation', () => {
    const world = World.managing();
    world.rotate();
    world.advance('4d');
    world.rotate();
    expect(new Set(keysSent(world)).size).toBe(2);
  });
});

describe('an answer', () => {
  test('lies in the journal before it is read, and leaves it only with the version', () => {
    const world = World.managing();
    world.crashes = (action) => action.do === 'take';
    world.rotate();
    expect(world.memory.journal.get(world.last.id)?.reveal()).toContain('"value":"value-of-key_2"');
    expect([world.open?.answeredAt, world.versions]).toEqual([START, ['1 current']]);
    world.crashes = () => false;
    world.advance('1m');
    expect([world.memory.journal.size, world.versions]).toEqual([0, ['2 current', '1 retiring']]);
    expect(world.provider.calls).toHaveLength(1);
  });
});

describe('an unknown outcome', () => {
  test('is repeated under the same Idempotency-Key until it is known', () => {
    const world = rotating((count) => (count < 4 ? 'lost' : null));
    world.advance('1m');
    expect(new Set(keysSent(world)).size).toBe(1);
    expect(world.provider.calls.map(({ at }) => (at - START) / SECOND)).toEqual([0, 1, 3, 7]);
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(world.count('key-orphaned')).toBe(0);
  });

  test('is told from the third time on, until the rotation has arrived', () => {
    const world = rotating((count) => (count < 6 ? 'lost' : null));
    world.advance('2s');
    expect(world.alarms).toEqual([]);
    world.advance('1s');
    expect(world.alarms).toEqual(['rotation-failed warning']);
    world.advance('2m');
    expect([world.open?.state, world.alarms]).toEqual(['overlap', []]);
  });

  test('is repeated quickly at first, then ever more seldom: a provider that forgets mints at each', () => {
    const world = rotating(() => 'lost');
    world.advance('1d');
    const times = world.provider.calls.map(({ at }) => at);
    const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b).slice(0, gaps.length));
    expect([gaps[0], gaps.at(-1)]).toEqual([SECOND, HOUR]);
    expect(times.length).toBeLessThan(40);
  });

  test('followed by a plain no is not `failed`, since a key may exist', () => {
    const world = rotating((count) => (count === 1 ? 'lost' : failure('permanent')));
    world.advance('2h');
    expect(world.open).toMatchObject({ state: 'minting', intent: { sends: 1 } });
    expect(world.provider.calls.length).toBeGreaterThan(8);
    world.provider.mints = () => null;
    world.advance('1h');
    expect(world.versions).toEqual(['2 current', '1 retiring']);
    expect(world.provider.keys.size).toBe(2);
  });

  test('older than 23 hours is not repeated but minted anew under a new key, and said so', () => {
    const world = rotating((_count, at) => (at < START + 24 * HOUR ? 'lost' : null));
    world.advance('26h');
    const [old, anew, ...further] = new Set(keysSent(world));
    expect(further).toEqual([]);
    for (const { at, idempotencyKey } of world.provider.calls)
      expect(idempotencyKey).toBe(at < START + 23 * HOUR ? old : anew);
    const said = intents(world).filter(({ detail }) => detail.anew === true);
    expect(said.map(({ detail }) => detail.repeat)).toEqual([false]);
    expect(said[0]?.at).toBeLessThan(START + 24 * HOUR + MINUTE);
    expect(world.versions).toEqual(['3 current', '2 orphaned', '1 retiring']);
  });

  test('that old may have begun the end of the old key, also where the new mint fails', () => {
    const world = rotating((_count, at) => (at < START + 23 * HOUR ? 'lost' : failure('permanent')));
    world.advance('24h');
    expect([world.history, world.current.expiresAt]).toEqual([['failed'], START + 3 * DAY]);
  });

  test('is preflighted again before it is minted anew', () => {
    const world = rotating((_count, at) => (at < START + 23 * HOUR ? 'lost' : null));
    world.advance('22h');
    world.shelf('vault').fault = () => failure('retryable');
    world.advance('2h');
    expect(world.provider.calls.filter(({ at }) => at >= START + 23 * HOUR)).toEqual([]);
  });
});

describe('a send that was surely not processed', () => {
  test('does not count: its intent is used again', () => {
    const world = rotating((count) => (count === 1 ? failure('retryable') : null));
    expect(world.open?.intent).toMatchObject({ sends: 0 });
    world.advance('1m');
    expect(new Set(keysSent(world)).size).toBe(1);
    expect(intents(world).map(({ detail }) => detail.repeat)).toEqual([false, false]);
    expect(world.open?.state).toBe('overlap');
  });

  test('is no reason to fear for a key: it is not told as an unknown outcome', () => {
    const world = rotating(() => failure('retryable'));
    world.advance('30m');
    expect(world.told).toEqual([]);
  });

  test('is counted in its step, which began with the first one', () => {
    const world = World.managing();
    world.rotate();
    world.advance('4d');
    world.provider.mints = ({ count }) => (count < 4 ? failure('retryable', 'busy') : null);
    world.rotate();
    const began = world.now;
    const step = () => world.memory.stepsOf(world.last.id)[0];
    expect(step()).toMatchObject({ state: 'failed', attempts: 1, endedAt: null, error: { code: 'busy' } });
    world.advance('1m');
    expect(step()).toMatchObject({
      state: 'done',
      attempts: 3,
      startedAt: began,
      endedAt: began + 3 * SECOND,
      error: null,
    });
  });

  test('is tried again with a backoff that doubles to a minute, as long as the outage lasts', () => {
    const world = rotating(() => failure('retryable'));
    world.advance('6m');
    expect(world.provider.calls.map(({ at }) => (at - START) / SECOND)).toEqual([
      0, 1, 3, 7, 15, 31, 63, 123, 183, 243, 303,
    ]);
  });

  test('is heeded where the provider asks for patience', () => {
    const world = rotating((count) =>
      count === 1 ? failure('retryable', 'rate_limited', 5 * MINUTE) : null,
    );
    world.advance('299s');
    expect(world.provider.calls).toHaveLength(1);
    world.advance('1s');
    expect(world.provider.calls).toHaveLength(2);
  });

  test('is given up for now after an hour, and tried anew an hour later', () => {
    const world = rotating((_count, at) => (at < START + 90 * MINUTE ? failure('retryable') : null));
    world.advance('62m');
    expect(world.history).toEqual(['failed']);
    expect(world.alarms).toEqual(['rotation-failed warning']);
    world.advance('64m');
    expect(world.history).toEqual(['failed', 'overlap']);
    expect(world.alarms).toEqual([]);
  });

  test('the hour counts from the first send, not from the wait for a store before it', () => {
    const world = World.managing();
    world.shelf('vault').fault = (now) => (now < START + 2 * HOUR ? failure('retryable') : null);
    world.provider.mints = ({ count }) => (count < 3 ? failure('retryable') : null);
    world.rotate();
    world.advance('3h');
    expect([world.history, world.provider.calls.length]).toEqual([['overlap'], 3]);
  });

  test('an emergency is never given up for an outage', () => {
    const world = World.managing();
    world.provider.mints = ({ at }) => (at < START + 5 * HOUR ? failure('retryable') : null);
    world.rotate({ emergency: true });
    world.advance('6h');
    expect(world.history).toEqual(['overlap']);
  });
});

describe('a plain no', () => {
  test('is `failed`: nothing was minted, the old key stays, a person is told', () => {
    const world = rotating(() => failure('permanent', 'account_suspended'));
    expect(world.last).toMatchObject({
      state: 'failed',
      endedAt: START,
      lastError: { code: 'account_suspended' },
    });
    expect([world.versions, world.open]).toEqual([['1 current'], null]);
    expect(world.memory.record).toMatchObject({ attempts: 1, retryAt: START + HOUR });
    expect(world.alarms).toEqual(['rotation-failed warning']);
    expect(world.alerts.get('rotation-failed ')?.summary).toContain('2026-10-01T10:00:00Z');
  });

  test('to the key itself is told as that, and ends once a mint succeeds', () => {
    const world = World.managing();
    const refusedFor = (now: number) => (now < START + HOUR ? failure('rejected') : null);
    world.provider.mints = ({ at }) => refusedFor(at);
    world.provider.tests = (_, now) => refusedFor(now);
    world.rotate();
    expect([world.last.state, world.alarms]).toEqual(['failed', ['credential-rejected critical']]);
    world.advance('4h');
    expect([world.history, world.alarms]).toEqual([['failed', 'overlap'], []]);
  });

  test('to a key that has an end rests no longer than a twentieth of what is left', () => {
    const world = World.managing();
    world.memory.apply({ type: 'version.put', version: { ...world.current, expiresAt: START + 10 * HOUR } });
    world.provider.mints = () => failure('permanent');
    world.wake();
    expect(world.last.state).toBe('failed');
    world.advance('9h');
    expect(world.provider.calls.length).toBeGreaterThan(20);
    expect(world.told.at(-1)).toMatchObject({ kind: 'rotation-failed', severity: 'critical' });
  });

  test('after an answer was lost is told for what it is, while the request goes on being repeated', () => {
    const world = World.managing();
    world.provider.mints = ({ count }) => (count === 1 ? failure('unknown') : failure('rejected'));
    world.provider.tests = () => failure('rejected');
    world.rotate();
    world.advance('1m');
    expect(world.history).toEqual(['minting']);
    expect(world.alarms).toContain('credential-rejected critical');
  });
});

describe('an answer without a usable key', () => {
  test('is asked for again under the same key, and the whole answer taken', () => {
    const world = rotating((count) => (count < 3 ? 'garbage' : null));
    world.advance('1m');
    expect(new Set(keysSent(world)).size).toBe(1);
    expect([world.versions, world.alarms]).toEqual([['2 current', '1 retiring'], []]);
  });

  test('calls a person after the third, publishes nothing and goes on asking', () => {
    const world = rotating(() => 'garbage');
    world.advance('2s');
    expect([world.open?.state, world.alarms]).toEqual(['minting', []]);
    world.advance('1s');
    expect([world.open?.state, world.alarms]).toEqual(['attention', ['rotation-attention critical']]);
    world.advance('1h');
    expect(world.shelves.map(({ value }) => value)).toEqual(['first', 'first']);
    expect(world.provider.calls.length).toBeGreaterThan(3);
    expect(world.memory.journal.get(world.last.id)?.reveal()).toBe('<html>');
  });

  test('is forgotten once a usable one comes', () => {
    const world = rotating((_count, at) => (at < START + HOUR ? 'garbage' : null));
    world.advance('1h');
    while (world.open?.state === 'attention') world.advance('1s');
    expect([world.open?.state, world.alarms]).toEqual(['verifying', []]);
    world.advance('1m');
    expect([world.open?.state, world.provider.keys.size]).toEqual(['overlap', 2]);
  });
});

test('a lost mint does not shorten the old key unseen: the overlap ends by the provider’s word', () => {
  const world = World.managing();
  world.provider.remembers = 0;
  world.provider.mints = ({ count }) => (count === 1 ? 'lost' : null);
  world.rotate();
  expect(world.open?.state).toBe('minting');
  world.advance('1m');
  expect(world.open?.overlapEndsAt).toBe(START + 3 * DAY);
});
