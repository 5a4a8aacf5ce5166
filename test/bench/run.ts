/*
 * `npm run bench [-- NAME…] [--json FILE]`: measures, prints one table, and writes the same as JSON where asked.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { Bench, Row } from './row.ts';
import { type Report, tableOf } from './table.ts';
import { SEED } from './watch.ts';

/** One after the other: side by side they would measure each other. */
const BENCHES: ReadonlyMap<string, () => Promise<Bench>> = new Map<string, () => Promise<Bench>>([
  ['start', async () => (await import('./start.ts')).bench],
  ['agent', async () => (await import('./agent.ts')).bench],
  ['oauth', async () => (await import('./oauth.ts')).bench],
  ['rotation', async () => (await import('./rotation.ts')).bench],
  ['state', async () => (await import('./state.ts')).bench],
  ['stores', async () => (await import('./stores.ts')).bench],
  ['watch', async () => (await import('./watch.ts')).bench],
  ['wake', async () => (await import('./wake.ts')).bench],
]);

const { values, positionals } = parseArgs({ options: { json: { type: 'string' } }, allowPositionals: true });
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
    seeds: `watch ${SEED}; the others draw nothing`,
  };
}
