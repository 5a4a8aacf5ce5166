import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EdgeError, type Mark, Secret } from '../model/index.ts';
import type { Found, Store } from './contract.ts';
import { edgeErrorOf, expectNoSecret, markOf, printed } from './parts.suite.ts';

/** One store before a real (or faithfully played) other side, made anew for every test. */
export type StoreWorld<Target> = {
  readonly store: Store<Target>;
  /** Nothing is there yet, and it can be written. */
  readonly target: Target;
  /** Another place in the same container: another field of the secret, another variable of the file. */
  readonly otherTarget?: Target;
  /** The store's own login secrets, which must show up nowhere. */
  readonly planted: readonly string[];
  /** The other side fails for a while (refused, 503, disk full), or works again. */
  outage(on: boolean): Promise<void>;
  /** The other side refuses the write for good (no right), or allows it again. */
  forbid(on: boolean): Promise<void>;
  /** Someone else writes `value` at `target`, with their own tools and so without any mark. */
  meddle(value: string): Promise<void>;
  /** All that the other side holds, with its revisions: equal before and after means that nothing was written. */
  observe(): Promise<unknown>;
  /** Everything the store logged: see {@link memoryLog}. */
  logged(): string;
  /** Ends the other side; the suite itself closes the store. */
  end(): Promise<void>;
};

/** What a store can do by its nature. Both, unless its world says otherwise. */
export type StoreTraits = {
  /** It can tell that the destination changed since the caller read it. */
  readonly compares: boolean;
  /** One container holds several destinations; the world then gives `otherTarget`. */
  readonly neighbours: boolean;
};

/**
 * What every store promises, whatever it writes to.
 *
 * @example storeContract('Vault KV v2', () => startVaultWorld());
 */
export function storeContract<Target>(
  name: string,
  makeWorld: () => Promise<StoreWorld<Target>>,
  traits: StoreTraits = { compares: true, neighbours: true },
): void {
  describe(`${name} keeps the store contract:`, () => {
    let world: StoreWorld<Target>;
    beforeEach(async () => {
      world = await makeWorld();
    });
    afterEach(async () => {
      await world.store.close();
      await world.end();
    });
    const current = () => world;
    versions(current);
    if (traits.neighbours) neighbours(current);
    if (traits.compares) comparison(current);
    faults(current);
    secrecy(current);
  });
}

/** Recognisable, and of the form that every destination can bear. */
const value = (number: number) => Secret.from(`ff_live_planted${number}zQ7vKx2mB9rT4wYc`);

const text = (found: Found | null) => found?.value?.reveal() ?? null;

async function publishNext<T>(world: StoreWorld<T>, number: number, target = world.target): Promise<Mark> {
  const mark = markOf(number);
  await world.store.publish(target, value(number), mark, await world.store.readBack(target));
  return mark;
}

function versions<T>(world: () => StoreWorld<T>): void {
  test('an empty destination reads as empty', async () => {
    const found = await world().store.readBack(world().target);
    expect([text(found), found?.mark ?? null]).toEqual([null, null]);
  });

  test('what was published is read back with its mark', async () => {
    const mark = await publishNext(world(), 1);
    const found = await world().store.readBack(world().target);
    expect([text(found), found?.mark]).toEqual([value(1).reveal(), mark]);
  });

  test('a mark without a key id is kept whole', async () => {
    const mark = markOf(1, { keyId: null, installation: 'other.name/staging-2' });
    const { store, target } = world();
    await store.publish(target, value(1), mark, await store.readBack(target));
    expect((await store.readBack(target))?.mark).toEqual(mark);
  });

  test('the next version takes the place of the one before', async () => {
    await publishNext(world(), 1);
    const mark = await publishNext(world(), 2);
    const found = await world().store.readBack(world().target);
    expect([text(found), found?.mark]).toEqual([value(2).reveal(), mark]);
  });

  test('the same version published twice is the same as once, also by one who missed the first success', async () => {
    const { store, target } = world();
    const before = await store.readBack(target);
    const mark = markOf(1);
    await store.publish(target, value(1), mark, before);
    const once = await world().observe();
    await store.publish(target, value(1), mark, before);
    await store.publish(target, value(1), mark, await store.readBack(target));
    expect(await world().observe()).toEqual(once);
  });

  test('a version that comes back is published anew under its new number', async () => {
    const first = await publishNext(world(), 1);
    await publishNext(world(), 2);
    const { store, target } = world();
    const back = { ...first, number: 3 };
    await store.publish(target, value(1), back, await store.readBack(target));
    const again = { ...back, number: 4 };
    await store.publish(target, value(1), again, await store.readBack(target));
    const found = await store.readBack(target);
    expect([text(found), found?.mark]).toEqual([value(1).reveal(), again]);
  });

  test('a value that someone else wrote over ours does not pass as ours', async () => {
    await publishNext(world(), 1);
    await world().meddle('their-own-value-1');
    const found = await world().store.readBack(world().target);
    expect([text(found), found?.mark]).toEqual(['their-own-value-1', null]);
  });
}

