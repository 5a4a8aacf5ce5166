import { describe, expect, test } from 'vitest';
import { type Change, type Failure, HOUR, MINUTE, SECOND } from '../../model/index.ts';
import { StateError } from '../../state/contract.ts';
import { Engine } from '../engine.ts';
import { CLIENT, makeWorld, type World } from './testing/world.ts';

const LOST: Failure = { code: 'timeout', verdict: 'unknown', message: 'no answer came' };
const isAnswer = (changes: readonly Change[]) =>
  changes.some((change) => change.type === 'grant.answer' && change.answer !== null);
/** What became of an attempt that was open. */
const isLost = (changes: readonly Change[]) =>
  changes.some((change) => change.type === 'grant.put' && change.grant.lastError?.code === 'timeout');

/** A refresh ahead, which nobody waits for, is on its way; its answer comes with `release`. */
async function onItsWay(world: World) {
  await world.settle('user-1');
  await world.use('user-1');
  const { promise, resolve } = Promise.withResolvers<void>();
  world.server.inject({ answerAfter: promise });
  world.clock.move(54 * MINUTE);
  await world.arrived(2);
  return () => resolve();
}

describe('an answer', () => {
  test('that comes after its claim ran out is stored, for whoever holds the grant now', async () => {
    const world = await makeWorld({ claimFor: 90 * SECOND });
    const release = await onItsWay(world);
    const other = new Engine(world.context);
    world.clock.move(91 * SECOND);
    await other.start(() => ({ stop() {} }));
    // It finds the attempt open, has a live token, and waits.
    await expect.poll(() => world.dueAt()).toBeGreaterThan(world.clock.time);
    release();
    await expect.poll(async () => (await world.grant('user-1')).generation).toBe(2);
    await world.advance(20 * MINUTE);
    await other.stop();
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-2']);
    expect((await world.grant('user-1')).state).toBe('active');
  });

  test('that the state does not take at once is kept, also where another configuration has taken over', async () => {
    const world = await makeWorld();
    const release = await onItsWay(world);
    const { ended } = await world.engine.handOver(AbortSignal.abort());
    world.refuse(2, isAnswer);
    release();
    for (let tries = 1; tries <= 2; tries += 1) {
      await expect.poll(() => world.clock.next).not.toBeNull();
      world.clock.move(MINUTE);
    }
    await ended;
    expect((await world.grant('user-1')).generation).toBe(2);
  });

  test('that comes after its claim ran out and the user consented anew is nobody’s', async () => {
    const world = await makeWorld({ claimFor: 90 * SECOND });
    const release = await onItsWay(world);
    const held = await world.state.grant(CLIENT, 'user-1');
    if (held === null) throw new Error('no grant');
    const grant = { ...held.grant, generation: 5, attempt: null };
    let offered = 0;
    world.refuse(1, (changes) => {
      if (isAnswer(changes)) offered += 1;
      return false;
    });
    await world.state.commit([
      { type: 'grant.put', grant },
      { type: 'work.free', kind: 'grant', id: world.idOf('user-1'), until: await claimedUntil(world), at: 0 },
    ]);
    release();
    await world.rest();
    expect((await world.state.grant(CLIENT, 'user-1'))?.answer).toBeNull();
    expect((await world.grant('user-1')).generation).toBe(5);
    expect(offered).toBe(1);
  });

  test('is offered to the state however often others have written the grant meanwhile', async () => {
    const world = await makeWorld();
    const release = await onItsWay(world);
    world.refuse(25, isAnswer, new StateError('stale', 'somebody else wrote it'));
    release();
    await expect.poll(async () => (await world.grant('user-1')).generation).toBe(2);
  });

  test('bears the time at which it was sent, where only the server has told what time it is', async () => {
    const world = await makeWorld({ started: false });
    world.clock.skew = 2 * HOUR;
    await world.start();
    const commits: (readonly Change[])[] = [];
    world.refuse(1, (changes) => {
      if (isAnswer(changes)) commits.push(changes);
      return false;
    });
    const sentAt = world.clock.time;
    await world.settle('user-1');
    const put = commits[0]?.find((change) => change.type === 'grant.put');
    expect(put?.grant.attempt?.sentAt).toBe(sentAt);
  });
});

async function claimedUntil(world: World): Promise<number> {
  const [claim] = await world.state.claimedBeyond(0);
  return claim?.until ?? 0;
}

describe('within the server’s grace', () => {
  test('the token is sent again although the loss could not be stored at once', async () => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND });
    world.refuse(2, isLost);
    world.server.inject(LOST);
    await world.moveIn('user-1');
    await world.rest();
    expect(world.server.presented).toEqual(['refresh-1']);
    for (let second = 0; second < 5; second += 1) await world.advance(SECOND);
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-1']);
    expect((await world.grant('user-1')).state).toBe('active');
  });

  test('it is sent again after a restart although a breaker was open', async () => {
    const world = await makeWorld({ refreshGrace: 30 * SECOND });
    await world.settle('user-1');
    await world.engine.stop();
    const { grant } = (await world.state.grant(CLIENT, 'user-1')) ?? {};
    const { record } = await world.state.client(CLIENT);
    if (grant === undefined || record === null) throw new Error('nothing is stored');
    const now = world.clock.time;
    const attempt = { generation: 1, fingerprint: 'a', sentAt: now - SECOND, sent: 1, scope: null };
    const pause = { why: 'unavailable', count: 5, until: now + MINUTE } as const;
    await world.state.commit([
      { type: 'grant.put', grant: { ...grant, attempt }, due: { at: now - SECOND, lane: 'hot' } },
      { type: 'client.put', record: { ...record, failures: 3, pause } },
    ]);
    const next = new Engine(world.context);
    await next.start(() => ({ stop() {} }));
    await world.arrived(2);
    await next.stop();
    expect(world.server.presented).toEqual(['refresh-1', 'refresh-2']);
  });
});

test('a second request of a turn comes in line where the rate has no room for it', async () => {
  const world = await makeWorld({ refreshGrace: 30 * SECOND, requestsPerMinute: 6 });
  // A rate of six has room for one at a time.
  world.server.inject(LOST);
  await world.moveIn('user-1');
  await world.rest();
  expect(world.server.presented).toHaveLength(1);
  for (let second = 0; second < 12; second += 1) await world.advance(SECOND);
  expect(world.server.presented).toEqual(['refresh-1', 'refresh-1']);
});

test('nothing is sent under a claim that ends before its answer could come', async () => {
  const world = await makeWorld({ refreshGrace: 5 * MINUTE, claimFor: 90 * SECOND });
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  world.server.inject({ answerAfter: first.promise, failure: LOST }, { answerAfter: second.promise });
  await world.moveIn('user-1');
  await world.arrived(1);
  world.clock.move(60 * SECOND);
  first.resolve();
  await world.arrived(2);
  expect(await claimedUntil(world)).toBe(world.clock.now() + 90 * SECOND);
  second.resolve();
  await world.rest();
});

test('claims that are shorter than a request takes are refused', async () => {
  await expect(makeWorld({ claimFor: MINUTE })).rejects.toThrow('90 s');
});
