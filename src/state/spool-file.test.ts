import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Secret } from '../model/index.ts';
import type { StateError } from './contract.ts';
import type { Spool, SpooledAnswer } from './spool.ts';
import { openSpool } from './spool-file.ts';
import { type Folder, KEY, makeFolder } from './suite/folder.suite.ts';
import { startChild } from './suite/processes.suite.ts';
import { T } from './suite/samples.suite.ts';

const SIZE = 65_536;
const NAME = 'frameflow-prod';

let folder: Folder;
let spool: Spool;
let torn: StateError[];
beforeEach(() => {
  folder = makeFolder();
  mkdirSync(folder.path, { mode: 0o700 });
  torn = [];
  spool = open([KEY]);
});
afterEach(() => folder.remove());

const open = (keys: readonly Secret[]) =>
  openSpool({ database: folder.file, keys, torn: (error) => torn.push(error) });
const spoolFolder = () => `${folder.file}.spool`;
const pathOf = (credential = NAME) => join(spoolFolder(), credential);
const bytesOf = (credential = NAME) => readFileSync(pathOf(credential));

function answer(over: Partial<SpooledAnswer> = {}): SpooledAnswer {
  return {
    credential: NAME,
    rotationId: 'rotation-1',
    answer: Secret.from('{"api_key":"ff_live_“ü”\\n"}\n'),
    at: T,
    ...over,
  };
}

const shown = (entries: readonly SpooledAnswer[]) =>
  entries.map((entry) => ({ ...entry, answer: entry.answer.bytes().toString('hex') }));

describe('room for an answer', () => {
  test('is one private file a credential, of real bytes and full size', async () => {
    await spool.reserve(NAME);
    await spool.reserve('a');
    const stat = statSync(pathOf());
    expect([stat.size, stat.blocks * 512 >= SIZE]).toEqual([SIZE, true]);
    expect((stat.mode & 0o777).toString(8)).toBe('600');
    expect((statSync(spoolFolder()).mode & 0o777).toString(8)).toBe('700');
    expect(readdirSync(spoolFolder())).toEqual(['a', NAME]);
    expect(await spool.load()).toEqual([]);
  });

  test('that is there already is left as it is, with what is in it', async () => {
    await spool.save(answer());
    const before = bytesOf();
    await spool.reserve(NAME);
    expect(bytesOf().equals(before)).toBe(true);
  });

  test('of which a part is there is completed', async () => {
    await spool.reserve(NAME);
    truncateSync(pathOf(), 4096);
    expect(await spool.load()).toEqual([]);
    await spool.reserve(NAME);
    expect(statSync(pathOf()).size).toBe(SIZE);
  });

  test('that the disk does not give is told, and is there once it does', async () => {
    const refused = await startChild('spool', folder.file, { limit: '64' }).ended();
    expect(refused.lines).toEqual(['state_unwritable', 'state_unwritable']);
    expect(await spool.load()).toEqual([]);
    await spool.reserve(NAME);
    expect(statSync(pathOf()).size).toBe(SIZE);
    const granted = await startChild('spool', folder.file).ended();
    expect(granted.lines).toEqual(['reserved', 'saved']);
  });
});

describe('an answer', () => {
  test('comes back byte for byte until it is cleared, which leaves zeros', async () => {
    const bytes = answer({
      credential: 'a.b_c-1',
      rotationId: 'r\n"2"',
      answer: Secret.from(randomBytes(60_000)),
    });
    const empty = answer({ credential: 'z', answer: Secret.from('') });
    for (const entry of [answer(), bytes, empty]) await spool.save(entry);
    expect(shown(await open([KEY]).load())).toEqual(shown([bytes, answer(), empty]));
    await spool.clear('a.b_c-1');
    await spool.clear('never-seen');
    expect(shown(await spool.load())).toEqual(shown([answer(), empty]));
    expect(bytesOf('a.b_c-1').equals(Buffer.alloc(SIZE))).toBe(true);
    expect(torn).toEqual([]);
  });

  test('takes the place of the one before it in the same file, of which nothing is left', async () => {
    await spool.reserve(NAME);
    linkSync(pathOf(), join(folder.path, 'same'));
    const blocks = statSync(pathOf()).blocks;
    await spool.save(answer({ answer: Secret.from(randomBytes(50_000)) }));
    const former = bytesOf().subarray(1000, 50_000);
    await spool.save(answer());
    expect(readFileSync(join(folder.path, 'same')).equals(bytesOf())).toBe(true);
    expect(statSync(pathOf())).toMatchObject({ size: SIZE, blocks });
    expect(
      bytesOf()
        .subarray(1000)
        .equals(Buffer.alloc(SIZE - 1000)),
    ).toBe(true);
    expect(former.equals(Buffer.alloc(former.length))).toBe(false);
    expect(shown(await spool.load())).toEqual(shown([answer()]));
  });

  test('that has no room is refused, and what was there stays', async () => {
    await spool.save(answer());
    const large = answer({ answer: Secret.from(randomBytes(SIZE)) });
    await expect(spool.save(large)).rejects.toMatchObject({ code: 'state_full' });
    expect(shown(await spool.load())).toEqual(shown([answer()]));
  });

  test('shows no byte of itself in the file', async () => {
    const secret = Secret.from(`ff_live_${randomBytes(32).toString('base64url')}`);
    await spool.save(answer({ answer: secret }));
    const raw = secret.bytes();
    for (const form of [raw, raw.toString('hex'), raw.toString('base64').replace(/=+$/, '')]) {
      expect(bytesOf().includes(form)).toBe(false);
    }
    for (let at = 0; at + 6 <= raw.length; at += 1)
      expect(bytesOf().includes(raw.subarray(at, at + 6))).toBe(false);
    expect(bytesOf().includes('rotation-1')).toBe(false);
  });
});

