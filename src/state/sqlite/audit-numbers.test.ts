import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { State } from '../contract.ts';
import { lookThrough, writeEntries } from '../suite/audit.suite.ts';
import { KEY } from '../suite/folder.suite.ts';
import { entry, put, T } from '../suite/samples.suite.ts';
import { openMemory, openMemoryDatabase } from './index.ts';

const HOUR = 3_600_000;

let database: ReturnType<typeof openMemoryDatabase>;
let state: State;
beforeEach(async () => {
  database = openMemoryDatabase();
  state = await openMemory({ keys: [KEY], now: () => T, owner: 'test', database });
  onTestFinished(() => state.close());
  await writeEntries(state, 10);
});

const found = async () => (await lookThrough(state)).faults;
const goOn = () => state.commit([put.audit({ action: 'later' }), put.audit({ action: 'later' })]);

describe('what no number of JavaScript holds', () => {
  test.each(['9007199254740991', '9007199254740993', '9223372036854775807', '-9223372036854775807'])(
    'as the number of an entry (%s) is found, stops nobody from writing and reading, and goes when it is accepted',
    async (number) => {
      // The connection is ours too, and tells us the number of the row that was last inserted.
      database.exec(
        `insert into audit select ${number}, at, actor, action, credential, detail, hash from audit where number = 3;
          insert into meta values ('other', 'row')`,
      );
      expect(await found()).toMatchObject([{ what: 'inserted', first: Number(number) }]);
      await goOn();
      await goOn();
      expect(await found()).toHaveLength(1);
      const { items } = await state.audit({ action: 'later', order: 'oldest' });
      expect(items.map((item) => item.number)).toEqual([11, 12, 13, 14]);
      await state.prune({ rotations: 0, alerts: 0, audit: T + 4 * HOUR });
      expect(await found()).toHaveLength(1);
      await state.acceptAudit(entry({ action: 'audit.accepted' }));
      expect(await found()).toEqual([]);
      const left = (await state.audit({ order: 'oldest' })).items.map((item) => item.number);
      expect(left).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    },
  );

  test.each(['4611686018427387904', '-4611686018427387904', `'soon'`])(
    'as the time of an entry (%s) is found, and read as the latest time there is',
    async (time) => {
      database.exec(`update audit set at = ${time} where number = 4`);
      expect(await found()).toMatchObject([{ what: 'changed', first: 4, at: 8.64e15 }]);
      expect((await state.audit({ order: 'oldest' })).items[3]).toMatchObject({ number: 4, at: 8.64e15 });
    },
  );

  test.each([
    ['head', 'end'],
    ['anchor', 'begin'],
  ])('where the %s of the log is kept is a break, and stops nobody from writing', async (name, what) => {
    database.exec(`update audit_chain set number = 4611686018427387904 where name = '${name}'`);
    expect((await found()).map((fault) => fault.what)).toEqual([what]);
    await goOn();
    expect(await found()).toHaveLength(1);
  });
});
