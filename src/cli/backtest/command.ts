import { type Command, InvalidArgumentError, Option } from 'commander';
import { configured, type Does } from '../options.ts';
import type { BacktestOptions } from './backtest.ts';

const EXAMPLES = `
Examples:
  keywarden backtest september.ndjson.gz october.ndjson
  zcat *.gz | keywarden backtest --json - | jq .title
  keywarden backtest --explain key_9Xc1 october.ndjson
  keywarden backtest --tune october.ndjson`;

/** Adds `backtest`. */
export function addBacktest(program: Command, does: Does): void {
  configured(
    program
      .command('backtest')
      .summary('run the detectors over a log and print what they find')
      .description(
        'Run the detectors over a log in NDJSON (the log endpoint’s event objects, one a line) by the rules of a monitor, and print what they find. Nothing is sent, no secret is read, no state is opened.',
      )
      .argument('<files...>', 'the log, in its order; packed with gzip or not; - is standard input')
      .addHelpText('after', EXAMPLES),
  )
    .option('--monitor <name>', 'whose rules, where the configuration has several monitors')
    .option('--json', 'print one JSON object a line')
    .option('--labels <file>', 'what the log holds (NDJSON): tells precision, recall and delays')
    .option(
      '--explain <key>',
      'only findings on this key, with how each was judged; - is calls without a key',
    )
    .addOption(
      new Option('--fail-on <severity>', 'exit with 5 where there is a finding at least as grave').choices([
        'info',
        'warning',
        'critical',
      ]),
    )
    .addOption(
      new Option('--tune', 'pages a month of each detector at several budgets of false pages').conflicts([
        'explain',
        'failOn',
      ]),
    )
    .addOption(
      new Option('--budgets <numbers>', 'of --tune: false pages a key and year')
        .argParser(budgets)
        .default([0.02, 0.1, 0.2, 1, 5], '0.02,0.1,0.2,1,5'),
    )
    .action((files: readonly string[], options: BacktestOptions) =>
      does(async () => (await import('./backtest.ts')).backtest(files, options)),
    );
}

function budgets(text: string): readonly number[] {
  const numbers = text
    .split(',')
    .map((part) => (/^\d*\.?\d+$/.test(part.trim()) ? Number(part) : Number.NaN));
  if (numbers.length <= 10 && numbers.every((number) => number > 0 && number <= 1_000)) return numbers;
  throw new InvalidArgumentError('Expected at most ten numbers above 0, at most 1000, such as 0.1,0.2,1.');
}
