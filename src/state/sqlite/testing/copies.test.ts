import { beforeEach, expect, test } from 'vitest';
import { Secret } from '../../../model/index.ts';
import type { State } from '../../contract.ts';
import { credentialNames, put, T, version } from '../../suite/samples.suite.ts';
import { openMemory, openMemoryDatabase } from '../index.ts';
import { Copies } from './copies.ts';

let state: State;
let copies: Copies;
beforeEach(async () => {
  const database = openMemoryDatabase();
  state = await openMemory({
    database,
    keys: [Secret.from(Buffer.alloc(32, 7))],
    now: () => T,
    owner: 'here',
  });
  copies = new Copies(database);
});

test('a restored copy is the database as it was, and the state goes on working on it', async () => {
  const value = Secret.from('first');
  await state.commit([
    put.credential(),
    { type: 'version.put', version: version(), value },
    put.rotation(),
    put.step(),
    put.alert(),
    put.delivery(),
    put.audit(),
    put.work(),
  ]);
  const backup = copies.take();
  const fingerprintKey = await state.fingerprintKey();
  const snapshot = await state.credential('frameflow-prod');
  await state.commit([
    put.credential({ name: 'later' }),
    put.audit({ at: T + 1 }),
    put.step({ name: 'verify' }),
  ]);
  await state.commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
  copies.restore(backup);
  expect(await credentialNames(state)).toEqual(['frameflow-prod']);
  expect(await state.credential('frameflow-prod')).toEqual(snapshot);
  expect((await state.versionValue('version-1')).equals(value)).toBe(true);
  expect((await state.fingerprintKey()).equals(fingerprintKey)).toBe(true);
  await state.commit([put.audit({ at: T + 2 }), put.step({ attempts: 9 })]);
  expect((await state.audit({})).items.map(({ at }) => at)).toEqual([T + 2, T]);
  expect((await state.steps('rotation-1')).map(({ attempts }) => attempts)).toEqual([9]);
  copies.restore(backup);
  expect((await state.audit({})).items).toHaveLength(1);
});

test('a fresh database is a copy like any other', async () => {
  const fresh = copies.take();
  await state.commit([put.credential(), put.rotation(), put.step(), put.work()]);
  copies.restore(fresh);
  expect(await credentialNames(state)).toEqual([]);
  expect((await state.nextDue(['provider:frameflow'])).size).toBe(0);
  expect(copies.take()).toEqual(fresh);
});
