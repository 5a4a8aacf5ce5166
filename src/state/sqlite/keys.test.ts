import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../../model/index.ts';
import { type Folder, makeFolder } from '../suite/folder.suite.ts';
import { credentialNames, put, T, version } from '../suite/samples.suite.ts';

const former = Secret.from(randomBytes(32));
const present = Secret.from(randomBytes(32));
/** More than are sealed anew in one transaction. */
const COUNT = 450;

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const sealedValue = (index: number) => Secret.from(`ff_live_value_${index}`);

async function stateUnderFormerKey(): Promise<void> {
  const state = await folder.open([former]);
  await state.commit(
    Array.from({ length: COUNT }, (_, index) => ({
      type: 'version.put',
      version: version({ id: `v${index}`, number: index }),
      value: sealedValue(index),
    })),
  );
  await state.close();
}

/** Reads or changes the closed database behind the state's back. */
function behind<T>(task: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(folder.file);
  try {
    return task(database);
  } finally {
    database.close();
  }
}

const boxes = () =>
  behind((database) => database.prepare('select box from sealed').all()).map((row) => String(row.box));

describe('master keys', () => {
  test('the first seals anew what the others sealed, and nothing of theirs is left in the file', async () => {
    await stateUnderFormerKey();
    const sealedByFormer = boxes();
    const state = await folder.open([present, former]);
    const held = [...folder.bytes().values()];
    await state.close();
    expect(sealedByFormer).toHaveLength(COUNT + 1);
    for (const bytes of [...held, ...folder.bytes().values()]) {
      expect(sealedByFormer.filter((box) => bytes.includes(box))).toEqual([]);
    }
    const again = await folder.open([present]);
    for (const index of [0, 199, 200, COUNT - 1]) {
      expect((await again.versionValue(`v${index}`)).equals(sealedValue(index))).toBe(true);
    }
    await again.close();
  });

  test('a wrong one is told at once, nothing is written, and no key is shown', async () => {
    await stateUnderFormerKey();
    const before = folder.bytes();
    const refused = await folder.open([present]).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'wrong_key',
      message: expect.stringContaining('state.encryptionKeys'),
    });
    expect(String(refused)).not.toContain(present.bytes().toString('hex'));
    expect(folder.bytes()).toEqual(before);
    await (await folder.open([former])).close();
  });

  test('one that still seals a single value cannot be left out', async () => {
    await stateUnderFormerKey();
    const row = behind((database) =>
      database.prepare("select key_id, box from sealed where id = 'v7'").get(),
    );
    await (await folder.open([present, former])).close();
    behind((database) =>
      database
        .prepare("update sealed set key_id = ?, box = ? where id = 'v7'")
        .run(String(row?.key_id), String(row?.box)),
    );
    const before = folder.bytes();
    await expect(folder.open([present])).rejects.toMatchObject({ code: 'wrong_key' });
    expect(folder.bytes()).toEqual(before);
    const state = await folder.open([present, former]);
    expect((await state.versionValue('v7')).equals(sealedValue(7))).toBe(true);
    await state.close();
  });

  test('none, or one that is too short, makes no file', async () => {
    const short = Secret.from(randomBytes(31));
    await expect(folder.open([])).rejects.toMatchObject({ code: 'wrong_key' });
    await expect(folder.open([present, short])).rejects.toMatchObject({ code: 'wrong_key' });
    expect(() => folder.bytes()).toThrow('ENOENT');
  });

  test('a sealed value moved to another row does not open', async () => {
    await stateUnderFormerKey();
    behind((database) =>
      database.exec("update sealed set box = (select box from sealed where id = 'v1') where id = 'v2'"),
    );
    const state = await folder.open([former]);
    await expect(state.versionValue('v2')).rejects.toMatchObject({ code: 'state_corrupt' });
    expect((await state.versionValue('v1')).equals(sealedValue(1))).toBe(true);
    await state.close();
  });

  test('the first seals anew every answer of a rotation, each in its place', async () => {
    const journal = (text: string) =>
      ({ type: 'journal.put', rotationId: 'rotation-1', answer: Secret.from(text), at: T }) as const;
    const first = await folder.open([former]);
    await first.commit([journal('a'), journal('b'), journal('c')]);
    await first.close();
    await (await folder.open([present, former])).close();
    const state = await folder.open([present]);
    const answers = await state.journalled('rotation-1');
    expect(answers.map((answer) => answer.reveal())).toEqual(['c', 'b', 'a']);
    await state.close();
  });

  test('nor does an answer in the place of another one of the same rotation', async () => {
    const first = await folder.open([former]);
    const answers = ['a', 'b', 'c'].map((text) => Secret.from(text));
    await first.commit(
      answers.map((answer) => ({ type: 'journal.put', rotationId: 'rotation-1', answer, at: T })),
    );
    await first.close();
    behind((database) =>
      database.exec('update sealed set box = (select box from sealed where sequence = 1) where sequence = 2'),
    );
    const state = await folder.open([former]);
    await expect(state.journal('rotation-1')).rejects.toMatchObject({ code: 'state_corrupt' });
    await state.close();
  });
});

test('of a credential that is forgotten no sealed value is left in the files', async () => {
  const state = await folder.open([present]);
  await state.commit([
    put.credential(),
    { type: 'version.put', version: version(), value: sealedValue(1) },
    put.rotation(),
    { type: 'journal.put', rotationId: 'rotation-1', answer: sealedValue(2), at: T },
  ]);
  const copy = makeFolder();
  mkdirSync(copy.path, { mode: 0o700 });
  for (const [name, bytes] of folder.bytes()) writeFileSync(join(copy.path, name), bytes, { mode: 0o600 });
  const database = new DatabaseSync(copy.file);
  const sealed = database.prepare("select box from sealed where place <> 'meta.fingerprint_key'").all();
  database.close();
  copy.remove();
  await state.commit([{ type: 'credential.forget', name: 'frameflow-prod' }]);
  const whileOpen = [...folder.bytes().values()];
  await state.close();
  expect(sealed).toHaveLength(2);
  for (const bytes of [...whileOpen, ...folder.bytes().values()]) {
    expect(sealed.filter(({ box }) => bytes.includes(String(box)))).toEqual([]);
  }
});

test('the bytes of no secret ever reach the files', async () => {
  const value = Secret.from(randomBytes(48).toString('base64url'));
  const answer = Secret.from(JSON.stringify({ api_key: randomBytes(48).toString('base64url') }));
  const state = await folder.open([present]);
  const planted = [value, answer, present, await state.fingerprintKey()];
  await state.commit([
    put.credential(),
    { type: 'version.put', version: version(), value },
    { type: 'journal.put', rotationId: 'rotation-1', answer, at: T },
  ]);
  const whileOpen = folder.bytes();
  expect([...whileOpen.keys()]).toEqual(['keywarden.db', 'keywarden.db-wal']);
  expect(await credentialNames(state)).toEqual(['frameflow-prod']);
  await state.close();
  for (const bytes of [...whileOpen.values(), ...folder.bytes().values()]) {
    for (const secret of planted) {
      const raw = secret.bytes();
      const forms = [raw, raw.toString('hex'), raw.toString('base64').replace(/=+$/, '')];
      for (const form of forms) expect(bytes.includes(form)).toBe(false);
    }
  }
});
