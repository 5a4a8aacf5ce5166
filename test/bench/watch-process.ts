import { readFileSync } from 'node:fs';
import { backtest } from '../../src/cli/backtest/backtest.ts';

/*
 * A process that is `keywarden backtest LOG --config CONFIG` and no more: `node watch-process.ts LOG CONFIG`. At its end it
 * prints its most resident memory, as one line of JSON.
 */

/** The last line that it prints; in MiB. */
export type WatchProcess = { readonly peak: number };

const [log = '', config = ''] = process.argv.slice(2);
await backtest([log], { config: [config], budgets: [] });
const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
const line: WatchProcess = { peak: Number(kib) / 1_024 };
process.stdout.write(`${JSON.stringify(line)}\n`);
