import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lineOf } from '../traffic/line.ts';
import { documentOf } from '../traffic/rules.ts';
import { bundleOf } from './bundle.ts';
import { type Row, rounded } from './row.ts';
import { logOf } from './watch-lines.ts';
import type { WatchProcess } from './watch-process.ts';
import { DATABASE } from './watch-rate.ts';

const SCRIPT = fileURLToPath(new URL('./watch-process.ts', import.meta.url));

/** The most resident memory of the bundled `keywarden backtest` over the log of a day of so many calls. */
export async function memoryOfReplay(seed: number, calls: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  try {
    const [log, config] = [join(folder, 'log.ndjson'), join(folder, 'keywarden.yaml')];
    const { minutes, rules } = logOf({ seed, calls, days: 0 });
    let count = 0;
    const texts = Iterator.from(minutes).map(({ events }) => {
      count += events.length;
      return events.map((event) => `${lineOf(event)}\n`).join('');
    });
    await pipeline(Readable.from(texts), createWriteStream(log));
    await writeFile(config, JSON.stringify(documentOf(rules, DATABASE)), { mode: 0o600 });
    const bundle = await bundleOf({ process: SCRIPT }, join(folder, 'bundle'));
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bundle, log, config]);
    const lines = count.toLocaleString('en');
    if (!stderr.includes(`${lines} events from`)) throw new Error(`not all of ${lines} lines were replayed`);
    const { peak } = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as WatchProcess;
    return [
      {
        name: `watch: peak of resident memory, ${lines} lines replayed`,
        value: rounded(peak),
        unit: 'MiB',
        target: { atMost: 150 },
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}
