import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CredentialConfig } from '../config/types.ts';
import type { Change, Claim, Destination, Mark, Version } from '../model/index.ts';
import { DAY, HOUR, Secret } from '../model/index.ts';
import type { State } from '../state/contract.ts';
import { openMemory } from '../state/sqlite/index.ts';
import type { Found, Store } from '../stores/contract.ts';
import { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { publicationId } from './destination.ts';
import { createKeyedHash } from './hash.ts';
import { turnPublication } from './publish.ts';
import { blankRecord, reconcileConfiguration } from './start.ts';
import { clockAt, contextOf } from './testing/context.ts';

const NAME = 'frameflow-prod';
const PLACE = 'shelf:key';
const NOW = Date.UTC(2026, 9, 1, 9);
const LANE = 'store:shelf';
const hash = createKeyedHash(Secret.from(Buffer.alloc(32, 1)));

/** A store of one place; `read` is what else happens while it is being read. */
class Shelf implements Store<unknown> {
  content: { readonly value: Secret; readonly mark: Mark } | null = null;
  read: () => Promise<void> = async () => undefined;
  writes = 0;

  async preflight(): Promise<void> {}
  async readBack(): Promise<Found | null> {
    const content = this.content && { ...this.content, revision: String(this.writes) };
    await this.read();
    return content;
  }
  async publish(_target: unknown, value: Secret, mark: Mark): Promise<void> {
    this.writes += 1;
    this.content = { value, mark };
  }
  async renewLogin(): Promise<null> {
    return null;
  }
  async close(): Promise<void> {}
}

let state: State;
let shelf: Shelf;
let context: EngineContext;
let committer: Committer;

beforeEach(async () => {
  state = await openMemory({ keys: [Secret.from(Buffer.alloc(32, 7))], now: () => NOW, owner: 'test' });
  shelf = new Shelf();
  context = contextWith(shelf);
  committer = new Committer(context, () => undefined);
  const work = { kind: 'publication', id: publicationId(NAME, PLACE), lane: LANE, dueAt: NOW } as const;
  await state.commit([
    { type: 'credential.put', record: { ...blankRecord(NAME, 'frameflow', NOW), state: 'managed' } },
    put(1, 'current'),
    { type: 'work.put', work },
  ]);
});

afterEach(() => state.close());

function contextWith(store: Store<unknown>): EngineContext {
  const credential: CredentialConfig = {
    name: NAME,
    provider: 'frameflow',
    keyId: null,
    secret: null,
    rotation: { overlap: 3 * DAY } as CredentialConfig['rotation'],
    drift: { check: HOUR, onDrift: 'alert' },
    destinations: [
      { id: PLACE, store: 'shelf', target: {} as never, required: true, consumerLag: 0, onChange: null },
    ],
  };
  return contextOf({
    state,
    clock: clockAt(() => NOW),
    hash,
    config: {
      installation: { name: 'footage', environment: 'test' },
      credentials: { [NAME]: credential },
    },
    plugins: { stores: new Map([['shelf', store]]) },
  });
}

const secretOf = (number: number) => Secret.from(`value of version ${number}`);

function put(number: number, versionState: Version['state']): Change {
  const value = secretOf(number);
  const version: Version = {
    id: `version-${number}`,
    credential: NAME,
    number,
    keyId: `key_${number}`,
    state: versionState,
    origin: 'minted',
    fingerprint: hash.fingerprint(value),
    createdAt: NOW,
    expiresAt: null,
    compromisedAt: null,
    acceptedAt: null,
    probedAt: null,
  };
  return { type: 'version.put', version, value };
}

async function claim(until = NOW + HOUR): Promise<Claim> {
  const [taken] = await state.claim(LANE, { now: until - HOUR, until, limit: 1 });
  if (taken === undefined) throw new Error('nothing is due');
  return taken;
}

async function destination(): Promise<Destination | undefined> {
  return (await state.credential(NAME))?.destinations[0];
}

async function dueAt(): Promise<number | undefined> {
  return (await state.scheduled('publication'))[0]?.dueAt;
}

test('a destination gets the current version, and is looked at again within the period of its checks', async () => {
  await turnPublication(context, committer, await claim());
  expect(shelf.content?.mark.number).toBe(1);
  expect(await destination()).toMatchObject({ state: 'published', versionId: 'version-1', checkedAt: NOW });
  const next = (await dueAt()) ?? 0;
  expect(next).toBeGreaterThan(NOW);
  expect(next).toBeLessThanOrEqual(NOW + HOUR);
});

describe('a start looks at a destination that had its version', () => {
  const restartedAt = async (now: number) => {
    await turnPublication(context, committer, await claim());
    const looks = await dueAt();
    const config = { ...context.config, stores: {}, oauthClients: {}, monitors: {} };
    await state.commit(
      await reconcileConfiguration({ ...context, config, clock: { ...context.clock, now: () => now } }),
    );
    return { looks, due: await dueAt() };
  };

  test('when it would have been looked at anyway', async () => {
    const { looks, due } = await restartedAt(NOW + 1);
    expect(due).toBe(looks);
  });

  test('when it would have been, which is past where nobody ran then', async () => {
    const { looks, due } = await restartedAt(NOW + 31 * HOUR);
    expect(due).toBe(looks);
  });

  test('at once where its last look lies ahead of a clock that was set back', async () => {
    const { due } = await restartedAt(NOW - 2 * DAY);
    expect(due).toBe(NOW - 2 * DAY);
  });
});

describe('a process that was paused between the reading and the writing', () => {
  test('writes no version that is no longer the current one; the newer one is due at once', async () => {
    shelf.read = () => state.commit([put(1, 'retiring'), put(2, 'current')]);
    await turnPublication(context, committer, await claim());
    expect(shelf.writes).toBe(0);
    expect(await destination()).toBeUndefined();
    expect(await dueAt()).toBe(NOW);
    shelf.read = async () => undefined;
    await turnPublication(context, committer, await claim());
    expect(shelf.content?.mark.number).toBe(2);
  });

  test('writes nothing where somebody else has taken the destination over', async () => {
    const mine = await claim();
    shelf.read = async () => {
      await claim(NOW + 5 * HOUR);
    };
    await expect(turnPublication(context, committer, mine)).rejects.toMatchObject({ code: 'claim_lost' });
    expect(shelf.writes).toBe(0);
  });
});

test('what is written to the destination’s record while it is visited is kept: its hook has run meanwhile', async () => {
  await turnPublication(context, committer, await claim());
  const known = await destination();
  if (known === undefined) throw new Error('nothing is known of the destination');
  const hook = { versionId: 'version-1', attempts: 0, lastError: null, at: NOW } as const;
  const before = { ...known, hook: { ...hook, state: 'owed' } } as const;
  await state.commit([{ type: 'destination.put', destination: before }]);

  // Between the reading of the record and the commit that is made of it.
  const commit = state.commit.bind(state);
  let raced = false;
  const racing: State = {
    ...state,
    commit: async (changes, options) => {
      if (!raced && changes.some(({ type }) => type === 'destination.expect')) {
        raced = true;
        const done = { ...before, hook: { ...hook, state: 'done' } } as const;
        await commit([{ type: 'destination.put', destination: done }]);
      }
      return commit(changes, options);
    },
  };
  const later = { ...context, state: racing };
  await turnPublication(later, new Committer(later, () => undefined), await claim(NOW + 3 * HOUR));
  expect(raced).toBe(true);
  expect(await destination()).toMatchObject({ state: 'published', hook: { state: 'done' } });
});

test('a version that became current while its predecessor was written is due at once', async () => {
  const publish = shelf.publish.bind(shelf);
  shelf.publish = async (target, value, mark) => {
    await publish(target, value, mark);
    await state.commit([put(1, 'retiring'), put(2, 'current')]);
  };
  await turnPublication(context, committer, await claim());
  expect(await destination()).toMatchObject({ state: 'published', versionId: 'version-1' });
  expect(await dueAt()).toBe(NOW);
});
