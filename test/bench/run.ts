/*
 * `npm run bench [-- NAME…] [--json FILE]`: measures, prints one table, and writes the same as JSON where asked. Of `alerts`
 * also `--kills N`, `--payloads N` and `--seed N`; of `watch` also `--part rate|state|memory|commit|delay`.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { ALERTS_SEED } from './alerts.ts';
import type { Bench, Row } from './row.ts';
import { type Report, tableOf } from './table.ts';
import { SEED } from './watch.ts';

const { values, positionals } = parseArgs({
  options: {
    json: { type: 'string' },
    kills: { type: 'string' },
    payloads: { type: 'string' },
    part: { type: 'string' },
    seed: { type: 'string' },
  },
  allowPositionals: true,
});

/** One after the other: side by side they would measure each other. */
const BENCHES: ReadonlyMap<string, () => Promise<Bench>> = new Map<string, () => Promise<Bench>>([
  ['start', async () => (await import('./start.ts')).bench],
  ['agent', async () => (await import('./agent.ts')).bench],
  ['alerts', alerts],
  ['oauth', async () => (await import('./oauth.ts')).bench],
  ['rotation', async () => (await import('./rotation.ts')).bench],
  ['state', async () => (await import('./state.ts')).bench],
  ['stores', async () => (await import('./stores.ts')).bench],
  ['watch', watch],
  ['wake', async () => (await import('./wake.ts')).bench],
]);

const unknown = positionals.filter((name) => !BENCHES.has(name));
if (unknown.length > 0) {
  process.stderr.write(
    `no such benchmark: ${unknown.join(', ')}; there are ${[...BENCHES.keys()].join(', ')}\n`,
  );
  process.exit(2);
}

const rows: Row[] = [];
for (const [name, load] of BENCHES) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  const bench = await load();
  rows.push(...(await bench()));
}
const report: Report = { rows, facts: facts() };
process.stdout.write(tableOf(report));
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);

async function alerts(): Promise<Bench> {
  const { bench } = await import('./alerts.ts');
  const options = { ...wholeNumber('kills'), ...wholeNumber('payloads'), ...wholeNumber('seed') };
  return () => bench(options);
}

async function watch(): Promise<Bench> {
  const { bench, PARTS } = await import('./watch.ts');
  if (values.part === undefined) return bench;
  const part = PARTS.find((name) => name === values.part);
  if (part !== undefined) return () => bench({ parts: [part] });
  process.stderr.write(`--part takes one of ${PARTS.join(', ')}, not ${values.part}\n`);
  process.exit(2);
}

/** The option of that name, where it was given. */
function wholeNumber<Name extends 'kills' | 'payloads' | 'seed'>(
  name: Name,
): { readonly [name in Name]?: number } {
  const text = values[name];
  if (text === undefined) return {};
  if (/^\d{1,9}$/.test(text)) return { [name]: Number(text) } as { readonly [name in Name]: number };
  process.stderr.write(`--${name} takes a whole number, not ${text}\n`);
  process.exit(2);
}

function facts(): Report['facts'] {
  const own = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const packages = ['undici', 'kysely', 'zod', 'pino'].map((name) => `${name} ${own.dependencies[name]}`);
  const [cpu] = cpus();
  return {
    versions: [`keywarden ${own.version}`, `node ${process.versions.node}`, ...packages].join(', '),
    machine: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}, ${process.platform} ${process.arch}`,
    seeds: `watch ${SEED}, alerts ${values.seed ?? ALERTS_SEED}; the others draw nothing`,
  };
}
