import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Claim, Log, Work } from '../model/index.ts';
import { HOUR, MINUTE, Secret } from '../model/index.ts';
import { type State, StateError } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { Loop, WHILE_IT_LIVES } from './loop.ts';
import { HandClock } from './testing/hand-clock.ts';

const quiet: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => quiet };

let clock: HandClock;
let state: State;
let loop: Loop;

beforeEach(async () => {
  clock = new HandClock(1_000_000);
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: clock.now, owner: 'test' });
});

afterEach(async () => {
  await loop.stop(1_000);
  await state.close();
});

const due = (id: string, lane: string, dueAt = 0) => {
  const work: Work = { kind: 'credential', id, lane, dueAt };
  return { type: 'work.put' as const, work };
};

/** A handler whose turns the test ends by hand. */
function byHand() {
  const open = new Map<string, () => void>();
  const seen: string[] = [];
  const waiting: Array<() => void> = [];
  return {
    seen,
    end: (id: string) => open.get(id)?.(),
    /** Resolves once `count` turns have begun. */
    begun: async (count: number) => {
      while (seen.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    handle: async (claim: Claim) => {
      seen.push(claim.id);
      for (const wake of waiting.splice(0)) wake();
      await new Promise<void>((resolve) => open.set(claim.id, resolve));
      await state.commit([], { hold: { claim, next: null } });
    },
  };
}

describe('the loop', () => {
  test('before it stops goes on in the lanes that are drained, until nothing of them is due, and in no other', async () => {
    const hand = byHand();
    const lanes = ['channel', 'other'].map((name) => ({ name, capacity: 1 }));
    loop = new Loop({ state, clock, log: quiet, claimFor: HOUR }, lanes, hand.handle);
    await state.commit([due('a', 'channel'), due('b', 'channel'), due('x', 'other'), due('y', 'other')]);
    await state.commit([due('later', 'channel', clock.now() + 1)]);
    loop.wake();
    await hand.begun(2);
    const drained = loop.drain(['channel'], 10_000);
    hand.end('x');
    hand.end('a');
    await hand.begun(3);
    hand.end('b');
    await drained;
    await loop.stop(1_000);
    expect(hand.seen.toSorted()).toEqual(['a', 'b', 'x']);
  });

  test('goes on with the drain where a turn ends while it reads what is due', async () => {
    const hand = byHand();
    /** Ends the turn of `a` once the loop, with its lane full, has read what is due. */
    let ends: (() => Promise<void>) | null = null;
    const nextDue: State['nextDue'] = async (lanes) => {
      const found = await state.nextDue(lanes);
      const now = ends;
      ends = null;
      await now?.();
      return found;
    };
    const lanes = [{ name: 'channel', capacity: 1 }];
    loop = new Loop({ state: { ...state, nextDue }, clock, log: quiet, claimFor: HOUR }, lanes, hand.handle);
    await state.commit([due('a', 'channel'), due('b', 'channel', 1), due('c', 'channel', 2)]);
    loop.wake();
    await hand.begun(1);
    await expect.poll(() => loop.turning).toBe(false);
    ends = async () => {
      hand.end('a');
      await expect.poll(() => loop.active).toBe(1);
    };
    const stopped = loop.drain(['channel'], 10_000).then(() => loop.stop(1_000));
    await hand.begun(2);
    hand.end('b');
    await Promise.race([stopped, hand.begun(3)]);
    hand.end('c');
    await stopped;
    expect(hand.seen).toEqual(['a', 'b', 'c']);
  });

  test('does not let a stuck record hold up another lane, nor its own lane up to its capacity', async () => {
    const hand = byHand();
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [
        { name: 'slow', capacity: 2 },
        { name: 'quick', capacity: 1 },
      ],
      hand.handle,
    );
    await state.commit([due('a', 'slow'), due('b', 'slow'), due('c', 'slow'), due('d', 'quick')]);
    loop.wake();
    await hand.begun(3);
    expect(hand.seen.toSorted()).toEqual(['a', 'b', 'd']);
    hand.end('a');
    await hand.begun(4);
    expect(hand.seen.at(-1)).toBe('c');
    for (const id of ['b', 'c', 'd']) hand.end(id);
  });

  test('sleeps until the next due time and wakes for it', async () => {
    const hand = byHand();
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [{ name: 'lane', capacity: 1 }],
      hand.handle,
    );
    await state.commit([due('later', 'lane', clock.now() + 5_000)]);
    loop.wake();
    await expect.poll(() => clock.next).toBe(5_000);
    expect(hand.seen).toEqual([]);
    clock.move(5_000);
    await hand.begun(1);
    hand.end('later');
  });

  test('brings a record back a minute after its turn failed for a reason nobody planned for', async () => {
    let turns = 0;
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [{ name: 'lane', capacity: 1 }],
      async (claim) => {
        turns += 1;
        if (turns === 1) throw new Error('a defect');
        await state.commit([], { hold: { claim, next: null } });
      },
    );
    await state.commit([due('broken', 'lane')]);
    loop.wake();
    await expect.poll(() => clock.next).toBe(60_000);
    expect(turns).toBe(1);
    clock.move(60_000);
    await expect.poll(() => turns).toBe(2);
  });

  test('leaves room for timers and sockets while a record is due again at once, over and over', async () => {
    const many = 2_000;
    let turns = 0;
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [{ name: 'lane', capacity: 1 }],
      async (claim) => {
        turns += 1;
        await state.commit([], { hold: { claim, next: turns < many ? 0 : null } });
      },
    );
    await state.commit([due('restless', 'lane')]);
    loop.wake();
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    expect(turns).toBeLessThan(many);
  });

  test('claims nothing more once it is stopped, and says whether all has ended', async () => {
    const hand = byHand();
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [{ name: 'lane', capacity: 1 }],
      hand.handle,
    );
    await state.commit([due('first', 'lane'), due('second', 'lane')]);
    loop.wake();
    await hand.begun(1);
    expect(await loop.stop(10)).toBe(false);
    hand.end('first');
    expect(await loop.stop(1_000)).toBe(true);
    expect(hand.seen).toEqual(['first']);
  });

  test('offers its last releases, once it is parked, to the state until that takes them', async () => {
    let refused = 0;
    const full = async () => {
      refused += 1;
      throw new StateError('state_full', 'the disk is full');
    };
    const own: State = { ...state, commit: full };
    const { promise, resolve } = Promise.withResolvers<void>();
    const failing = async () => {
      await promise;
      throw new Error('a defect');
    };
    const lanes = [{ name: 'lane', capacity: 2 }];
    loop = new Loop({ state: own, clock, log: quiet, claimFor: WHILE_IT_LIVES }, lanes, failing);
    await state.commit([due('first', 'lane'), due('second', 'lane')]);
    loop.wake();
    await expect.poll(() => loop.active).toBe(2);
    expect(await loop.park(10)).toBe(false);
    resolve();
    await expect.poll(() => clock.next).toBe(MINUTE);
    clock.move(MINUTE);
    await expect.poll(() => refused).toBe(4);
    Object.assign(own, { commit: state.commit });
    await expect.poll(() => clock.next).toBe(MINUTE);
    clock.move(MINUTE);
    await loop.ended();
    expect((await state.nextDue(['lane'])).get('lane')).toBe(clock.now() + MINUTE);
  });

  describe('with a gate', () => {
    /** A gate that the test opens. */
    const gate = {
      open: 0,
      again: null as number | null,
      room: () => gate.open,
      lookAgainMs: () => gate.again,
    };
    const gated = (handle: (claim: Claim) => Promise<void>) =>
      new Loop({ state, clock, log: quiet, claimFor: HOUR }, [{ name: 'lane', capacity: 8, gate }], handle);

    test('begins no more than it lets through, and the others once it opens', async () => {
      const hand = byHand();
      Object.assign(gate, { open: 2, again: 700 });
      loop = gated(async (claim) => {
        gate.open -= 1;
        await hand.handle(claim);
      });
      await state.commit(['a', 'b', 'c', 'd'].map((id) => due(id, 'lane')));
      loop.wake();
      await hand.begun(2);
      await expect.poll(() => clock.next).toBe(700);
      expect(hand.seen).toHaveLength(2);
      gate.open = 1;
      clock.move(700);
      await hand.begun(3);
      expect(hand.seen).toHaveLength(3);
      gate.open = 1;
      hand.end(hand.seen[0] ?? '');
      await hand.begun(4);
      for (const id of hand.seen) hand.end(id);
    });

    test('does not turn while the gate is shut, however much is due', async () => {
      Object.assign(gate, { open: 0, again: 700 });
      loop = gated(async () => undefined);
      await state.commit([due('a', 'lane')]);
      loop.wake();
      await expect.poll(() => clock.next).toBe(700);
      await expect.poll(() => loop.turning).toBe(false);
      const { turns } = loop;
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      expect(loop.turns).toBe(turns);
    });
  });

  test('turns few times where a hundred turns end at once', async () => {
    const all = Promise.withResolvers<void>();
    let begun = 0;
    loop = new Loop(
      { state, clock, log: quiet, claimFor: HOUR },
      [{ name: 'lane', capacity: 100 }],
      async (claim) => {
        begun += 1;
        await all.promise;
        await state.commit([], { hold: { claim, next: null } });
      },
    );
    await state.commit(Array.from({ length: 100 }, (_, at) => due(`record-${at}`, 'lane')));
    loop.wake();
    await expect.poll(() => begun).toBe(100);
    await expect.poll(() => loop.turning).toBe(false);
    const { turns } = loop;
    all.resolve();
    await expect.poll(() => loop.active).toBe(0);
    expect(loop.turns - turns).toBeLessThan(10);
  });
});
