import { describe, expect, it } from 'vitest';
import { type MakeWorld, type ProviderWorld, READ, worldOf } from './contract.suite.ts';

export type LogWorld = ProviderWorld & {
  /** How many events the log gains, oldest first, and their ids. */
  addEvents(count: number): readonly string[];
};

/** What a provider promises that keeps a log of its keys' use. */
export function logContract(name: string, makeWorld: MakeWorld<LogWorld>): void {
  describe(`${name} as a provider that has a log`, () => {
    const world = worldOf(makeWorld);

    it('reads it page by page, in order, and goes on from the last cursor', async () => {
      const { provider, key } = world();
      const early = world().addEvents(15);
      const first = await provider.readLog(key, READ);
      expect([first.events.map(({ id }) => id), first.hasMore]).toEqual([early.slice(0, 10), true]);
      const rest = await provider.readLog(key, { ...READ, cursor: first.nextCursor });
      expect([rest.events.map(({ id }) => id), rest.hasMore]).toEqual([early.slice(10), false]);
      const late = world().addEvents(1);
      const more = await provider.readLog(key, { ...READ, cursor: rest.nextCursor });
      expect(more.events.map(({ id }) => id)).toEqual(late);
    });
  });
}
