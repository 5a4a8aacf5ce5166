/*
 * node test/traffic/run.ts --seed 7 --days 15 --out DIR [--keys N] [--calls N] [--geoip FILE]
 *     writes DIR/log.ndjson, DIR/labels.ndjson and DIR/keywarden.yaml: what `keywarden backtest --labels` takes
 * node test/traffic/run.ts score --seed 101 --runs 5 [--days N] [--keys N] [--calls N] [--verbose]
 *     runs the watch over as many seeds and says what it found; verbose: with every page of the days before
 */
import { once } from 'node:events';
import { createWriteStream, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { labelOf } from './episode.ts';
import { lineOf } from './line.ts';
import { reportOf } from './report.ts';
import { documentOf } from './rules.ts';
import { scoreOf } from './score.ts';
import { DEFAULTS, type TrafficOptions, trafficOf } from './traffic.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '1' },
    days: { type: 'string', default: String(DEFAULTS.days) },
    keys: { type: 'string', default: String(DEFAULTS.keys) },
    calls: { type: 'string', default: String(DEFAULTS.calls) },
    out: { type: 'string' },
    geoip: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const options: TrafficOptions = {
  seed: wholeNumber('seed'),
  days: wholeNumber('days'),
  keys: wholeNumber('keys'),
  calls: wholeNumber('calls'),
};

if (positionals[0] === 'score') score();
else if (values.out !== undefined) await write(values.out);
else fail('say where to write, with --out DIR, or what to do: score');

function score(): void {
  for (let turn = 0; turn < wholeNumber('runs'); turn += 1) {
    process.stdout.write(reportOf(scoreOf({ ...options, seed: options.seed + turn }), values.verbose));
  }
}

async function write(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const traffic = trafficOf(options);
  const log = createWriteStream(join(folder, 'log.ndjson'));
  let lines = 0;
  for (const { events } of traffic.minutes) {
    lines += events.length;
    const text = events.map((event) => `${lineOf(event)}\n`).join('');
    if (text !== '' && !log.write(text)) await once(log, 'drain');
  }
  log.end();
  await finished(log);
  const labels = traffic.episodes.map((episode) => `${labelOf(episode)}\n`).join('');
  writeFileSync(join(folder, 'labels.ndjson'), labels);
  const geoip = values.geoip === undefined ? undefined : resolve(values.geoip);
  writeFileSync(
    join(folder, 'keywarden.yaml'),
    `${JSON.stringify(documentOf(traffic.rules, geoip), null, 2)}\n`,
  );
  process.stdout.write(`${lines} lines and ${traffic.episodes.length} episodes are in ${folder}\n`);
}

function wholeNumber(name: 'seed' | 'runs' | 'days' | 'keys' | 'calls'): number {
  const value = Number(values[name]);
  return Number.isInteger(value) && value > 0 ? value : fail(`--${name} takes a whole number above 0`);
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
