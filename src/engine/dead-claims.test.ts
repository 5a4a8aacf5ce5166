import { expect, onTestFinished, test } from 'vitest';
import { HOUR, MINUTE, Secret } from '../model/index.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { DeadClaims } from './dead-claims.ts';
import { WHILE_IT_LIVES } from './loop.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const CLAIM_FOR = 15 * MINUTE;
const LANE = 'store:vault';
const WORK = { kind: 'publication', id: 'frameflow-prod vault', lane: LANE } as const;

/** One record, a process that takes it by a clock which is `lead` ahead, and the looks of another with the right one. */
async function taken(lead: number, claimFor = CLAIM_FOR) {
  const time = { wall: NOW, steady: 0 };
  const clock = {
    now: () => time.wall,
    monotonic: () => time.steady,
    steady: () => time.steady,
    after: () => () => undefined,
  };
  const state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: clock.now, owner: 'test' });
  onTestFinished(() => state.close());
  const take = (now: number) => state.claim(LANE, { now, until: now + claimFor, limit: 1 });
  await state.commit([{ type: 'work.put', work: { ...WORK, dueAt: NOW + lead } }]);
  const [claim] = await take(NOW + lead);
  if (claim === undefined) throw new Error('the record could not be taken');
  const dead = new DeadClaims({ state, clock, claimFor });
  return {
    state,
    claim,
    time,
    take,
    /** After so long, and a look: when the record can be taken. */
    async freeAt(passed: number) {
      time.wall += passed;
      time.steady += passed;
      await state.commit(await dead.look());
      return (await state.nextDue([LANE])).get(LANE);
    },
  };
}

test('a claim that was taken by a clock 39 h ahead is over once it has stood for as long as any holds', async () => {
  const { state, claim, freeAt } = await taken(39 * HOUR);
  expect(await freeAt(0)).toBe(claim.expiresAt);
  expect(await freeAt(CLAIM_FOR - 1)).toBe(claim.expiresAt);
  expect(await freeAt(1)).toBe(NOW + CLAIM_FOR);
  await expect(state.commit([], { under: claim })).rejects.toMatchObject({ code: 'claim_lost' });
});

test('a step of our own clock makes nobody’s claim older', async () => {
  const { claim, time, freeAt } = await taken(0);
  time.wall -= 39 * HOUR;
  expect(await freeAt(0)).toBe(claim.expiresAt);
  time.wall -= HOUR;
  expect(await freeAt(CLAIM_FOR - 1)).toBe(claim.expiresAt);
});

test('one that was released and taken anew is watched from then on', async () => {
  const { state, claim, take, freeAt } = await taken(39 * HOUR);
  await freeAt(0);
  await state.commit([], { hold: { claim, next: NOW } });
  const [anew] = await take(claim.expiresAt);
  expect(await freeAt(CLAIM_FOR)).toBe(anew?.expiresAt);
  expect(await freeAt(CLAIM_FOR)).toBe(NOW);
});

test('a process that holds its state alone frees nothing: its claims end with it', async () => {
  const { claim, freeAt } = await taken(39 * HOUR, WHILE_IT_LIVES);
  expect(await freeAt(0)).toBe(claim.expiresAt);
  expect(await freeAt(2 * WHILE_IT_LIVES)).toBe(claim.expiresAt);
});
