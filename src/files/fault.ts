import { EdgeError, type Verdict } from '../model/index.ts';

type Meaning = { readonly code: string; readonly verdict: Verdict; readonly why: string };

const NO_RIGHT: Meaning = {
  code: 'no_right',
  verdict: 'permanent',
  why: 'the right is missing; let the user that Keywarden runs as write the folder, or own the file',
};

const MISSING_FOLDER: Meaning = {
  code: 'missing_folder',
  verdict: 'retryable',
  why: 'its folder is not there; create or mount it',
};

const DISK_FULL: Meaning = {
  code: 'disk_full',
  verdict: 'retryable',
  why: 'no space or quota is left; free some (the old file is whole)',
};

/** A mount is of an inode: what is renamed over its name would be another, and rename(2) answers EBUSY. */
export const MOUNTED_FILE =
  'the file is mounted by itself (a bind mount), so that it cannot be replaced; mount the folder instead of the file';

const TOO_MANY_FILES: Meaning = {
  code: 'too_many_files',
  verdict: 'retryable',
  why: 'too many files are open; raise the limit (ulimit -n)',
};

const MEANINGS: Readonly<Record<string, Meaning>> = {
  EACCES: NO_RIGHT,
  EPERM: NO_RIGHT,
  ENOENT: MISSING_FOLDER,
  ENOTDIR: MISSING_FOLDER,
  ENOSPC: DISK_FULL,
  EDQUOT: DISK_FULL,
  EFBIG: DISK_FULL,
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  EROFS: {
    code: 'read_only',
    verdict: 'permanent',
    why: 'its file system is mounted read-only; mount it writable',
  },
  EBUSY: {
    code: 'mounted_file',
    verdict: 'permanent',
    why: MOUNTED_FILE,
  },
  ENAMETOOLONG: {
    code: 'name_too_long',
    verdict: 'permanent',
    why: 'its name is too long; use a shorter one',
  },
};

/** The errno name of what `node:fs` threw, or null. */
export function errnoOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}

/** A refusal of ours, in the words that all of them share. */
export function refusal(
  code: string,
  verdict: Verdict,
  action: string,
  path: string,
  why: string,
): EdgeError {
  return new EdgeError({ code, verdict, message: `cannot ${action} ${path}: ${why}` });
}

/** What was thrown as an EdgeError; one that already is passes through. */
export function faultOf(error: unknown, action: string, path: string): EdgeError {
  if (error instanceof EdgeError) return error;
  const errno = errnoOf(error) ?? 'no error code';
  const meaning = MEANINGS[errno];
  return meaning === undefined
    ? refusal(
        'io_error',
        'retryable',
        action,
        path,
        `the file system failed (${errno}); see the kernel's log`,
      )
    : refusal(meaning.code, meaning.verdict, action, path, `${meaning.why} (${errno})`);
}
