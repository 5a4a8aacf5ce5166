import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Change, Secret } from '../../model/index.ts';
import { type Folder, makeFolder } from '../suite/folder.suite.ts';
import {
  answer,
  authorization,
  CLIENT,
  deleteGrant,
  narrowToken,
  putGrant,
  SUBJECT,
} from '../suite/grant-samples.suite.ts';

const former = Secret.from(randomBytes(32));
const present = Secret.from(randomBytes(32));
/** More than are sealed anew in two transactions. */
const COUNT = 1_100;

let folder: Folder;
beforeEach(() => {
  folder = makeFolder();
});
afterEach(() => folder.remove());

const subjectOf = (index: number) => `user-${String(index).padStart(5, '0')}`;

/** One of everything that OAuth keeps sealed. */
const everything: readonly Change[] = [
  putGrant(),
  answer('{"answer":1}'),
  { type: 'narrow.put', token: narrowToken() },
  {
    type: 'authorization.put',
    authorization: authorization(),
    secrets: {
      verifier: Secret.from('the-verifier'),
      callback: Secret.from('code=the-code'),
      answer: Secret.from('{"exchanged":1}'),
    },
  },
];

/** Reads or changes the closed database behind the state's back. */
function behind<T>(task: (database: DatabaseSync) => T, file = folder.file): T {
  const database = new DatabaseSync(file);
  try {
    return task(database);
  } finally {
    database.close();
  }
}

const boxesOf = (database: DatabaseSync) =>
  ['grants', 'narrow_tokens', 'sealed'].flatMap((table) =>
    database
      .prepare(`select box from ${table}`)
      .all()
      .map(({ box }) => String(box)),
  );

async function underFormerKey(changes: readonly Change[]): Promise<void> {
  const state = await folder.open([former]);
  await state.commit(changes);
  await state.close();
}

describe('master keys', () => {
  test('the first seals anew what the others sealed of grants, and nothing of theirs is left in the file', async () => {
    const many = Array.from({ length: COUNT }, (_, index) => putGrant({ subject: subjectOf(index) }));
    await underFormerKey([...many, putGrant({ client: 'another' }), ...everything]);
    const sealedByFormer = behind(boxesOf);
    const state = await folder.open([present, former]);
    const held = [...folder.bytes().values()];
    await state.close();
    expect(sealedByFormer).toHaveLength(COUNT + 1 + 6 + 1);
    for (const bytes of [...held, ...folder.bytes().values()]) {
      expect(sealedByFormer.filter((box) => bytes.includes(box))).toEqual([]);
    }
    const again = await folder.open([present]);
    for (const index of [0, 499, 500, COUNT - 1]) {
      const one = await again.grant(CLIENT, subjectOf(index));
      expect(one?.refresh.reveal()).toBe(`refresh-${subjectOf(index)}`);
    }
    expect((await again.grant(CLIENT, SUBJECT))?.answer?.reveal()).toBe('{"answer":1}');
    expect((await again.grant('another', SUBJECT))?.access?.reveal()).toBe(`access-${SUBJECT}`);
    expect((await again.narrowToken(CLIENT, SUBJECT, 'asset:download'))?.value.reveal()).toBe('narrow-1');
    const { secrets } = (await again.authorization('authorization-1')) ?? {};
    const texts = [secrets?.verifier, secrets?.callback, secrets?.answer].map((secret) => secret?.reveal());
    expect(texts).toEqual(['the-verifier', 'code=the-code', '{"exchanged":1}']);
    expect((await again.grantCounts(CLIENT)).active).toBe(COUNT + 1);
    await again.close();
  });

  test.each(['grants', 'narrow_tokens'])(
    'one that still seals a single row of %s cannot be left out',
    async (table) => {
      await underFormerKey(everything);
      const row = behind((database) => database.prepare(`select key_id, box from ${table}`).get());
      await (await folder.open([present, former])).close();
      behind((database) => {
        const values = [String(row?.key_id), String(row?.box)] as const;
        database.prepare(`update ${table} set key_id = ?, box = ?`).run(...values);
        if (table !== 'grants') return;
        database.exec('delete from grant_counts where count = 0');
        database.prepare('update grant_counts set key_id = ?').run(values[0]);
      });
      const before = folder.bytes();
      await expect(folder.open([present])).rejects.toMatchObject({ code: 'wrong_key' });
      expect(folder.bytes()).toEqual(before);
      const state = await folder.open([present, former]);
      expect((await state.grant(CLIENT, SUBJECT))?.refresh.reveal()).toBe(`refresh-${SUBJECT}`);
      await state.close();
    },
  );

  test('another that seals from now on seals a grant at its next put, which is counted once', async () => {
    await underFormerKey([putGrant()]);
    const state = await folder.open([present, former]);
    await state.commit([putGrant(), putGrant({ subject: 'user-2' })]);
    expect((await state.grantCounts(CLIENT)).active).toBe(2);
    await state.close();
    const again = await folder.open([present]);
    expect((await again.grant(CLIENT, SUBJECT))?.refresh.reveal()).toBe(`refresh-${SUBJECT}`);
    await again.close();
  });
});

