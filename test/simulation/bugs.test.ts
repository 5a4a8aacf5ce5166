import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BUGS } from './bugs.ts';
import { foundWithin, tableOf } from './found.ts';
import { Runner } from './run-seed.ts';

/** Each has to be found by then. */
const SEEDS = 100;

test('every planted bug is found, within as many seeds as the README says', {
  timeout: 600_000,
}, async () => {
  const runner = await Runner.open();
  const found = [];
  for (const bug of BUGS) found.push(await foundWithin(runner, bug, SEEDS));
  expect(found.filter(({ seeds }) => seeds === null).map(({ bug }) => bug.name)).toEqual([]);
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  expect(readme).toContain(tableOf(found));
});