function neighbours<T>(world: () => StoreWorld<T>): void {
  const other = () => {
    const { otherTarget } = world();
    if (otherTarget === undefined) throw new TypeError('this world gives no otherTarget');
    return otherTarget;
  };

  test('a neighbour in the same container keeps its value and its mark', async () => {
    const kept = await publishNext(world(), 7, other());
    await publishNext(world(), 1);
    await publishNext(world(), 2);
    const found = await world().store.readBack(other());
    expect([text(found), found?.mark]).toEqual([value(7).reveal(), kept]);
  });

  test('two neighbours written at once are both there in the end', async () => {
    const { store, target } = world();
    await Promise.all([persist(world(), target, 1), persist(world(), other(), 2)]);
    expect(text(await store.readBack(target))).toBe(value(1).reveal());
    expect(text(await store.readBack(other()))).toBe(value(2).reveal());
  });
}

/** Publishes as the loop does: a conflict means to read again. */
async function persist<T>(world: StoreWorld<T>, target: T, number: number): Promise<void> {
  const mark = markOf(number);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await world.store.publish(target, value(number), mark, await world.store.readBack(target));
    } catch (error) {
      if (!(error instanceof EdgeError) || error.code !== 'conflict' || attempt === 10) throw error;
    }
  }
}

function comparison<T>(world: () => StoreWorld<T>): void {
  test('a write over something newer than the caller read is refused as a conflict, and nothing is lost', async () => {
    const { store, target } = world();
    await publishNext(world(), 1);
    const stale = await store.readBack(target);
    await world().meddle('their-own-value-2');
    const error = await edgeErrorOf(store.publish(target, value(2), markOf(2), stale));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(text(await store.readBack(target))).toBe('their-own-value-2');
    await publishNext(world(), 2);
    expect(text(await store.readBack(target))).toBe(value(2).reveal());
  });

  test('a write by one who saw nothing does not replace what has come since', async () => {
    const { store, target } = world();
    const before = await store.readBack(target);
    await world().meddle('their-own-value-3');
    const error = await edgeErrorOf(store.publish(target, value(1), markOf(1), before));
    expect(error.failure).toMatchObject({ code: 'conflict', verdict: 'retryable' });
    expect(text(await store.readBack(target))).toBe('their-own-value-3');
  });
}

function faults<T>(world: () => StoreWorld<T>): void {
  test('preflight passes where the destination can be written, and writes nothing', async () => {
    const empty = await world().observe();
    await world().store.preflight(world().target);
    expect(await world().observe()).toEqual(empty);
    await publishNext(world(), 1);
    const filled = await world().observe();
    await world().store.preflight(world().target);
    expect(await world().observe()).toEqual(filled);
  });

  test('an outage fails with a verdict that lets it be tried again, and then all works again', async () => {
    const { store, target } = world();
    await publishNext(world(), 1);
    const before = await store.readBack(target);
    await world().outage(true);
    const error = await edgeErrorOf(store.publish(target, value(2), markOf(2), before));
    expect(['retryable', 'unknown']).toContain(error.failure.verdict);
    const refusal = await edgeErrorOf(store.preflight(target));
    expect(['retryable', 'unknown']).toContain(refusal.failure.verdict);
    await world().outage(false);
    await store.preflight(target);
    await publishNext(world(), 3);
    expect(text(await store.readBack(target))).toBe(value(3).reveal());
  });

  test('a missing right is a permanent failure that changes nothing, until a person grants it', async () => {
    const { store, target } = world();
    await publishNext(world(), 1);
    const before = await store.readBack(target);
    const filled = await world().observe();
    await world().forbid(true);
    const error = await edgeErrorOf(store.publish(target, value(2), markOf(2), before));
    expect(error.failure.verdict).toBe('permanent');
    await world().forbid(false);
    expect(await world().observe()).toEqual(filled);
    await publishNext(world(), 2);
    expect(text(await store.readBack(target))).toBe(value(2).reveal());
  });

  test('the login is renewed now, and the store says when next or never', async () => {
    const next = await world().store.renewLogin();
    expect(next === null || (Number.isInteger(next) && next > 0)).toBe(true);
    await publishNext(world(), 1);
    expect(text(await world().store.readBack(world().target))).toBe(value(1).reveal());
  });
}

function secrecy<T>(world: () => StoreWorld<T>): void {
  test('no secret shows in an error, its causes or the log', async () => {
    const { store, target, planted } = world();
    const secrets = [...planted, value(1).reveal(), value(2).reveal(), 'their-own-value-4'];
    await publishNext(world(), 1);
    const stale = await store.readBack(target);
    await world().meddle('their-own-value-4');
    const shown: string[] = [];
    const attempt = async () => {
      for (const act of [
        () => store.publish(target, value(2), markOf(2), stale),
        () => store.preflight(target),
        () => store.readBack(target),
        () => store.renewLogin(),
      ]) {
        await act().catch((error: unknown) => {
          expect(error).toBeInstanceOf(EdgeError);
          shown.push(printed(error));
        });
      }
    };
    await world().forbid(true);
    await attempt();
    await world().forbid(false);
    await world().outage(true);
    await attempt();
    expect(shown.length).toBeGreaterThanOrEqual(2);
    expectNoSecret([...shown, inspect(store, { depth: 12, showHidden: true })].join('\n'), secrets);
    expectNoSecret(world().logged(), secrets);
    await world().outage(false);
  });

  test('what is read prints as redacted', async () => {
    await publishNext(world(), 1);
    const found = await world().store.readBack(world().target);
    expectNoSecret(inspect(found, { depth: 12, showHidden: true }) + JSON.stringify(found), [
      value(1).reveal(),
    ]);
  });
}