describe('a file that was written by halves', () => {
  const halves: Record<string, (bytes: Buffer) => void> = {
    'its end missing': (bytes) => bytes.fill(0, 4096),
    'its beginning missing': (bytes) => bytes.fill(0, 0, 512),
    'a sector in the middle missing': (bytes) => bytes.fill(0, 8192, 8704),
    'a length that cannot be': (bytes) => bytes.writeUInt32BE(0xffffffff, 18),
  };
  test.each(Object.keys(halves))('%s, is told once and hinders no other', async (name) => {
    await spool.save(answer({ credential: 'a' }));
    await spool.save(answer({ answer: Secret.from(randomBytes(20_000)) }));
    await spool.save(answer({ credential: 'z' }));
    const bytes = bytesOf();
    halves[name]?.(bytes);
    writeFileSync(pathOf(), bytes);
    const whole = shown([answer({ credential: 'a' }), answer({ credential: 'z' })]);
    expect(shown(await spool.load())).toEqual(whole);
    expect(torn).toMatchObject([{ code: 'state_corrupt', message: expect.stringContaining(pathOf()) }]);
    expect(shown(await spool.load())).toEqual(whole);
    expect(torn).toHaveLength(1);
  });
});

describe('what cannot be opened', () => {
  const other = Secret.from(randomBytes(32));

  test('for want of its key is told with what to do, and opens once the key is there', async () => {
    await spool.save(answer());
    const before = bytesOf();
    await expect(open([other]).load()).rejects.toMatchObject({
      code: 'wrong_key',
      message: expect.stringContaining('state.encryptionKeys'),
    });
    expect(bytesOf().equals(before)).toBe(true);
    expect(shown(await open([other, KEY]).load())).toEqual(shown([answer()]));
    expect(() => open([])).toThrow(expect.objectContaining({ code: 'wrong_key' }));
  });

  test('because it was moved to another credential is told with its file', async () => {
    await spool.save(answer());
    renameSync(pathOf(), pathOf('another'));
    await expect(spool.load()).rejects.toMatchObject({
      code: 'state_corrupt',
      message: expect.stringContaining(pathOf('another')),
    });
  });
});

describe('what is not ours', () => {
  test('a symbolic link is never followed, for a file or for the folder', async () => {
    const target = join(folder.path, 'target');
    writeFileSync(target, 'theirs', { mode: 0o600 });
    await spool.reserve('a');
    symlinkSync(target, pathOf());
    const refused = { code: 'state_unwritable', message: expect.stringContaining(pathOf()) };
    await expect(spool.reserve(NAME)).rejects.toMatchObject(refused);
    await expect(spool.save(answer())).rejects.toMatchObject(refused);
    await expect(spool.clear(NAME)).rejects.toMatchObject(refused);
    await expect(spool.load()).rejects.toMatchObject(refused);
    expect(readFileSync(target, 'utf8')).toBe('theirs');
    unlinkSync(pathOf());
    renameSync(spoolFolder(), join(folder.path, 'elsewhere'));
    symlinkSync(join(folder.path, 'elsewhere'), spoolFolder());
    await expect(spool.reserve(NAME)).rejects.toMatchObject({ code: 'state_unwritable' });
    await expect(spool.load()).rejects.toMatchObject({ code: 'state_unwritable' });
    expect(readdirSync(join(folder.path, 'elsewhere'))).toEqual(['a']);
  });

  test('a file or folder that other users can reach is refused', async () => {
    await spool.save(answer());
    chmodSync(pathOf(), 0o640);
    const message = expect.stringContaining(`chmod 600 ${pathOf()}`);
    await expect(spool.reserve(NAME)).rejects.toMatchObject({ code: 'state_exposed', message });
    await expect(spool.load()).rejects.toMatchObject({ code: 'state_exposed', message });
    chmodSync(pathOf(), 0o600);
    chmodSync(spoolFolder(), 0o755);
    await expect(spool.reserve('a')).rejects.toMatchObject({ code: 'state_exposed' });
  });

  test('names that no credential has are never made files, nor read as such', async () => {
    await expect(spool.reserve('../a')).rejects.toThrow(TypeError);
    await spool.save(answer());
    writeFileSync(join(spoolFolder(), 'README.txt'), 'hello');
    writeFileSync(join(spoolFolder(), '.nfs1'), 'hello');
    expect(shown(await spool.load())).toEqual(shown([answer()]));
  });
});
