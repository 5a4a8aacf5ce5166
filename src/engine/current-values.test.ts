import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Change, Secret, type Version } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import { CurrentValues } from './current-values.ts';
import { blankRecord } from './start.ts';

const NAME = 'frameflow-prod';
const OTHER = 'frameflow-batch';
const NOW = Date.UTC(2026, 9, 1, 9);
/** Longer than any test. */
const NEVER_LOOKS = 2_000_000_000;
const never = new AbortController().signal;

let state: State;
let reads: number;
let values: CurrentValues;

beforeEach(async () => {
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: () => NOW, owner: 'test' });
  values = watching(NEVER_LOOKS);
  await state.commit(
    [NAME, OTHER].map((name) => ({
      type: 'credential.put',
      record: blankRecord(name, 'frameflow', NOW),
    })),
  );
  await commit(put(1, 'current'), put(1, 'current', OTHER));
});

afterEach(() => state.close());

/** Counts the reads of a credential. */
function watching(lookEvery: number): CurrentValues {
  reads = 0;
  const counted: Pick<State, 'credential' | 'versionValue'> = {
    credential: (name) => {
      reads += 1;
      return state.credential(name);
    },
    versionValue: (id) => state.versionValue(id),
  };
  return new CurrentValues(counted, lookEvery);
}

function put(number: number, version: Version['state'], credential = NAME): Change {
  return {
    type: 'version.put',
    version: {
      id: `${credential}-${number}`,
      credential,
      number,
      keyId: `key_${number}`,
      state: version,
      origin: 'minted',
      fingerprint: '',
      createdAt: NOW,
      expiresAt: null,
      compromisedAt: null,
      acceptedAt: NOW,
      probedAt: NOW,
    },
    value: Secret.from(`value-${number}`),
  };
}

/** As the engine's committer does. */
async function commit(...changes: readonly Change[]): Promise<void> {
  await state.commit(changes);
  values.committed(changes);
}

const ROTATED = [put(1, 'retiring'), put(2, 'current')];

/** Whether it has resolved once everything that was under way has run. */
async function isOver(wait: Promise<void>): Promise<boolean> {
  let over = false;
  void wait.then(() => {
    over = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  return over;
}

test('a reader is woken by the commit that brings its credential another current version, and by no other', async () => {
  const place = values.enter(NAME, never);
  const wait = place.after(`${NAME}-1`);
  await commit(put(2, 'current', OTHER));
  await commit(put(1, 'current'));
  await commit(put(2, 'pending'));
  await commit({ type: 'use.put', keyId: 'key_1', at: NOW });
  expect(await isOver(wait)).toBe(false);
  await commit(...ROTATED);
  expect(await isOver(wait)).toBe(true);
  expect((await values.read(NAME))?.value.reveal()).toBe('value-2');
  expect(await isOver(place.after(`${NAME}-2`))).toBe(false);
});

test('what is committed between a reader’s look and its wait is not missed', async () => {
  const place = values.enter(NAME, never);
  const held = await values.read(NAME);
  await commit(...ROTATED);
  expect(await isOver(place.after(held?.version.id ?? null))).toBe(true);
});

test('where nothing is current yet, the first version ends the wait', async () => {
  const place = values.enter('new', never);
  expect(await values.read('new')).toBe(null);
  const wait = place.after(null);
  await state.commit([{ type: 'credential.put', record: blankRecord('new', 'frameflow', NOW) }]);
  await commit(put(1, 'current', 'new'));
  expect(await isOver(wait)).toBe(true);
});

test('an abort ends the wait and gives the place up; so does leaving', async () => {
  const gone = new AbortController();
  const [one, two] = [values.enter(NAME, gone.signal), values.enter(NAME, never)];
  const wait = one.after(`${NAME}-1`);
  expect(values.waiting(NAME)).toBe(2);
  gone.abort();
  expect(await isOver(wait)).toBe(true);
  expect(await isOver(one.after(`${NAME}-1`))).toBe(true);
  expect(values.waiting(NAME)).toBe(1);
  two.leave();
  expect(values.waiting(NAME)).toBe(0);
  values.enter(NAME, gone.signal);
  expect(values.waiting(NAME)).toBe(0);
});

test('those who are woken together share one read, and never one that began before the commit', async () => {
  const places = Array.from({ length: 1_000 }, () => values.enter(NAME, never));
  const woken = places.map(async (place) => {
    await place.after(`${NAME}-1`);
    return values.read(NAME);
  });
  const early = values.read(NAME);
  const changes = ROTATED;
  await state.commit(changes);
  reads = 0;
  values.committed(changes);
  const held = await Promise.all(woken);
  expect(new Set(held.map((each) => each?.version.number))).toEqual(new Set([2]));
  expect(reads).toBe(1);
  await early;
});

test('a commit of another process is found by a look', async () => {
  values = watching(5);
  const [behind, ahead] = [values.enter(NAME, never), values.enter(NAME, never)];
  const wait = behind.after(`${NAME}-1`);
  const stays = ahead.after(`${NAME}-2`);
  await state.commit(ROTATED);
  await wait;
  expect(await isOver(stays)).toBe(false);
  behind.leave();
  ahead.leave();
});
