import { copyFileSync, renameSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import type { AuditFault, AuditMark } from '../contract.ts';
import { lookThrough, writeEntries } from '../suite/audit.suite.ts';
import { type Folder, KEY, makeFolder } from '../suite/folder.suite.ts';
import { entry, put, T } from '../suite/samples.suite.ts';

const HOUR = 3_600_000;

let folder: Folder;
beforeEach(async () => {
  folder = makeFolder();
  const state = await folder.open();
  await writeEntries(state, 10);
  await state.close();
});
afterEach(() => folder.remove());

/** Writes to the closed database behind the state's back, as somebody without the master key can. */
function tamper(sql: string): void {
  const database = new DatabaseSync(folder.file);
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

async function found(): Promise<readonly AuditFault[]> {
  const state = await folder.open();
  try {
    const whole = await lookThrough(state);
    // However it is cut into slices.
    expect(await lookThrough(state, 3)).toEqual(whole);
    return whole.faults;
  } finally {
    await state.close();
  }
}

/** Writes further entries, as the daemon does that has noticed nothing. */
async function goOn(): Promise<void> {
  const state = await folder.open();
  await state.commit([put.audit({ action: 'later' }), put.audit({ action: 'later' })]);
  await state.close();
}

/** An entry before a break. */
const behind = (number: number) => ({ number, at: T + (number - 1) * HOUR });
const changed = (number: number) => ({
  what: 'changed',
  first: number,
  last: number,
  at: T + (number - 1) * HOUR,
  after: behind(number - 1),
});

describe('tampering with the audit log is found', () => {
  test.each([
    ['actor', `'mallory'`],
    ['action', `'nothing.happened'`],
    ['credential', 'null'],
    ['detail', `'{}'`],
    ['at', `at - 1`],
  ])('where the column %s of an entry was changed', async (column, value) => {
    tamper(`update audit set ${column} = ${value} where number = 4`);
    expect(await found()).toMatchObject([{ what: 'changed', first: 4, last: 4, after: behind(3) }]);
    await goOn();
    expect(await found()).toHaveLength(1);
  });

  test('where an entry in the middle was removed', async () => {
    tamper('delete from audit where number = 4');
    const gap = { what: 'missing', first: 4, last: 4, at: null, after: behind(3) };
    expect(await found()).toEqual([gap]);
    await goOn();
    expect(await found()).toEqual([gap]);
  });

  test('where an entry in the middle was removed and the rest was moved up', async () => {
    tamper(`delete from audit where number = 4;
      update audit set number = -number where number > 4;
      update audit set number = -number - 1 where number < 0`);
    expect((await found())[0]).toMatchObject({ what: 'changed', first: 4 });
  });

  test('where the first entries were removed', async () => {
    tamper('delete from audit where number < 4');
    expect(await found()).toEqual([{ what: 'missing', first: 1, last: 3, at: null, after: null }]);
  });

  test('where the last entries were removed, and still after others were written', async () => {
    tamper('delete from audit where number > 7');
    const gap = { what: 'missing', first: 8, last: 10, at: null, after: behind(7) };
    expect(await found()).toEqual([gap]);
    await goOn();
    expect(await found()).toEqual([gap]);
  });

  test('where all entries were removed', async () => {
    tamper('delete from audit');
    const gap = { what: 'missing', first: 1, last: 10, at: null, after: null };
    expect(await found()).toEqual([gap]);
    await goOn();
    expect(await found()).toEqual([gap]);
  });

  test.each([
    [
      'is set back to where the rest ends',
      "update audit_chain set number = 7, hash = (select hash from audit where number = 7) where name = 'head'",
    ],
    ['is removed too', `delete from audit_chain where name = 'head'`],
  ])('where the last entries were removed and what says where the log ends %s', async (_, sql) => {
    tamper(`delete from audit where number > 7; ${sql}`);
    expect(await found()).toEqual([{ what: 'end', first: 7, last: 7, at: null, after: behind(7) }]);
    await goOn();
    // Entry 8 is one of those that were written since.
    expect(await found()).toMatchObject([{ what: 'changed', first: 8, last: 8, after: behind(7) }]);
  });

  test('where two entries changed places', async () => {
    tamper(`update audit set number = -1 where number = 4;
      update audit set number = 4 where number = 6;
      update audit set number = 6 where number = -1`);
    const faults = await found();
    expect(faults[0]).toMatchObject({ what: 'changed', first: 4, at: T + 5 * HOUR });
    expect(faults.map(({ first }) => first)).toEqual([4, 5, 6, 7]);
  });

  test('where two entries exchanged their contents', async () => {
    tamper(`update audit set at = ${T} + 9 * ${HOUR} - at + ${T} - ${HOUR} where number in (4, 6)`);
    expect((await found()).map(({ what, first }) => [what, first])).toEqual([
      ['changed', 4],
      ['changed', 6],
    ]);
  });

  test.each([11, 40])('where an entry was put in at the end, as number %i', async (number) => {
    tamper(
      `insert into audit select ${number}, at, actor, action, credential, detail, hash from audit where number = 3`,
    );
    const faults = await found();
    expect(faults).toMatchObject([{ what: 'inserted', first: number, last: number, after: behind(10) }]);
    await goOn();
    expect((await found())[0]).toMatchObject({ first: 11, after: behind(10) });
    const state = await folder.open();
    expect((await state.audit({ action: 'later' })).items).toHaveLength(2);
    await state.close();
  });

  test('where an entry was put in between two others', async () => {
    tamper(`update audit set number = -number where number > 4;
      update audit set number = 1 - number where number < 0;
      insert into audit select 5, at, actor, action, credential, detail, hash from audit where number = 3`);
    expect((await found())[0]).toMatchObject({ what: 'changed', first: 5, after: behind(4) });
  });

  test('where an entry was put in before what was pruned', async () => {
    const state = await folder.open();
    await state.prune({ rotations: 0, alerts: 0, audit: T + 4 * HOUR });
    await state.close();
    expect(await found()).toEqual([]);
    tamper(
      `insert into audit select 3, at, actor, action, credential, detail, hash from audit where number = 5`,
    );
    expect(await found()).toMatchObject([{ what: 'inserted', first: 3, last: 3 }]);
  });

  test('where entries were removed as if they had been pruned', async () => {
    tamper(`update audit_chain set number = 4, hash = (select hash from audit where number = 4) where name = 'anchor';
      delete from audit where number < 5`);
    expect((await found()).map(({ what, first, last }) => [what, first, last])).toEqual([
      ['begin', 0, 0],
      ['missing', 1, 4],
    ]);
  });

  test('where a hash alone was changed, and where every entry was chained with another key', async () => {
    tamper(`update audit set hash = '${'0'.repeat(64)}' where number = 4`);
    expect(await found()).toMatchObject([changed(4), changed(5)]);
    tamper(`update audit set hash = hex(randomblob(32))`);
    expect(await found()).toHaveLength(10);
  });
});

/** Prunes what is older than the entry with this number; returns the numbers that are left. */
async function pruneTo(number: number): Promise<readonly number[]> {
  const state = await folder.open();
  await state.prune({ rotations: 0, alerts: 0, audit: T + (number - 1) * HOUR });
  const { items } = await state.audit({ order: 'oldest' });
  await state.close();
  return items.map((item) => item.number);
}

describe('pruning hides no tampering with the audit log', () => {
  test.each([
    ['bears another time, so that it seems old', 'update audit set at = 0 where number between 6 and 9', 6],
    ['was changed', `update audit set actor = 'mallory' where number = 3`, 3],
    ['follows one that is gone', 'delete from audit where number = 3', 4],
    ['is none of ours', `update audit set hash = '${'0'.repeat(64)}' where number = 8`, 8],
  ])('from the first on that %s all stay', async (_, sql, broken) => {
    tamper(sql);
    const before = await found();
    const left = await pruneTo(11);
    expect(left[0]).toBe(broken);
    expect(left).toContain(10);
    const after = await found();
    expect(after.map(({ what, first }) => [what, first])).toEqual(
      before.map(({ what, first }) => [what, first]),
    );
  });

  test.each([
    ['begin', `delete from audit_chain where name = 'anchor'`],
    ['end', `update audit_chain set number = 9 where name = 'head'`],
    ['first entry', `insert into audit values (-2, 0, 'mallory', 'x', null, '{}', '')`],
  ])('and where its %s is not ours nothing goes', async (_, sql) => {
    tamper(sql);
    expect((await pruneTo(6)).filter((number) => number > 0)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await found()).toHaveLength(1);
  });
});

describe('an older end of the audit log that is put back', () => {
  const cut = () =>
    tamper(`delete from audit where number > 10;
      delete from audit_chain; insert into audit_chain select * from kept`);
  let known: AuditMark;
  beforeEach(async () => {
    tamper('create table kept as select * from audit_chain');
    await goOn();
    const state = await folder.open();
    known = (await state.verifyAudit(null, 100)).mark;
    await state.close();
  });
  const look = async (limit: number) => {
    const state = await folder.open();
    const { faults } = await lookThrough(state, limit, known);
    await state.close();
    return faults;
  };

  test('shows to whoever has seen it longer, and to nobody else', async () => {
    expect(await look(5)).toEqual([]);
    cut();
    expect(await found()).toEqual([]);
    const gone = { what: 'replaced', first: 12, last: 12, at: null, after: behind(10) };
    for (const limit of [1, 5, 10, 100]) expect(await look(limit)).toEqual([gone]);
    const state = await folder.open();
    for (const number of [11, 12, 13]) await state.commit([put.audit({ at: number })]);
    await state.close();
    expect(await found()).toEqual([]);
    for (const limit of [1, 5, 12, 100])
      expect(await look(limit)).toMatchObject([{ what: 'replaced', first: 12, at: 12 }]);
  });

  test('is not what was pruned, nor is it told where the chain itself shows what was done', async () => {
    tamper('delete from audit where number = 12');
    expect(await look(5)).toMatchObject([{ what: 'missing', first: 12 }]);
    tamper(
      `insert into audit select 12, at, actor, action, credential, detail, 'x' from audit where number = 11`,
    );
    expect(await look(5)).toMatchObject([{ what: 'changed', first: 12 }]);
    const state = await folder.open();
    await state.acceptAudit(entry({ at: 12 }));
    known = { ...known, number: 11 };
    await state.prune({ rotations: 0, alerts: 0, audit: T + 20 * HOUR });
    await state.close();
    expect(await look(5)).toEqual([]);
  });
});

describe('no tampering with the audit log is', () => {
  test('a backup that was put back, nor what is written after that', async () => {
    const backup = `${folder.file}.backup`;
    copyFileSync(folder.file, backup);
    await goOn();
    renameSync(backup, folder.file);
    expect(await found()).toEqual([]);
    await goOn();
    expect(await found()).toEqual([]);
  });

  test('what a person took as it stands; what is done to it later is found', async () => {
    tamper(`delete from audit where number in (4, 9, 10); update audit set actor = 'mallory' where number = 6;
      insert into audit values (-2, 0, 'mallory', 'x', null, '{}', '')`);
    expect((await found()).length).toBeGreaterThan(2);
    const state = await folder.open();
    await state.acceptAudit(entry({ action: 'audit.accepted' }));
    await state.close();
    expect(await found()).toEqual([]);
    await goOn();
    expect(await found()).toEqual([]);
    tamper(`update audit set actor = 'alice' where number = 6`);
    expect(await found()).toMatchObject([{ what: 'changed', first: 6 }]);
  });

  test('another master key', async () => {
    const state = await folder.open();
    const before = await state.audit({});
    await state.close();
    const other = await folder.open([Secret.from(Buffer.alloc(32, 9)), KEY]);
    expect(await lookThrough(other)).toMatchObject({ checked: before.items.length, faults: [] });
    await other.close();
  });
});
