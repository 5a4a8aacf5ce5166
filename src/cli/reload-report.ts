import { ConfigError, renderFault } from '../config/index.ts';
import { type Change, KeywardenError, type Raise, type Resolve } from '../model/index.ts';

/** Who wants the configuration to be loaded anew. */
export type Cause = 'SIGHUP' | 'a changed file';

/** Of more than these the first are named. */
const NAMED = 20;

/** Why a configuration was not taken. Never a secret: neither faults nor our own messages hold one. */
export type Refusal = {
  /** The file of the first fault; null where none of them is at fault. */
  readonly file: string | null;
  readonly line: number | null;
  /** The first fault, in one line. */
  readonly first: string;
  /** All of them, at most twenty. */
  readonly faults: readonly string[];
  readonly count: number;
  /** The command that shows them all. */
  readonly action: string;
  readonly signal: (cause: Cause, at: number) => Raise;
};

const ABOUT = { kind: 'config-reload-failed', condition: '' } as const;

/** @param sources the files of the configuration */
export function refusal(error: unknown, sources: readonly string[]): Refusal {
  const found = error instanceof ConfigError ? [...error.faults, ...error.unsupported] : [];
  const faults = found.map(renderFault);
  const [fault] = found;
  const message =
    error instanceof KeywardenError
      ? error.message
      : 'an unforeseen fault inside Keywarden; its log says where it came from';
  const first = faults[0] ?? message;
  const file = fault?.file ?? null;
  const files = sources.map((path) => ` --config ${/^[\w./-]+$/.test(path) ? path : JSON.stringify(path)}`);
  const action = `keywarden check${files.join('')}`;
  const about = { file, line: fault?.line ?? null, first, count: Math.max(1, found.length), action };
  return {
    ...about,
    faults: (faults.length === 0 ? [message] : faults).slice(0, NAMED),
    signal: (cause, at) => raise(about, cause, at),
  };
}

function raise(
  { file, line, first, count, action }: Omit<Refusal, 'faults' | 'signal'>,
  cause: Cause,
  at: number,
): Raise {
  const where = file === null ? 'what it names cannot be had' : `${file}, line ${line}`;
  const more = count > 1 ? ` That is the first of ${count} faults.` : '';
  return {
    type: 'raise',
    ...ABOUT,
    severity: 'warning',
    at,
    title: `The configuration was not reloaded: ${where}`,
    summary: `${first}.${more} Keywarden goes on with the configuration of before, whole; what was to change has not changed, and a restart would fail with the same.`,
    action: `See all that is wrong: \`${action}\`. Correct it and reload, or put the former file back.`,
    deadline: null,
    evidence: { file, line, faults: count, cause },
  };
}

/** The end of what {@link refusal} has told. */
export function resolved(at: number): Resolve {
  return { type: 'resolve', ...ABOUT, at };
}

/** @param changed the names of what is another now */
export function reloaded(cause: Cause, changed: readonly string[], at: number): Change {
  const more = changed.length > NAMED ? `, and ${changed.length - NAMED} more` : '';
  const names = `${changed.slice(0, NAMED).join(', ')}${more}`;
  return audit('configuration.reloaded', { cause, changed: names }, at);
}

/** That a configuration was not taken. */
export function refused(cause: Cause, { file, line, first, count }: Refusal, at: number): Change {
  return audit('configuration.refused', { cause, file, line, fault: first, faults: count }, at);
}

function audit(action: string, detail: Readonly<Record<string, string | number | null>>, at: number): Change {
  return { type: 'audit.append', entry: { at, actor: 'daemon', action, credential: null, detail } };
}
