import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { DAY, Secret } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory, openMemoryDatabase } from '../state/sqlite/index.ts';
import { systemClock } from './clock.ts';
import { Engine } from './engine.ts';
import { WHILE_IT_LIVES } from './loop.ts';
import { contextOf } from './testing/context.ts';

type Tasks = { reconcile(): void };

const KEYS = [Secret.from(Buffer.alloc(32, 7))];
const entry = { actor: 'ops', action: 'rotation.requested', credential: null, detail: {} };

let database: ReturnType<typeof openMemoryDatabase>;
let real: State;
beforeEach(async () => {
  database = openMemoryDatabase();
  real = await openMemory({ keys: KEYS, now: Date.now, owner: 'test', database });
  onTestFinished(() => real.close());
});

const append = (daysAgo: number) =>
  real.commit([{ type: 'audit.append', entry: { ...entry, at: Date.now() - daysAgo * DAY } }]);
const contextOn = (state: State) => contextOf({ state, clock: systemClock(), claimFor: WHILE_IT_LIVES });

test('the audit log is pruned after it was looked through, and what is broken stays and is told', async () => {
  for (const days of [900, 899, 3, 2, 1]) await append(days);
  database.exec('update audit set at = 0 where number > 2');
  const calls: string[] = [];
  const { promise: pruned, resolve: prunedNow } = Promise.withResolvers<void>();
  const state: State = {
    ...real,
    verifyAudit: async (...query) => {
      const slice = await real.verifyAudit(...query);
      calls.push(`looked at ${slice.checked}`);
      return slice;
    },
    prune: async (before) => {
      calls.push('pruned');
      await real.prune(before);
      prunedNow();
    },
  };
  const context = contextOn(state);
  const retain = { ...context.config.state.retain, audit: 800 * DAY };
  const config = { ...context.config, state: { ...context.config.state, retain } };
  const engine = new Engine({ ...context, config });
  const { promise: begun, resolve: begin } = Promise.withResolvers<Tasks>();
  await engine.start((_, tasks) => {
    begin(tasks);
    return { stop() {} };
  });
  onTestFinished(() => engine.stop());
  (await begun).reconcile();
  await pruned;
  expect(calls[0]).toBe('looked at 5');
  expect(calls.at(-1)).toBe('pruned');
  const { items } = await real.audit({ order: 'oldest' });
  expect(items.slice(0, 3).map(({ number }) => number)).toEqual([3, 4, 5]);
  expect((await real.alerts({})).items).toMatchObject([{ kind: 'audit-broken', state: 'triggered' }]);
});

test('a successor knows what its former has found in the audit log', async () => {
  await append(3);
  database.exec('create table kept as select * from audit_chain');
  await append(2);
  const former = new Engine(contextOn(real));
  expect(await former.audit.verify()).toMatchObject({ breaks: 0, last: { number: 2 } });
  database.exec(`delete from audit where number = 2;
    delete from audit_chain; insert into audit_chain select * from kept`);
  expect(await new Engine(contextOn(real), former).audit.verify()).toMatchObject({
    breaks: 1,
    faults: [{ what: 'replaced', first: 2 }],
  });
  expect(await new Engine(contextOn(real)).audit.verify()).toMatchObject({ breaks: 0 });
});
