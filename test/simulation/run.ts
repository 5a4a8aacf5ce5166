import { parseArgs } from 'node:util';
import { BUGS, bugNamed } from './bugs.ts';
import { Coverage } from './coverage.ts';
import { foundWithin, tableOf } from './found.ts';
import { planOf } from './plan.ts';
import { readRecorded, record } from './replay.ts';
import { type Ran, Runner } from './run-seed.ts';
import { shrink } from './shrink.ts';

/*
 * npm run sim -- [--seed N] [--runs N] [--steps N] [--bug NAME] [--on]      --on: records what fails and goes on
 * npm run sim -- replay FILE
 * npm run sim -- bugs          the table of the README
 */

const PROGRESS_EVERY = 5_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    runs: { type: 'string', default: '500' },
    steps: { type: 'string' },
    bug: { type: 'string' },
    on: { type: 'boolean', default: false },
  },
});
const [command, file] = positionals;
process.exitCode = await perform();

async function perform(): Promise<number> {
  if (command === 'replay' && file !== undefined) return replay(file);
  return command === 'bugs' ? bugs() : hunt();
}

async function hunt(): Promise<number> {
  const [first, runs] = [wholeNumber('seed', values.seed), wholeNumber('runs', values.runs)];
  const limits = values.steps === undefined ? {} : { steps: wholeNumber('steps', values.steps) };
  const bent = values.bug === undefined ? {} : { bent: bugNamed(values.bug).bent };
  const runner = await Runner.open();
  const coverage = new Coverage();
  const begun = performance.now();
  let toldAt = begun;
  const failed: number[] = [];
  for (let done = 0; done < runs; done += 1) {
    const ran = await runner.run({ plan: planOf(first + done), ...limits, ...bent });
    coverage.add(ran.reached);
    if (ran.failed !== null && !values.on) return fail(runner, ran);
    if (ran.failed !== null) {
      failed.push(ran.plan.seed);
      record(`sim-${ran.plan.seed}.json`, ran, null);
      say(`seed ${ran.plan.seed}: ${ran.failed.message}`);
    }
    if (performance.now() - toldAt < PROGRESS_EVERY) continue;
    toldAt = performance.now();
    say(`${done + 1} of ${runs} seeds, ${rate(done + 1, begun)} a second`);
  }
  const verdict =
    failed.length === 0 ? 'every invariant holds' : `${failed.length} failed: ${failed.join(', ')}`;
  say(`${runs} seeds from ${first} on: ${verdict}, ${rate(runs, begun)} seeds a second`);
  say(`\nHow often each fault struck each effect:\n${coverage.table()}`);
  if (coverage.missing.length === 0 || runs < 500) return failed.length === 0 ? 0 : 1;
  say(`invariant 12 (coverage): never reached: ${coverage.missing.join(', ')}`);
  return 1;
}

async function bugs(): Promise<number> {
  const runner = await Runner.open();
  const found = [];
  for (const bug of BUGS) found.push(await foundWithin(runner, bug, wholeNumber('runs', values.runs)));
  say(tableOf(found));
  return found.some(({ seeds }) => seeds === null) ? 1 : 0;
}

async function fail(runner: Runner, ran: Ran): Promise<number> {
  say(`seed ${ran.plan.seed}: ${ran.failed?.message}`);
  say('shrinking …');
  const bug = values.bug ?? null;
  const small = await shrink(runner, ran, bug === null ? undefined : bugNamed(bug).bent);
  const name = `sim-${ran.plan.seed}.json`;
  record(name, small, bug);
  say(story(small));
  say(`npm run sim -- replay ${name}`);
  return 1;
}

async function replay(name: string): Promise<number> {
  const { plan, struck, bug, hash } = readRecorded(name);
  const runner = await Runner.open();
  const ran = await runner.run({ plan, struck, ...(bug === null ? {} : { bent: bugNamed(bug).bent }) });
  say(story(ran));
  if (ran.hash !== hash)
    say(`the trace's hash is ${ran.hash}, not ${hash}: the product or the simulation has changed`);
  return ran.failed === null ? 0 : 1;
}

function story({ tail, failed, struck, plan }: Ran): string {
  const faults = struck.map(({ effect, nth, fault }) => `${fault} at ${effect} ${nth}`);
  return [
    ...tail.slice(-60),
    '',
    `${plan.engines} engines, ${plan.places.length} destinations, ${plan.days} days; ${plan.acts.map(({ act }) => act).join(', ') || 'nobody did anything'}`,
    `faults: ${faults.join(', ') || 'none'}`,
    failed?.message ?? 'every invariant holds',
  ].join('\n');
}

function rate(count: number, begun: number): string {
  return (count / ((performance.now() - begun) / 1_000)).toFixed(1);
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new RangeError(`--${name} ${text}: expected a whole number`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
