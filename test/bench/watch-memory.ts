import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { lineOf } from '../traffic/line.ts';
import { bundleOf } from './bundle.ts';
import { type Row, rounded } from './row.ts';
import { logOf } from './watch-lines.ts';
import type { WatchProcess } from './watch-process.ts';
import { DATABASE } from './watch-rate.ts';

const SCRIPT = fileURLToPath(new URL('./watch-process.ts', import.meta.url));

/** The most resident memory of a process of the bundled code that replays a day of so many calls. */
export async function memoryOfReplay(seed: number, calls: number): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-bench-'));
  try {
    const log = join(folder, 'log.ndjson');
    await pipeline(Readable.from(texts(seed, calls)), createWriteStream(log));
    const bundle = await bundleOf({ process: SCRIPT }, join(folder, 'bundle'));
    const { stdout } = await promisify(execFile)(process.execPath, [bundle, log, DATABASE, String(seed)]);
    const { events, peak } = JSON.parse(stdout) as WatchProcess;
    if (events < calls * 0.9) throw new Error(`only ${events} of ${calls} lines were replayed`);
    return [
      {
        name: `watch: peak of resident memory, ${events.toLocaleString('en')} lines replayed`,
        value: rounded(peak),
        unit: 'MiB',
        target: { atMost: 150 },
      },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function* texts(seed: number, calls: number): Generator<string> {
  for (const { events } of logOf({ seed, calls, days: 0 }).minutes) {
    yield events.map((event) => `${lineOf(event)}\n`).join('');
  }
}
