import { stat } from 'node:fs/promises';
import { SECOND } from '../model/index.ts';

/** How often the files are looked at, ms of real time. */
const LOOK_EVERY = SECOND;

/** What tells one content of a file from the next, whatever became of the file: written, renamed over, or linked anew. */
async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(':');
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}

/** The identities of several files, by their paths. */
export async function identitiesOf(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await identityOf(path)] as const)));
}

/** Those of `paths` that are not as they were; one that was not looked at before is none. */
export function changedFiles(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  return [...after].filter(([path, now]) => (before.get(path) ?? now) !== now).map(([path]) => path);
}

/**
 * Calls `changed` once files have changed and stand still. They are looked at rather than watched: editors put another
 * file in the place of the one they read, Kubernetes exchanges a link two folders above, and a network's file system
 * tells nobody of anything.
 *
 * @param paths asked for at each look, symbolic links are followed
 * @param before what {@link identitiesOf} gave when they were read
 * @param every ms of real time
 */
export function watchFiles(
  paths: () => readonly string[],
  before: ReadonlyMap<string, string>,
  changed: () => void,
  every = LOOK_EVERY,
): { stop(): void } {
  let told = before;
  let seen = before;
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  const look = async () => {
    const now = await identitiesOf(paths());
    const restless = changedFiles(seen, now).length > 0;
    seen = now;
    if (!restless && changedFiles(told, now).length > 0) {
      told = now;
      if (!stopped) changed();
    } else if (!restless) {
      told = now;
    }
    arm();
  };
  const arm = () => {
    if (!stopped) timer = setTimeout(() => void look(), every).unref();
  };
  arm();
  return {
    stop: () => {
      stopped = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
