import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { stateContract } from '../contract.suite.ts';
import type { State } from '../contract.ts';
import { credentialNames, put, type StateWorld, T } from '../suite/samples.suite.ts';
import { openMemory, openMemoryDatabase, openSqlite } from './index.ts';

const keys = [Secret.from(Buffer.alloc(32, 7))];
const common = { keys, now: () => T, owner: 'here' };

async function fileWorld(): Promise<StateWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'keywarden-state-'));
  let state: State | null = null;
  return {
    async open() {
      await state?.close();
      state = await openSqlite({ ...common, file: join(folder, 'state', 'keywarden.db') });
      return state;
    },
    async end() {
      await state?.close();
      rmSync(folder, { recursive: true });
    },
  };
}

/** A reopened one is what a killed process would find: the former state is just dropped. */
async function memoryWorld(): Promise<StateWorld> {
  const database = openMemoryDatabase();
  return {
    open: () => openMemory({ ...common, database }),
    async end() {
      if (database.isOpen) database.close();
    },
  };
}

stateContract('SQLite, in a file', fileWorld);

describe('claims of a former process', () => {
  test.each([
    ['a file', fileWorld],
    ['memory', memoryWorld],
  ])('are void once the state in %s is opened again', async (_, makeWorld) => {
    const world = await makeWorld();
    const first = await world.open();
    await first.commit([put.work()]);
    const [former] = await first.claim('provider:frameflow', { now: T, until: T + 9, limit: 1 });
    const second = await world.open();
    expect((await second.nextDue(['provider:frameflow'])).get('provider:frameflow')).toBe(T);
    const under = former === undefined ? {} : { under: former };
    await expect(second.commit([put.credential()], under)).rejects.toMatchObject({ code: 'claim_lost' });
    expect(await credentialNames(second)).toEqual([]);
    await world.end();
  });
});

describe('the state in memory', () => {
  test('is gone with its database and outlives a state that was dropped', async () => {
    const world = await memoryWorld();
    const first = await world.open();
    await first.commit([put.credential()]);
    const second = await world.open();
    expect(await credentialNames(second)).toEqual(['frameflow-prod']);
    expect(await credentialNames(await openMemory(common))).toEqual([]);
    await second.close();
  });
});
