import { constants } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { State } from '../contract.ts';
import { KeyRing } from '../sealing.ts';
import { type Folder, KEY, makeFolder } from '../suite/folder.suite.ts';
import { credentialNames, put, T } from '../suite/samples.suite.ts';
import { openState } from './index.ts';
import { type Opened, openFile } from './open.ts';

let folder: Folder;
let opened: Opened;
let state: State;
beforeEach(async () => {
  folder = makeFolder();
  opened = openFile(folder.file);
  const keys = new KeyRing([KEY]);
  state = await openState(opened, { file: folder.file, keys, now: () => T, owner: 'here' });
});
afterEach(async () => {
  await state.close();
  folder.remove();
});

const large = put.audit({ detail: { text: 'x'.repeat(100_000) } });

describe('a full disk', () => {
  test('is told, nothing is written, and the state goes on when there is space again', async () => {
    const pages = opened.database.prepare('pragma page_count').get()?.page_count;
    opened.database.exec(`pragma max_page_count = ${Number(pages)}`);
    await expect(state.commit([put.credential(), large])).rejects.toMatchObject({
      code: 'state_full',
      message: expect.stringContaining('free some space'),
    });
    expect(await credentialNames(state)).toEqual([]);
    opened.database.exec('pragma max_page_count = 100000');
    await state.commit([put.credential(), large]);
    await state.prove();
    expect(await credentialNames(state)).toEqual(['frameflow-prod']);
  });

  test('acknowledges nothing of a batch that is not there', async () => {
    const pages = opened.database.prepare('pragma page_count').get()?.page_count;
    opened.database.exec(`pragma max_page_count = ${Number(pages) + 2}`);
    const names = ['a', 'b', 'c', 'd'];
    const outcomes = await Promise.allSettled(
      names.map((name, index) =>
        state.commit(index === 2 ? [put.credential({ name }), large] : [put.credential({ name })]),
      ),
    );
    const acknowledged = names.filter((_, index) => outcomes[index]?.status === 'fulfilled');
    expect(outcomes[2]).toMatchObject({ status: 'rejected', reason: { code: 'state_full' } });
    expect(await credentialNames(state)).toEqual(acknowledged);
  });
});

test('where the commit itself fails, all that shared it fail and the next ones do not', async () => {
  opened.database.setAuthorizer((action, argument) =>
    action === constants.SQLITE_TRANSACTION && argument === 'COMMIT'
      ? constants.SQLITE_DENY
      : constants.SQLITE_OK,
  );
  const outcomes = await Promise.allSettled(
    ['a', 'b'].map((name) => state.commit([put.credential({ name })])),
  );
  expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
  opened.database.setAuthorizer(null);
  expect(await credentialNames(state)).toEqual([]);
  await state.commit([put.credential({ name: 'c' })]);
  expect(await credentialNames(state)).toEqual(['c']);
});
