import { type Command, InvalidArgumentError } from 'commander';
import { parseDuration, SECOND } from '../model/index.ts';
import { type ConfigOptions, configured, type Does } from './options.ts';
import type { SyncOptions } from './sync.ts';

/** The longest that an init container is to hold up its pod, ms. */
const DEFAULT_TIMEOUT = 60 * SECOND;

/** Adds what delivers and does nothing else: `agent` and `sync`. Both read a configuration of their own. */
export function addAgent(program: Command, does: Does): void {
  configured(
    program
      .command('agent')
      .description('run beside an application: takes versions from a Keywarden, writes files, serves them'),
  ).action((options: ConfigOptions) => does(async () => (await import('./agent.ts')).agent(options)));
  configured(program.command('sync').description("write the agent's files once and end: for init containers"))
    .option('--once', 'say so: there is no other way')
    .option('--timeout <duration>', 'how long to try, such as 60s', timeout, DEFAULT_TIMEOUT)
    .action((options: SyncOptions) => does(async () => (await import('./sync.ts')).sync(options)));
}

function timeout(text: string): number {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  throw new InvalidArgumentError('Expected a duration such as 60s or 5m.');
}
