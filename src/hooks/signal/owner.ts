import { readFile } from 'node:fs/promises';

/**
 * The user that process `pid` runs as, where a pid file of user `fileOwner` must not name it; else null. Whom Keywarden
 * trusts anyway, root and its own user, may name any process. Null too where the system does not tell (no `/proc`).
 */
export async function foreignOwner(pid: number, fileOwner: number): Promise<number | null> {
  if (fileOwner === 0 || fileOwner === process.getuid?.()) return null;
  const users = await usersOf(pid);
  return users.includes(fileOwner) ? null : (users[0] ?? null);
}

/** Real, effective, saved and file system user of a process, proc_pid_status(5); none where it is not there. */
async function usersOf(pid: number): Promise<readonly number[]> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^Uid:((?:\s+\d+)+)$/m.exec(status)?.[1]?.trim().split(/\s+/).map(Number) ?? [];
}
