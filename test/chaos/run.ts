/*
 * `npm run test:chaos [-- keys|grants] [--kills N --seed N]`: kills daemons 200 times, and says what came of it.
 */
import { parseArgs } from 'node:util';
import { type Report, runChaos } from './chaos.ts';
import { type GrantsReport, killGrants } from './grants.ts';
import { bundleDaemon } from './program.ts';

const { values, positionals } = parseArgs({
  options: { kills: { type: 'string' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const kills = wholeNumber('kills', values.kills ?? '200');
const seed = wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));
const [only] = positionals;

/** How long the provider accepts a rotated refresh token again, ms: with a grace, and without one. */
const GRACES = [30_000, 0];

say(`seed ${seed}`);
await using daemon = await bundleDaemon();
const program = daemon.file;
const faults = [
  ...(only === 'grants' ? [] : await killWithKeys()),
  ...(only === 'keys' ? [] : await killWithGrants()),
];
say(faults.length === 0 ? 'all is well' : [`WRONG, with seed ${seed}:`, ...faults].join('\n'));
process.exitCode = faults.length === 0 ? 0 : 1;

async function killWithKeys(): Promise<readonly string[]> {
  const report = await runChaos({ seed, kills, program }, progress);
  say(textOf(report));
  if (report.faults.length > 0) say(report.trace.join('\n'));
  return report.faults;
}

async function killWithGrants(): Promise<readonly string[]> {
  const faulty: string[] = [];
  for (const graceMs of GRACES) {
    const report = await killGrants({ seed, kills, graceMs, program }, progress);
    say(textOfGrants(report));
    faulty.push(...report.faults);
  }
  return faulty;
}

function progress(kill: number): void {
  if (kill % 10 === 0) say(`${kill} kills`);
}

function textOf({ calls, keys, diedStarting }: Report): string {
  return [
    `keys: ${kills} kills, ${diedStarting} of them during the start; ${calls} calls of the applications`,
    `${keys.minted} keys minted; of those that still work ${keys.held} are held, ${keys.told} were reported lost`,
  ].join('\n');
}

function textOfGrants({ graceMs, refreshed, replayed, grants, lost, marked }: GrantsReport): string {
  return [
    `grants, ${graceMs / 1_000} s of grace: ${kills} kills; ${refreshed} refreshes, ${replayed} repeated within the grace`,
    `${grants} grants; ${lost} were lost, ${marked} of them written down before`,
  ].join('\n');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number, not ${text}\n`);
  process.exit(2);
}
