import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleOf } from '../bench/bundle.ts';
import { DAEMON_PROCESS } from '../support/spawned-daemon.ts';

/** The daemon as the container image has it: its sources take three times as long to start. */
export type Program = AsyncDisposable & { readonly file: string };

export async function bundleDaemon(): Promise<Program> {
  const folder = await mkdtemp(join(tmpdir(), 'keywarden-daemon-'));
  return {
    file: await bundleOf({ daemon: DAEMON_PROCESS }, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
