import { constants, type Stats } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Config } from '../../config/types.ts';
import type { Result } from './result.ts';

const GROUP_OR_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

/** Rights on what Keywarden reads and keeps. The database is looked at from outside only. */
export async function inspectFiles({ state }: Config, sources: readonly string[]): Promise<Result[]> {
  const configurations = await Promise.all(sources.map(inspectConfiguration));
  return [
    ...configurations.flat(),
    await inspectDirectory(dirname(state.database)),
    ...(await inspectDatabase(state.database)),
  ];
}

/** Who may write the configuration may publish the keys anywhere. */
async function inspectConfiguration(path: string): Promise<Result[]> {
  const file = await look(path);
  if (file === null || (file.mode & WRITABLE_BY_OTHERS) === 0) return [];
  const message = `can be written by others (mode ${octal(file)}); run: chmod go-w ${path}`;
  return [{ level: 'warn', about: path, message }];
}

async function inspectDirectory(directory: string): Promise<Result> {
  const about = `state ${directory}`;
  const found = await look(directory);
  if (found === null) {
    const parent = await nearestThere(directory);
    return (await isWritable(parent))
      ? { level: 'ok', about, message: 'will be made at the first start' }
      : { level: 'FAIL', about, message: `cannot be made: ${parent} cannot be written by this user` };
  }
  if (!found.isDirectory())
    return { level: 'FAIL', about, message: 'is no folder; name another state.directory' };
  if ((found.mode & WRITABLE_BY_OTHERS) !== 0) {
    const message = `is open to other users (mode ${octal(found)}); run: chmod 700 ${directory}`;
    return { level: 'FAIL', about, message };
  }
  return (await isWritable(directory))
    ? { level: 'ok', about, message: 'can be written' }
    : {
        level: 'FAIL',
        about,
        message: 'cannot be written by this user; give it to the one Keywarden runs as',
      };
}

async function inspectDatabase(file: string): Promise<Result[]> {
  const found = await look(file);
  if (found === null || (found.mode & GROUP_OR_OTHERS) === 0) return [];
  const message = `is open to other users (mode ${octal(found)}); run: chmod 600 ${file}`;
  return [{ level: 'FAIL', about: `state ${file}`, message }];
}

async function nearestThere(path: string): Promise<string> {
  const parent = dirname(path);
  return (await look(parent)) === null && parent !== path ? nearestThere(parent) : parent;
}

function look(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}

function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
}

function octal({ mode }: Stats): string {
  return (mode & 0o777).toString(8).padStart(3, '0');
}
