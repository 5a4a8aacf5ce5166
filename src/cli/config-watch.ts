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
 * @param files asked for at each look: their paths, and what {@link identitiesOf} gave before they were read last; symbolic
 * links are followed
 * @param every ms of real time
 */
export function watchFiles(
  files: () => ReadonlyMap<string, string>,
  changed: () => void,
  every = LOOK_EVERY,
): { stop(): void } {
  let told: ReadonlyMap<string, string> = new Map();
  let seen = told;
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  const look = async () => {
    const before = files();
    const now = await identitiesOf([...before.keys()]);
    const restless = changedFiles(seen, now).length > 0;
    seen = now;
    if (!restless) {
      // What was told already may not have been read yet.
      const isNews = changedFiles(before, now).some((path) => told.get(path) !== now.get(path));
      told = now;
      if (isNews && !stopped) changed();
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
