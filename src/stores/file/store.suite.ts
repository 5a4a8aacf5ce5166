import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFiles } from '../../files/index.ts';
import type { Clock, Files, Net } from '../../model/index.ts';
import type { StoreWorld } from '../contract.suite.ts';
import { memoryLog, testHash } from '../parts.suite.ts';
import { create } from './adapter.ts';
import { type FileTarget, target as targetSchema } from './schema.ts';

const neverUsed = (what: string) => () => {
  throw new TypeError(`a file store has no use for ${what}`);
};

const net: Net = {
  request: neverUsed('a connection'),
  fetch: neverUsed('a connection'),
  trust: { rejectUnauthorized: true },
  as: neverUsed('a connection'),
  close: neverUsed('a connection'),
};
const clock: Clock = {
  now: neverUsed('time'),
  monotonic: neverUsed('time'),
  steady: neverUsed('time'),
  after: neverUsed('time'),
};

/** The file store on `files`, and all that it logs. */
export function storeOn(files: Files, withinMs?: number) {
  const log = memoryLog();
  const context = { name: 'file', config: null, net, files, log: log.log, clock, hash: testHash };
  const store = create(context, withinMs);
  return { store, logged: log.text };
}

/** A destination as the configuration reads it; `placed` is what it adds for a template. */
export const targetOf = (
  entry: object,
  placed: Pick<FileTarget, 'credential' | 'credentials'> = {},
): FileTarget => ({
  ...targetSchema.parse(entry),
  ...placed,
});

export const dotenvTarget = (file: string, variable: string, more: object = {}): FileTarget =>
  targetOf({ file, format: 'dotenv', variable, ...more });

/** What a format's file is like, in a world of its own. */
export type FileWorld = {
  /** The file's name, and what stands in it at first (null: there is none). */
  readonly name: string;
  readonly content: string | null;
  readonly target: (folder: string) => FileTarget;
  readonly otherTarget?: (folder: string) => FileTarget;
  readonly planted?: readonly string[];
  /** What the file holds once somebody has put `value` into it by hand; `text` is what it holds now. */
  readonly meddle: (text: string, value: string) => string;
  /** Whatever else must be there. */
  readonly prepare?: (folder: string) => Promise<void>;
};

/** A folder with one file in it, as the contract of stores wants it. */
export async function fileWorld(world: FileWorld): Promise<StoreWorld<FileTarget>> {
  const root = await mkdtemp(join(tmpdir(), 'keywarden-store-'));
  const folder = join(root, 'app');
  const file = join(folder, world.name);
  await mkdir(folder);
  if (world.content !== null) await writeFile(file, world.content, { mode: 0o600 });
  await world.prepare?.(folder);
  const read = () => readFile(file, 'utf8').catch(() => null);
  return {
    ...storeOn(createFiles()),
    target: world.target(folder),
    ...(world.otherTarget === undefined ? {} : { otherTarget: world.otherTarget(folder) }),
    planted: world.planted ?? [],
    outage: (on) => (on ? rename(folder, `${folder}.away`) : rename(`${folder}.away`, folder)),
    forbid: (on) => chmod(folder, on ? 0o777 : 0o700),
    meddle: async (value) => writeFile(file, world.meddle((await read()) ?? '', value)),
    observe: async () => ({
      names: await readdir(folder),
      text: await read(),
      inode: (await stat(file).catch(() => null))?.ino,
    }),
    end: () => rm(root, { recursive: true }),
  };
}
