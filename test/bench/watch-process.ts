import { readFileSync } from 'node:fs';
import { LogFiles } from '../../src/cli/backtest/log.ts';
import { Replay } from '../../src/cli/backtest/replay.ts';
import { openGeo } from '../../src/geo/index.ts';
import { logOf } from './watch-lines.ts';

/*
 * A process that replays a log as `keywarden backtest` does, and no more: `node watch-process.ts LOG DATABASE SEED` prints
 * one line of JSON.
 */

/** The line that it prints; memory in MiB. */
export type WatchProcess = { readonly events: number; readonly findings: number; readonly peak: number };

const [log = '', database = '', seed = '1'] = process.argv.slice(2);
const { rules } = logOf({ seed: Number(seed), calls: 1, days: 0 });
const { locate } = await openGeo({ path: database });
let findings = 0;
const replay = new Replay({ monitor: 'bench', rules, keys: [], locate }, () => {
  findings += 1;
});
const files = new LogFiles([log]);
for await (const events of files.pages()) replay.take(events);
replay.end();
const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
const line: WatchProcess = { events: files.events, findings, peak: Number(kib) / 1_024 };
process.stdout.write(`${JSON.stringify(line)}\n`);
