import { EdgeError, failureOf, type PluginContext, type Verdict } from '../../model/index.ts';
import { closedFault } from '../closed.ts';
import type { Hook } from '../contract.ts';
import { foreignOwner } from './owner.ts';
import { parsePid } from './pid.ts';
import type { SignalConfig } from './schema.ts';

/** Of a file's mode: whoever is on the machine may write it. */
const WRITABLE_BY_ALL = 0o002;

/**
 * Sends a signal to the process whose number stands in a file. The file is read at each run, since the number changes
 * with every start of the program.
 *
 * A program of another user must not have Keywarden signal any process it likes: a file that everybody can write is
 * refused, and one that belongs to another user than Keywarden's or root may only name a process of its owner.
 *
 * Failures: `no_pid_file`, `empty_pid_file`, `no_process` (retryable: the program may be starting); `bad_pid_file`,
 * `open_pid_file`, `foreign_process`, `no_right` (permanent); and what reading a file throws.
 */
export function create({ config, files }: PluginContext<SignalConfig>): Hook {
  const { signal, pidFile } = config;
  let closed = false;
  return {
    async run() {
      if (closed) throw closedFault();
      const pid = await readPid(files, pidFile);
      try {
        process.kill(pid, signal);
      } catch (error) {
        throw unsent(error, config, pid);
      }
    },
    async close() {
      closed = true;
    },
  };
}

/** @throws {EdgeError} */
async function readPid(files: PluginContext<unknown>['files'], path: string): Promise<number> {
  const file = await files.read(path).catch((error: unknown) => {
    throw error instanceof EdgeError ? error : new EdgeError(failureOf(error));
  });
  if (file === null) {
    throw fault('no_pid_file', 'retryable', `the pid file ${path} is not there; start the program`);
  }
  if ((file.mode & WRITABLE_BY_ALL) !== 0) {
    throw fault(
      'open_pid_file',
      'permanent',
      `everybody on this machine can write the pid file ${path}, and so choose what is signalled; take that right away (chmod o-w)`,
    );
  }
  const { pid, problem } = parsePid(file.content, process.pid);
  if (problem === 'empty') {
    throw fault('empty_pid_file', 'retryable', `the pid file ${path} is empty; the program may be starting`);
  }
  if (pid === null) throw fault('bad_pid_file', 'permanent', `the pid file ${path} ${problem}`);
  const owner = await foreignOwner(pid, file.uid);
  if (owner !== null) {
    throw fault(
      'foreign_process',
      'permanent',
      `the pid file ${path} belongs to user ${file.uid} and names process ${pid}, which runs as user ${owner}; let root or the program's own user write it`,
    );
  }
  return pid;
}

/** What `process.kill` threw, as a failure. */
export function unsent(error: unknown, { signal, pidFile }: SignalConfig, pid: number): EdgeError {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : 'no error code';
  const target = `${signal} could not be sent to process ${pid}, which ${pidFile} names`;
  if (errno === 'ESRCH') {
    return fault('no_process', 'retryable', `${target}: there is no such process; start the program`);
  }
  return errno === 'EPERM'
    ? fault(
        'no_right',
        'permanent',
        `${target}: the process belongs to another user; run Keywarden as that user`,
      )
    : fault('not_sent', 'permanent', `${target} (${errno})`);
}

function fault(code: string, verdict: Verdict, message: string): EdgeError {
  return new EdgeError({ code, verdict, message });
}
