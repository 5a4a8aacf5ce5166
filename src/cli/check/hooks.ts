import { constants } from 'node:fs';
import { access, readFile, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Config } from '../../config/types.ts';
import type { HookConfig } from '../../hooks/contract.ts';
import type { Result } from './result.ts';

type Verdict = Pick<Result, 'level' | 'message'>;

/** What each hook would do, and whether it could. None is run. */
export async function inspectHooks({ credentials }: Config): Promise<Result[]> {
  const results = Object.values(credentials).flatMap(({ name, destinations }) =>
    destinations.map(async ({ id, onChange }): Promise<Result[]> => {
      if (onChange === null) return [];
      return [{ about: `hook of ${name}, ${id}`, ...(await inspect(onChange)) }];
    }),
  );
  return (await Promise.all(results)).flat();
}

async function inspect(hook: HookConfig): Promise<Verdict> {
  if (hook.kind === 'exec') return inspectProgram(hook.exec);
  if (hook.kind === 'signal') return inspectPidFile(hook.signal, hook.pidFile);
  const { method, url } = hook.http;
  // Scheme and host alone: the path of a webhook may be its secret.
  const origin = URL.parse(url)?.origin;
  return origin === undefined
    ? { level: 'FAIL', message: 'its URL is none' }
    : { level: 'ok', message: `would send ${method} to ${origin}; not sent` };
}

async function inspectProgram(command: readonly string[]): Promise<Verdict> {
  const [program = ''] = command;
  const would = `would run ${JSON.stringify(command)}; not run`;
  if (program.includes('/')) {
    return (await isExecutable(program))
      ? { level: 'ok', message: would }
      : { level: 'FAIL', message: `${program} is not there, or this user may not run it` };
  }
  const found = await Promise.all(
    (process.env.PATH ?? '').split(delimiter).map((folder) => isExecutable(join(folder, program))),
  );
  if (found.includes(true)) return { level: 'ok', message: would };
  // The daemon may be started with another PATH than this shell has.
  return { level: 'warn', message: `${would}; there is no ${program} in this PATH: name its whole path` };
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

async function inspectPidFile(signal: string, file: string): Promise<Verdict> {
  const text = await readPidFile(file);
  if (text === null) {
    const message = `${file} cannot be read; is the program that writes it running, and may this user read it?`;
    return { level: 'warn', message };
  }
  const pid = text.trim();
  return /^[1-9]\d{0,9}$/.test(pid)
    ? { level: 'ok', message: `would send ${signal} to the process ${pid} of ${file}; not sent` }
    : { level: 'FAIL', message: `${file} holds no process id` };
}

/** A pipe would be waited for without end. */
async function readPidFile(file: string): Promise<string | null> {
  try {
    return (await stat(file)).isFile() ? await readFile(file, 'utf8') : null;
  } catch {
    return null;
  }
}
