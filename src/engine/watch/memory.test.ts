import { expect, test } from 'vitest';
import type { WatchContext } from '../../detectors/contract.ts';
import { event } from '../../detectors/testing/traffic.ts';
import { createWatch } from '../../detectors/watch.ts';
import type { LogEvent, WatchPart } from '../../model/index.ts';
import { WatchMemory } from './memory.ts';
import { NO_RULES, START } from './testing/world.ts';

const context: WatchContext = { monitor: 'log', locate: () => null, keys: [], now: START, feed: null };

const calls = (from: number, to: number): LogEvent[] =>
  Array.from({ length: to - from }, (_, index) =>
    event({ id: `${from + index}`, time: START, keyId: `key_${from + index}` }),
  );

/** A state that holds what is committed, and counts the parts it was asked for: two for each key. */
function stateWith(parts: Map<string, string>) {
  const asked: string[] = [];
  return {
    asked,
    opened: 0,
    async watchGeneral(): Promise<WatchPart[]> {
      this.opened += 1;
      return [...parts].filter(([name]) => !name.startsWith('key.'));
    },
    async watchParts(_: string, names: readonly string[]): Promise<WatchPart[]> {
      asked.push(...names);
      return names.flatMap((name) => (parts.has(name) ? [[name, parts.get(name) ?? ''] as const] : []));
    },
  };
}

test('each key is read once, until more than ten thousand are at hand: then all is read anew', async () => {
  const parts = new Map<string, string>();
  const state = stateWith(parts);
  const watch = createWatch(NO_RULES);
  const memory = await WatchMemory.open(state, watch, 'log');
  const page = async (events: readonly LogEvent[]) => {
    const watched = await memory.ready(events, context);
    watch.observe(watched, events, context);
    for (const change of memory.changes()) {
      if (change.type === 'watch.parts') for (const [name, body] of change.put) parts.set(name, body);
    }
    return watched;
  };
  await page(calls(0, 6_000));
  await page(calls(0, 6_000));
  expect([state.asked.length, state.opened]).toEqual([12_000, 1]);
  await page(calls(6_000, 10_001));
  expect(state.opened).toBe(1);
  const watched = await page(calls(3, 4));
  expect([state.asked.length, state.opened]).toEqual([20_004, 2]);
  expect([...watched.habits.all()].map(({ keyId }) => keyId)).toEqual(['key_3']);
  expect(parts.get('key.key_3')).toContain('203.0.113.5');
});

test('keys of ours that were never used are asked for once, and fill no memory', async () => {
  const state = stateWith(new Map());
  const watch = createWatch(NO_RULES);
  const memory = await WatchMemory.open(state, watch, 'log');
  const keys = Array.from({ length: 1_000 }, (_, index) => ({
    keyId: `key_${index}`,
    credential: `credential-${index}`,
    state: 'current' as const,
    expiresAt: null,
    compromisedAt: null,
  }));
  for (let page = 0; page < 30; page += 1) await memory.ready(calls(page, page + 1), { ...context, keys });
  expect([state.asked.length, state.opened]).toEqual([2_000, 1]);
});
