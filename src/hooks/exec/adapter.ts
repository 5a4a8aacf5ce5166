import { formatDuration, type PluginContext, SECOND, type Verdict } from '../../model/index.ts';
import { closedFault, interruptedFault } from '../closed.ts';
import type { Hook, HookEvent } from '../contract.ts';
import { HookFailedError } from '../failed.ts';
import { Command, type Ended, type Ending } from './command.ts';
import type { ExecConfig } from './schema.ts';

/** How long a command has between SIGTERM and SIGKILL, ms. */
const GRACE = 2 * SECOND;

/** What a command gets of the daemon's own environment, which holds secrets. */
const INHERITED = ['PATH', 'HOME', 'LANG'];

/**
 * Runs a command: see {@link Command} for how, {@link environment} for what it is told. The last 4 KB of its output,
 * redacted, are logged at `debug` where it succeeded; where it failed they are part of the error, for whoever logs that.
 *
 * Every failure is `hook_failed`: `permanent` where the command cannot be run at all, `unknown` where it ran and may
 * have done some of its work. The arguments are not quoted: they may hold what they should not.
 */
export function create(context: PluginContext<ExecConfig>): Hook {
  const { exec, timeout } = context.config;
  const running = new Set<Command>();
  let closed = false;
  return {
    async run(event) {
      if (closed) throw closedFault();
      const command = new Command(exec, environment(event), { timeout, grace: GRACE });
      running.add(command);
      const ended = await command.ended;
      running.delete(command);
      report(context, event, ended);
    },
    async close() {
      closed = true;
      for (const command of running) command.stop('closed');
      await Promise.all(Array.from(running, (command) => command.ended));
    },
  };
}

/**
 * All that a command finds in its environment: `PATH`, `HOME` and `LANG` as the daemon has them, and
 * `KEYWARDEN_CREDENTIAL`, `KEYWARDEN_DESTINATION`, `KEYWARDEN_VERSION` (its number) and, where it is known,
 * `KEYWARDEN_KEY_ID`. Never a secret.
 */
function environment({ credential, destination, mark }: HookEvent): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    KEYWARDEN_CREDENTIAL: credential,
    KEYWARDEN_DESTINATION: destination,
    KEYWARDEN_VERSION: String(mark.number),
    ...(mark.keyId === null ? {} : { KEYWARDEN_KEY_ID: mark.keyId }),
  };
}

/** @throws {HookFailedError} where the command did not exit with status 0 */
function report({ config, log }: PluginContext<ExecConfig>, event: HookEvent, ended: Ended): void {
  const { ending, output } = ended;
  const command = config.exec[0] ?? '';
  if (ending.how === 'exited' && ending.status === 0) {
    const { credential, destination } = event;
    log.debug({ command, credential, destination, output: output.whole }, 'a hook command has succeeded');
    return;
  }
  if (ending.how === 'stopped' && ending.why === 'closed') throw interruptedFault();
  const { verdict, what } = meaningOf(ending, config.timeout);
  const said = output.lastLines === '' ? '' : `; it said: ${output.lastLines}`;
  const message = `the onChange command ${command} ${what}${said}`;
  throw new HookFailedError({ code: 'hook_failed', verdict, message }, output.whole);
}

type Meaning = { readonly verdict: Verdict; readonly what: string };

function meaningOf(ending: Ending, timeout: number): Meaning {
  switch (ending.how) {
    case 'exited':
      return { verdict: 'unknown', what: `ended with exit status ${ending.status}` };
    case 'killed':
      return { verdict: 'unknown', what: `was ended by ${ending.signal}, which Keywarden did not send` };
    case 'stopped':
      return {
        verdict: 'unknown',
        what: `was still running after ${formatDuration(timeout)} and was stopped; make it faster or set a longer timeout`,
      };
    case 'unstarted':
      return unstarted(ending.errno);
  }
}

function unstarted(errno: string): Meaning {
  switch (errno) {
    case 'ENOENT':
      return {
        verdict: 'permanent',
        what: "was not found, or the interpreter that its first line names was not; install it, or give its absolute path (names are looked for in the daemon's PATH)",
      };
    case 'EACCES':
    case 'EPERM':
      return {
        verdict: 'permanent',
        what: `may not be executed (${errno}); give the user that Keywarden runs as the right to execute it`,
      };
    case 'E2BIG':
    case 'ENOEXEC':
    case 'ELOOP':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
      return { verdict: 'permanent', what: `cannot be executed (${errno}); correct it or its arguments` };
    default:
      return {
        verdict: 'retryable',
        what: `could not be started (${errno}); the machine may be short of processes, memory or open files`,
      };
  }
}
