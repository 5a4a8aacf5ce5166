import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../model/index.ts';
import type { State } from '../contract.ts';
import { openSqlite } from '../sqlite/index.ts';
import { T } from './samples.suite.ts';

export const KEY = Secret.from(Buffer.alloc(32, 7));

/** A folder of one test with a state's file in it that is not there yet. */
export type Folder = {
  readonly path: string;
  readonly file: string;
  open(keys?: readonly Secret[]): Promise<State>;
  /** The bytes of every file beside the database, it included, by name. */
  bytes(): ReadonlyMap<string, Buffer>;
  /** Their modes in octal, by name. */
  modes(): Readonly<Record<string, string>>;
  remove(): void;
};

export function makeFolder(): Folder {
  const root = mkdtempSync(join(tmpdir(), 'keywarden-state-'));
  const path = join(root, 'state');
  const file = join(path, 'keywarden.db');
  const names = () => readdirSync(path).toSorted();
  return {
    path,
    file,
    open: (keys = [KEY]) => openSqlite({ file, keys, now: () => T, owner: 'here' }),
    bytes: () => new Map(names().map((name) => [name, readFileSync(join(path, name))])),
    modes: () =>
      Object.fromEntries(
        names().map((name) => [name, (statSync(join(path, name)).mode & 0o777).toString(8)]),
      ),
    remove: () => rmSync(root, { recursive: true }),
  };
}
