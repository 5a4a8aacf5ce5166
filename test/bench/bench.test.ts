import { expect, test } from 'vitest';
import { bench as agent } from './agent.ts';
import { bench as alerts } from './alerts.ts';
import { bench as oauth } from './oauth.ts';
import { bench as rotation } from './rotation.ts';
import { isMet, median, quantile, type Row, ratioOf } from './row.ts';
import { bench as start } from './start.ts';
import { bench as state } from './state.ts';
import { bench as stores } from './stores.ts';
import { tableOf } from './table.ts';
import { uncovered } from './timeline.ts';
import { bench as wake } from './wake.ts';
import { bench as watch } from './watch.ts';

const FEW_GRANTS = {
  state: { grants: 600, few: 300, claims: 1 },
  daemon: { grants: 400, due: 60, handOuts: 50 },
  kills: 1,
};

/** The daemon's minute is a second here. */
const FEW_ALERTS = {
  burst: { alerts: 200, within: 1_000, pages: 5, speed: 60 },
  kills: 2,
  payloads: 50,
  bundled: false,
};

const LITTLE_LOG = {
  lines: 1_000,
  calls: 5_000,
  days: 0,
  rounds: 1,
  replayed: 2_000,
  keys: 200,
  pages: 4,
  alerts: 1,
};

/** Figures are not judged here: a test's machine is busy. */
test.each([
  ['start', () => start({ runs: 1, idleMs: 0, idles: 1 }), 7],
  ['agent', () => agent({ idleMs: 0, idles: 1, rotations: 1 }), 4],
  ['alerts', () => alerts(FEW_ALERTS), 17],
  ['rotation', () => rotation({ rotations: 1 }), 5],
  ['oauth', () => oauth(FEW_GRANTS), 16],
  ['state', () => state({ commits: 64 }), 2],
  ['stores', () => stores({ rounds: 1, publications: 2, processes: 1, rotations: 1 }), 17],
  ['watch', () => watch(LITTLE_LOG), 12],
  ['wake', () => wake({ waiters: 5, rotations: 1 }), 2],
])('the benchmark %s yields a figure in each of its rows', { timeout: 180_000 }, async (name, run, count) => {
  const rows: readonly Row[] = await run();
  expect(rows.map((row) => row.name.split(':')[0])).toEqual(Array(count).fill(name));
  for (const { value } of rows) expect(value).toSatisfy(Number.isFinite);
});

test('a table shows every figure with its target, its ratio and whether it is met', () => {
  const rows: Row[] = [
    { name: 'a: quick', value: 20, unit: 'ms', target: { atMost: 40 } },
    { name: 'a: many', value: 1_000, unit: '/s', target: { atLeast: 2_000 } },
    { name: 'a: other', value: 1.5, unit: '×' },
    { name: 'a: none', value: 0, unit: 'ms', target: { atMost: 0 } },
  ];
  expect(rows.map(ratioOf)).toEqual([0.5, 0.5, null, null]);
  expect(rows.map(isMet)).toEqual([true, false, null, true]);
  expect(tableOf({ rows, facts: { seeds: '1' } }).split('\n')).toEqual([
    'measure     figure  target   ratio  met?',
    'a: quick     20 ms  ≤ 40     0.50   yes',
    'a: many   1,000 /s  ≥ 2,000  0.50   NO',
    'a: other     1.5 ×',
    'a: none       0 ms  ≤ 0             yes',
    '',
    'seeds: 1',
    '',
  ]);
});

test('what runs side by side is taken off once, and what lies outside not at all', () => {
  const whole = { from: 10, to: 20 };
  expect(uncovered(whole, [])).toBe(10);
  expect(
    uncovered(whole, [
      { from: 13, to: 16 },
      { from: 11, to: 14 },
      { from: 12, to: 13 },
      { from: 19, to: 30 },
      { from: 0, to: 9 },
    ]),
  ).toBe(4);
});

test('quantiles are by nearest rank', () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4);
  expect(() => median([])).toThrow(RangeError);
});
