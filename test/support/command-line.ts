import { join } from 'node:path';
import { cli, type Ended } from '../../src/cli/testing/cli.ts';
import type { World } from './world.ts';

/** Runs the real command line against this world's daemon, and lets happen what can happen at once because of it. */
export async function keywarden(world: World, args: readonly string[], input = ''): Promise<Ended> {
  const env = {
    KEYWARDEN_URL: `unix:${join(world.folder, 'api.sock')}`,
    KEYWARDEN_TOKEN: world.env.ADMIN_TOKEN ?? '',
    NODE_COMPILE_CACHE: join(world.folder, 'compiled'),
  };
  const ended = await cli(args, { cwd: world.folder, env, input });
  await world.settle();
  return ended;
}

/**
 * Runs a command as an alert or the API names it, word for word; `< file-with-the-key` becomes `input`.
 * @throws {Error} with its output where it does not end well
 */
export async function follow(world: World, command: string, input = ''): Promise<Ended> {
  const [program, ...args] = command.replace(/ < \S+$/, '').split(' ');
  if (program !== 'keywarden') throw new Error(`${command} is no command of ours`);
  const ended = await keywarden(world, args, input);
  if (ended.code !== 0) throw new Error(`${command} ended with ${ended.code}: ${ended.stderr}`);
  return ended;
}

/** The commands that a text for people names. */
export function commandsIn(text: string | null | undefined): readonly string[] {
  return (text ?? '').match(/keywarden [a-z]+(?: [\w-]+)*(?: < [\w-]+)?/g) ?? [];
}