test.each([
  [
    'tokens',
    "update grants set box = (select box from grants where subject = 'user-2') where subject = 'user-1'",
  ],
  [
    'answer',
    `update sealed set box = (select box from sealed where id like '%user-2%') where id like '%user-1%'`,
  ],
])('the %s of a grant, moved to another grant, do not open', async (_, swap) => {
  await underFormerKey([putGrant(), putGrant({ subject: 'user-2' }), answer('1'), answer('2', 'user-2')]);
  behind((database) => database.exec(swap));
  const state = await folder.open([former]);
  await expect(state.grant(CLIENT, 'user-1')).rejects.toMatchObject({ code: 'state_corrupt' });
  expect((await state.grant(CLIENT, 'user-2'))?.answer?.reveal()).toBe('2');
  await state.close();
});

test('a token with fewer scopes does not open in the place of another one of the same grant', async () => {
  const tokens = ['a', 'b'].map((scope) => narrowToken({ scope }));
  await underFormerKey(tokens.map((token) => ({ type: 'narrow.put', token })));
  behind((database) =>
    database.exec(
      "update narrow_tokens set box = (select box from narrow_tokens where scope = 'a') where scope = 'b'",
    ),
  );
  const state = await folder.open([former]);
  await expect(state.narrowToken(CLIENT, SUBJECT, 'b')).rejects.toMatchObject({ code: 'state_corrupt' });
  await state.close();
});

test('of a grant that is deleted no sealed value is left in the files', async () => {
  const state = await folder.open([present]);
  await state.commit(everything.filter(({ type }) => type !== 'authorization.put'));
  const copy = makeFolder();
  mkdirSync(copy.path, { mode: 0o700 });
  for (const [name, bytes] of folder.bytes()) writeFileSync(join(copy.path, name), bytes, { mode: 0o600 });
  behind((database) => database.exec("delete from sealed where place = 'meta.fingerprint_key'"), copy.file);
  const sealed = behind(boxesOf, copy.file);
  copy.remove();
  await state.commit([deleteGrant()]);
  const whileOpen = [...folder.bytes().values()];
  await state.close();
  expect(sealed).toHaveLength(3);
  for (const bytes of [...whileOpen, ...folder.bytes().values()]) {
    expect(sealed.filter((box) => bytes.includes(box))).toEqual([]);
  }
});

test('the bytes of no token, answer or verifier ever reach the files', async () => {
  const planted = Array.from({ length: 7 }, () => Secret.from(randomBytes(48).toString('base64url')));
  const [refresh, access, raw, narrow, verifier, callback, exchanged] = planted as [Secret, ...Secret[]];
  const state = await folder.open([present]);
  await state.commit([
    {
      ...(putGrant() as Extract<Change, { type: 'grant.put' }>),
      tokens: { refresh, access: access ?? null },
    },
    { type: 'grant.answer', client: CLIENT, subject: SUBJECT, answer: raw ?? null },
    { type: 'narrow.put', token: narrowToken(narrow === undefined ? {} : { value: narrow }) },
    {
      type: 'authorization.put',
      authorization: authorization(),
      secrets: { verifier: verifier ?? refresh, callback: callback ?? null, answer: exchanged ?? null },
    },
  ]);
  const whileOpen = [...folder.bytes().values()];
  await state.close();
  for (const bytes of [...whileOpen, ...folder.bytes().values()]) {
    for (const secret of planted) {
      const raw = secret.bytes();
      const forms = [raw, raw.toString('hex'), raw.toString('base64').replace(/=+$/, '')];
      for (const form of forms) expect(bytes.includes(form)).toBe(false);
    }
  }
});
