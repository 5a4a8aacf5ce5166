import { expect, test } from 'vitest';
import type { Change } from '../model/index.ts';
import { dueByOurClock } from './due-times.ts';

const work = { kind: 'publication', id: 'a', lane: 'store:vault' } as const;

test('what is due at the provider’s time is due as far ahead of ours', () => {
  const changes: Change[] = [
    { type: 'work.put', work: { ...work, dueAt: 1_000 } },
    { type: 'work.wake', kind: 'credential', id: 'b', at: 1_005 },
    { type: 'work.delete', kind: 'hook', id: 'c' },
  ];
  expect(dueByOurClock(changes, 1_000, 400)).toEqual([
    { type: 'work.put', work: { ...work, dueAt: 400 } },
    { type: 'work.wake', kind: 'credential', id: 'b', at: 405 },
    { type: 'work.delete', kind: 'hook', id: 'c' },
  ]);
  expect(dueByOurClock(changes, 1_000, 1_000)).toBe(changes);
});
