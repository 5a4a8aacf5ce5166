import type { Files } from '../model/index.ts';
import { read } from './read.ts';
import { probe, replace } from './replace.ts';
import { sweep } from './temporary.ts';

/**
 * Files as stores and hooks may touch them. All failures are EdgeErrors, each naming the path and what to do:
 * `symlink`, `hard_link`, `not_a_file`, `foreign_owner`, `open_folder`, `missing_folder`, `mounted_file`, `read_only`,
 * `no_right`, `too_large`, `name_too_long`, `disk_full`, `too_many_files`, `conflict`, `io_error`.
 *
 * @example
 * const files = createFiles();
 * await files.replace('/run/app/.env', content, { mode: 0o600 });
 */
export function createFiles(): Files {
  return { read, replace, sweep, probe };
}
