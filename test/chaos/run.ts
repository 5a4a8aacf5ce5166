/*
 * `npm run test:chaos [-- --kills N --seed N]`: kills a daemon 200 times, and says what came of it.
 */
import { parseArgs } from 'node:util';
import { type Report, runChaos } from './chaos.ts';

const { values } = parseArgs({ options: { kills: { type: 'string' }, seed: { type: 'string' } } });
const kills = wholeNumber('kills', values.kills ?? '200');
const seed = wholeNumber('seed', values.seed ?? String(Math.floor(Math.random() * 2 ** 31)));

process.stdout.write(`seed ${seed}\n`);
const report = await runChaos(seed, kills, (kill) => {
  if (kill % 10 === 0) process.stdout.write(`${kill} kills\n`);
});
process.stdout.write(textOf(report));
process.exitCode = report.faults.length === 0 ? 0 : 1;

function textOf({ calls, keys, diedStarting, trace, faults }: Report): string {
  return [
    `${kills} kills, ${diedStarting} of them during the start; ${calls} calls of the applications`,
    `${keys.minted} keys minted; of those that still work ${keys.held} are held, ${keys.told} were reported lost`,
    ...(faults.length === 0 ? ['all is well'] : [...trace, `WRONG, with seed ${seed}:`, ...faults]),
    '',
  ].join('\n');
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  process.stderr.write(`--${name} takes a whole number, not ${text}\n`);
  process.exit(2);
}
