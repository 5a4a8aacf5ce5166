import { expect, test } from 'vitest';
import { cli } from '../testing/cli.ts';

test.each([
  [[], "missing required argument 'files'"],
  [['-', '-'], 'standard input (-) can be read once only'],
  [['--fail-on', 'bad', 'day.ndjson'], 'Allowed choices are info, warning, critical.'],
  [
    ['--tune', '--explain', 'key_1', 'day.ndjson'],
    "option '--tune' cannot be used with option '--explain <key>'",
  ],
  [['--tune', '--budgets', '0', 'day.ndjson'], 'Expected at most ten numbers above 0, at most 1000'],
  [['--moniter', 'log', 'day.ndjson'], 'Did you mean --monitor?'],
])('%j is a usage error with its cure', async (args, message) => {
  const { code, stdout, stderr } = await cli(['backtest', ...args]);
  expect(stderr).toContain(message);
  expect([code, stdout]).toEqual([2, '']);
});
