import { createInterface } from 'node:readline';
import { loadConfig } from '../../src/config/index.ts';
import { fastClock } from '../../src/engine/clock.ts';
import type { Raise, Resolve } from '../../src/model/index.ts';
import { makeDaemon } from './daemon.ts';

/*
 * A daemon as a process of its own that raises what it is told to and delivers it: `node alerts-process.ts CONFIG SPEED ORIGIN`.
 * Each line of its standard input is an order, each line of its output an answer; it ends with its input.
 */

/** Commit these, or say what is still owed. `at` is filled in here. */
export type Order =
  | { readonly order: number; readonly signals: ReadonlyArray<Omit<Raise, 'at'> | Omit<Resolve, 'at'>> }
  | 'depth';

export type Answer =
  | 'ready'
  /** `from`: when the commit was asked for, by the machine's clock. */
  | { readonly committed: number; readonly from: number }
  | { readonly depth: number };

const [file = '', speed = '1', origin = '0'] = process.argv.slice(2);
const [times, began] = [Number(speed), Number(origin)];
const clock = fastClock(began + (Date.now() - began) * times, times);
const { config } = await loadConfig({ files: [file], env: process.env, cwd: process.cwd() });
const { engine, stop } = await makeDaemon(config, { state: (state) => state, clock });
await engine.start();
say('ready');

for await (const line of createInterface(process.stdin)) void obey(JSON.parse(line) as Order);
await stop();

async function obey(order: Order): Promise<void> {
  if (order === 'depth') {
    const owed = Object.values(await engine.context.state.outboxDepth());
    return say({ depth: owed.reduce((sum, each) => sum + each, 0) });
  }
  const from = Date.now();
  const signals = order.signals.map((signal) => ({ ...signal, at: clock.now() }));
  await engine.submit([], signals);
  say({ committed: order.order, from });
}

function say(answer: Answer): void {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
