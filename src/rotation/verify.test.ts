import { describe, expect, test } from 'vitest';
import { HOUR, MINUTE, SECOND } from '../model/index.ts';
import type { RotationPolicy } from './policy.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';

/** The seconds after the mint at which the new key was tested. */
function verifying(
  settle: Partial<RotationPolicy['settle']>,
  answers: (second: number) => 'accepted' | 'rejected' | 'retryable',
  options: { readonly for: string },
): { world: World; tested: number[] } {
  const base = { minimum: 30 * SECOND, budget: 2 * MINUTE, successes: 2 };
  const world = World.managing({ policy: { settle: { ...base, ...settle } } });
  const tested: number[] = [];
  world.provider.tests = (value, now) => {
    if (value === 'first') return null;
    const second = (now - START) / SECOND;
    tested.push(second);
    const answer = answers(second);
    return answer === 'accepted' ? null : failure(answer);
  };
  world.rotate();
  world.advance(options.for);
  return { world, tested };
}

const published = (world: World) =>
  world.shelf('vault').value === 'first' ? null : world.shelf('vault').mark;

test('a key is believed once it was accepted so many times in succession', () => {
  const { world, tested } = verifying({ minimum: 0, successes: 3 }, () => 'accepted', { for: '3s' });
  expect([tested, world.current.number]).toEqual([[0, 2], 1]);
  world.advance('1s');
  expect([tested, world.current.number]).toEqual([[0, 2, 4], 2]);
});

test('a refusal starts the count anew', () => {
  const { world, tested } = verifying(
    { minimum: 0, successes: 3 },
    (second) => (second === 4 ? 'rejected' : 'accepted'),
    { for: '9s' },
  );
  expect([tested, world.current.number]).toEqual([[0, 2, 4, 6, 8], 1]);
  world.advance('1s');
  expect(world.current.number).toBe(2);
});

test('a provider that could not be asked does not', () => {
  const { world, tested } = verifying(
    { minimum: 0, successes: 2 },
    (second) => (second === 2 ? 'retryable' : 'accepted'),
    { for: '4s' },
  );
  expect([tested, world.current.number]).toEqual([[0, 2, 4], 2]);
});

test('a key is not published before its minimum, even if it was accepted earlier', () => {
  const { world, tested } = verifying({}, () => 'accepted', { for: '29s' });
  expect([tested, world.current.number, published(world)]).toEqual([[0, 2], 1, null]);
  world.advance('1s');
  expect([tested, world.current.number, published(world)?.number]).toEqual([[0, 2, 30], 2, 2]);
});

test('the last acceptance must come after the minimum: one that is refused then is not believed', () => {
  const { world } = verifying({}, (second) => (second === 30 ? 'rejected' : 'accepted'), { for: '33s' });
  expect(world.current.number).toBe(1);
  world.advance('1s');
  expect(world.current.number).toBe(2);
});

test('the minimum counts from the answer, not from a request that was sent long before it', () => {
  const world = World.managing();
  world.provider.mints = ({ at }) => (at < START + HOUR ? 'lost' : null);
  world.rotate();
  world.advance('1h');
  while (world.open?.state === 'minting') world.advance('1s');
  const answeredAt = world.open?.answeredAt ?? 0;
  expect(answeredAt).toBeGreaterThanOrEqual(START + HOUR);
  world.advance(answeredAt + 30 * SECOND - 1 - world.now);
  expect(world.current.number).toBe(1);
  world.advance(1);
  expect(world.current.number).toBe(2);
});

test('a fresh key that needs half a minute to be known everywhere is no matter', () => {
  const world = World.managing();
  world.provider.propagation = 25 * SECOND;
  world.rotate();
  world.advance('40s');
  expect([world.open?.state, world.told.map(({ kind }) => kind)]).toEqual([
    'overlap',
    ['rotation-completed'],
  ]);
});

describe('once the budget is spent', () => {
  const stuck = () => verifying({}, (second) => (second < 3_600 ? 'rejected' : 'accepted'), { for: '3m' });

  test('a person is called; nothing was published and the old key stays', () => {
    const { world } = stuck();
    expect(world.open?.state).toBe('attention');
    expect(world.alarms).toEqual(['rotation-attention critical']);
    expect(world.told[0]).toMatchObject({
      deadline: world.open?.overlapEndsAt,
      evidence: { keyId: 'key_2', verdict: 'rejected' },
    });
    expect([published(world), world.current.number]).toEqual([null, 1]);
  });

  test('not a moment earlier', () => {
    const { world } = verifying({}, () => 'rejected', { for: '120s' });
    expect([world.open?.state, world.alarms]).toEqual(['verifying', []]);
    world.advance('2s');
    expect([world.open?.state, world.alarms]).toEqual(['attention', ['rotation-attention critical']]);
  });

  test('it goes on being tried, every minute', () => {
    const { world, tested } = stuck();
    world.advance('3m');
    expect(tested.filter((second) => second > 120)).toEqual([122, 182, 242, 302]);
  });

  test('a later acceptance resolves it, and the rotation goes its way', () => {
    const { world } = verifying({}, (second) => (second < 600 ? 'rejected' : 'accepted'), { for: '12m' });
    expect([world.open?.state, world.alarms, published(world)?.number]).toEqual(['overlap', [], 2]);
  });

  test('its alert ends with the acceptance, though a destination is still to be served', () => {
    const { world } = stuck();
    world.shelf('file').fault = () => failure('retryable');
    world.advance('56m');
    expect(world.alarms).toEqual(['rotation-attention critical']);
    while (world.open?.state === 'attention') world.advance('1s');
    expect([world.open?.state, world.alarms]).toEqual(['publishing', []]);
  });

  test('a key that is accepted only after the old one has ended is still published', () => {
    const { world } = verifying({}, (second) => (second < 80 * 3_600 ? 'rejected' : 'accepted'), {
      for: '81h',
    });
    expect([world.history, world.current.number, world.alarms]).toEqual([
      ['completed'],
      world.versions.length,
      [],
    ]);
  });
});

test('a provider that is down is asked again with a backoff of its own', () => {
  const { tested } = verifying({ budget: HOUR }, () => 'retryable', { for: '3m' });
  expect(tested).toEqual([0, 2, 4, 8, 16, 32, 64, 124]);
});

test('while it is down near the overlap’s end it is asked more often than every minute', () => {
  const { world, tested } = verifying({ budget: HOUR }, () => 'retryable', { for: '3m' });
  const [rotation] = [world.last];
  world.memory.apply({
    type: 'rotation.put',
    rotation: { ...rotation, overlapEndsAt: START + 10 * MINUTE, attempts: 20 },
  });
  world.advance('2m');
  // At 184 s there are 416 s left, of which a twentieth is 20.8.
  expect(tested.filter((second) => second > 124).slice(0, 2)).toEqual([184, 204.8]);
});
