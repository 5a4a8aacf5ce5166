import { Kysely } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import { Commits } from './commits.ts';
import { migrate, putMeta, schemaVersion } from './migrations/index.ts';
import { KeyRing } from './sealing.ts';
import { nodeSqlite } from './sqlite/dialect.ts';
import { openMemoryDatabase } from './sqlite/open.ts';
import type { Tables } from './tables.ts';

const HERE = { keys: new KeyRing([Secret.from(Buffer.alloc(32, 7))]), now: () => 0 };
let db: Kysely<Tables>;
/** Every transaction that was begun, and how it ended. */
let transactions: string[];
beforeEach(async () => {
  transactions = [];
  const dialect = nodeSqlite(openMemoryDatabase(), (error) => error);
  db = new Kysely<Tables>({
    dialect: {
      ...dialect,
      createDriver() {
        const driver = dialect.createDriver();
        const begin = driver.beginTransaction.bind(driver);
        driver.beginTransaction = (...args) => {
          transactions.push('begin');
          return begin(...args);
        };
        return driver;
      },
    },
  });
  await migrate(db, await schemaVersion(db), HERE);
  transactions = [];
});

const meta = async (key: string) =>
  (await db.selectFrom('meta').select('value').where('key', '=', key).executeTakeFirst())?.value;

describe('commits at the same time', () => {
  test('share one transaction, however they come in within a turn', async () => {
    const commits = new Commits(db, { guard: () => {} });
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`);
    await Promise.all(keys.map((key) => commits.write((trx) => putMeta(trx, key, 'x'))));
    expect(transactions).toEqual(['begin']);
    expect(await meta('k99')).toBe('x');
  });

  test('share it also where they come in one after the other while it is waited for', async () => {
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    const commits = new Commits(db, { guard: () => {}, gather: turn });
    const write = (key: string) => turn().then(() => commits.write((trx) => putMeta(trx, key, 'x')));
    const chained = write('a').then(() => Promise.all([write('c'), write('d')]));
    await Promise.all([chained, write('b')]);
    expect(transactions).toEqual(['begin', 'begin']);
    expect(await meta('d')).toBe('x');
  });

  test('see one another in the order in which they came, and give back what they found', async () => {
    const commits = new Commits(db, { guard: () => {} });
    const raise = () =>
      commits.write(async (trx) => {
        const row = await trx.selectFrom('meta').select('value').where('key', '=', 'n').executeTakeFirst();
        const next = Number(row?.value ?? 0) + 1;
        await putMeta(trx, 'n', String(next));
        return next;
      });
    expect(await Promise.all([raise(), raise(), raise()])).toEqual([1, 2, 3]);
  });

  test('in the midst of a transaction wait for the next', async () => {
    const commits = new Commits(db, { guard: () => {} });
    let second: Promise<void> = Promise.resolve();
    await commits.write(async (trx) => {
      second = commits.write((next) => putMeta(next, 'second', 'x'));
      await putMeta(trx, 'first', 'x');
    });
    await second;
    expect(transactions).toEqual(['begin', 'begin']);
    expect(await meta('second')).toBe('x');
  });
});

describe('a transaction', () => {
  test('need not be on the disk where all that is written in it is fleeting', async () => {
    const told: boolean[] = [];
    const commits = new Commits(db, { guard: () => {}, lasting: (lasts) => told.push(lasts) });
    const put = (fleeting: boolean) => commits.write((trx) => putMeta(trx, 'n', 'x'), fleeting);
    await put(false);
    await Promise.all([put(true), put(true)]);
    await Promise.all([put(true), put(false)]);
    expect(told).toEqual([true, false, true]);
  });
});

describe('a database that is no longer ours', () => {
  const lost = new Error('replaced');

  test('gets no transaction', async () => {
    const commits = new Commits(db, {
      guard: () => {
        throw lost;
      },
    });
    await expect(commits.write((trx) => putMeta(trx, 'a', 'x'))).rejects.toBe(lost);
    expect(transactions).toEqual([]);
  });

  test('acknowledges nothing where that happened during the transaction', async () => {
    let ours = true;
    const commits = new Commits(db, {
      guard: () => {
        if (!ours) throw lost;
      },
    });
    const write = commits.write(async (trx) => {
      await putMeta(trx, 'a', 'x');
      ours = false;
    });
    await expect(write).rejects.toBe(lost);
    ours = true;
    await commits.write((trx) => putMeta(trx, 'b', 'x'));
    expect(await meta('b')).toBe('x');
  });
});
