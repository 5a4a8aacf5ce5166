import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { EdgeError, type Failure } from '../model/index.ts';

/** Whether the tests run as root: what an ordinary user is refused must then be tried in another process. */
export const ROOT = process.geteuid?.() === 0;

/** A user and group that own nothing. */
export const NOBODY = 65_534;

export const MODE = { mode: 0o600 };
export const NEW = Buffer.from('NEW=1\n');

/** A folder of its own for every test, and the path of a file in it that is not there yet. */
export function freshFolder(): { folder: string; file: string } {
  const place = { folder: '', file: '' };
  beforeEach(async () => {
    place.folder = await mkdtemp(join(tmpdir(), 'keywarden-files-'));
    place.file = join(place.folder, '.env');
  });
  afterEach(async () => {
    await chmod(place.folder, 0o700);
    await rm(place.folder, { recursive: true });
  });
  return place;
}

/** The failure that `action` ends with. */
export async function failureOf(action: Promise<unknown>): Promise<Failure> {
  const thrown = await action.then(
    () => new Error('nothing was thrown'),
    (error: unknown) => error,
  );
  if (thrown instanceof EdgeError) return thrown.failure;
  throw thrown;
}

/**
 * Runs `body` (with `files` and `file` at hand) as an ordinary user in a process of its own, started by `shell`.
 * What it returns, or the failure it ends with.
 */
export async function asUser(file: string, body: string, shell = 'exec "$0" "$@"'): Promise<unknown> {
  const module = JSON.stringify(new URL('./index.ts', import.meta.url).href);
  const code = `
    const files = (await import(${module})).createFiles();
    const file = ${JSON.stringify(file)};
    if (process.geteuid() === 0) { process.setgroups([]); process.setgid(${NOBODY}); process.setuid(${NOBODY}); }
    const result = await (async () => { ${body} })().catch((error) => error.failure ?? String(error));
    process.stdout.write(JSON.stringify(result ?? null));
  `;
  const child = spawn('sh', ['-c', shell, process.execPath, '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(child, 'close');
  return JSON.parse(Buffer.concat(chunks).toString()) as unknown;
}

/** Gives `paths` to the user that {@link asUser} runs as. */
export async function giveToUser(...paths: string[]): Promise<void> {
  if (ROOT) for (const path of paths) await chown(path, NOBODY, NOBODY);
}
