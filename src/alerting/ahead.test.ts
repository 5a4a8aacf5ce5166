import { expect, test } from 'vitest';
import { DAY, type Delivery, HOUR, MINUTE, type Silence } from '../model/index.ts';
import { noted, silenceNotAhead } from './ahead.ts';
import { mutedUntil } from './silence.ts';
import { Memory, NOW, raise } from './testing/memory.ts';

const YEAR = 365 * DAY;

/** An alert that was raised and told while the clock stood a year ahead, which was set right since. */
function told(...created: ReadonlyArray<readonly [id: string, at: number, state?: Delivery['state']]>) {
  const memory = new Memory();
  memory.now = NOW + YEAR;
  memory.take(raise());
  const [sample] = memory.deliveries.values();
  if (sample === undefined) throw new Error('a message was owed');
  const own = created.map(([id, at, state = 'delivered']) => ({ ...sample, id, createdAt: at, at, state }));
  return noted(memory.only(), own, NOW);
}

test('what was noted while the clock was ahead happened by now, in its order; what waits stays', () => {
  const before = NOW - HOUR;
  const { alert, own, moved } = told(
    ['good', before],
    ['before', NOW + YEAR - 1],
    ['first', NOW + YEAR],
    ['second', NOW + YEAR + HOUR, 'failed'],
    ['waits', NOW + YEAR + HOUR + 1, 'pending'],
  );
  expect(own.map(({ id, createdAt, at }) => [id, createdAt - NOW, (at ?? 0) - NOW])).toEqual([
    ['good', -HOUR, -HOUR],
    ['before', 0, 0],
    ['first', 1, 0],
    ['second', 2, 0],
    ['waits', YEAR + HOUR + 1, YEAR + HOUR + 1],
  ]);
  expect(alert.triggeredAt).toBe(NOW + 1);
  expect(moved.map(({ id }) => id)).toEqual(['before', 'first', 'second']);
  const again = noted(alert, own, NOW);
  expect([again.alert, again.moved]).toEqual([alert, []]);
});

test('a step of less than a minute is none', () => {
  const memory = new Memory();
  memory.take(raise());
  const own = [...memory.deliveries.values()].map(
    (one) => ({ ...one, state: 'delivered', at: NOW }) as const,
  );
  const { alert, moved } = noted(memory.only(), own, NOW - MINUTE);
  expect([alert, moved]).toEqual([memory.only(), []]);
});

test('a silence that was begun while the clock was ahead lasts for as long as was asked', () => {
  const silence: Silence = {
    id: 's',
    kind: [],
    credential: ['frameflow-prod'],
    severity: [],
    createdAt: NOW + YEAR,
    endsAt: NOW + YEAR + HOUR,
    reason: '',
    author: 'ops',
  };
  const about = { kind: 'publish-failed', credential: 'frameflow-prod', severity: 'critical' } as const;
  expect(mutedUntil(about, [silence], NOW)).toBe(NOW + HOUR);
  expect(silenceNotAhead(silence, NOW)).toEqual({ ...silence, createdAt: NOW, endsAt: NOW + HOUR });
  // Ended since.
  expect(mutedUntil(about, [{ ...silence, endsAt: NOW - 1 }], NOW)).toBeNull();
});
