import { expect, onTestFinished, test } from 'vitest';
import type { State } from '../contract.ts';
import { lookThrough } from '../suite/audit.suite.ts';
import { KEY } from '../suite/folder.suite.ts';
import { entry, put, T } from '../suite/samples.suite.ts';
import { openMemory, openMemoryDatabase } from './index.ts';

/** More than go in two pieces. */
const ENTRIES = 4_500;

async function broken(): Promise<{ state: State; database: ReturnType<typeof openMemoryDatabase> }> {
  const database = openMemoryDatabase();
  const state = await openMemory({ keys: [KEY], now: () => 0, owner: 'test', database });
  onTestFinished(() => state.close());
  await state.commit(Array.from({ length: ENTRIES }, (_, index) => put.audit({ at: T + index })));
  database.exec(`update audit set actor = 'mallory' where number = 7`);
  return { state, database };
}

const accept = (state: State) => state.acceptAudit(entry({ action: 'audit.accepted' }));
/** Sockets and timers have their turn. */
const breath = () => new Promise((resolve) => setImmediate(resolve));
const firstOf = async (state: State) => (await lookThrough(state, 1_000)).faults.map(({ first }) => first);

test('while a long log is taken as it stands others write to it, and it is whole in the end', async () => {
  const { state } = await broken();
  const order: string[] = [];
  const taken = accept(state).then(() => order.push('taken'));
  for (let written = 0; written < 3; written += 1) {
    await breath();
    await state.commit([put.audit({ action: 'meanwhile' })]);
    order.push('written');
  }
  await taken;
  expect(order).toEqual(['written', 'written', 'written', 'taken']);
  expect(await lookThrough(state, 1_000)).toMatchObject({ checked: ENTRIES + 4, faults: [] });
});

test('a log of which a part was taken bears the entry that says so and a break where that ended, and is taken whole later', async () => {
  const { state, database } = await broken();
  database.exec(
    `create trigger dies before update of hash on audit when new.number = 3000 begin select raise(abort, 'the process ends'); end`,
  );
  await expect(accept(state)).rejects.toThrow('the process ends');
  database.exec('drop trigger dies');
  expect(await firstOf(state)).toEqual([2_001]);
  const { items } = await state.audit({ action: 'audit.accepted' });
  expect(items).toMatchObject([{ number: ENTRIES + 1 }]);
  await state.commit([put.audit({ action: 'later' })]);
  expect(await firstOf(state)).toEqual([2_001]);
  await accept(state);
  expect(await firstOf(state)).toEqual([]);
  database.exec(`update audit set actor = 'alice' where number = 7`);
  expect(await firstOf(state)).toEqual([7]);
  database.exec(`update audit set actor = 'mallory' where number = 4000`);
  expect(await firstOf(state)).toEqual([7, 4_000]);
});

test('while a long log is pruned sockets and timers have their turn', async () => {
  const { state, database } = await broken();
  database.exec(`update audit set actor = 'alice' where number = 7`);
  await accept(state);
  let over = false;
  const pruned = state.prune({ rotations: 0, alerts: 0, audit: Number.MAX_SAFE_INTEGER }).then(() => {
    over = true;
  });
  let breaths = 0;
  while (!over) {
    await breath();
    breaths += 1;
  }
  await pruned;
  expect(breaths).toBeGreaterThan(1);
});

test('a long log that is pruned while it is taken as it stands is whole in the end', async () => {
  const { state, database } = await broken();
  database.exec(`update audit set actor = 'alice' where number = 7`);
  database.exec(`update audit set actor = 'mallory' where number = 4400`);
  const taken = accept(state);
  while ((await state.audit({ action: 'audit.accepted' })).items.length === 0) await breath();
  await state.prune({ rotations: 0, alerts: 0, audit: Number.MAX_SAFE_INTEGER });
  await taken;
  const { checked, faults } = await lookThrough(state, 1_000);
  expect(faults).toEqual([]);
  expect(checked).toBeLessThan(ENTRIES - 4_000);
});
