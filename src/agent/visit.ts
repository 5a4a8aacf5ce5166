import type { AgentDestination } from '../config/agent/types.ts';
import { EdgeError, type Failure, type Log } from '../model/index.ts';
import type { Found, Store } from '../stores/contract.ts';
import type { FileTarget } from '../stores/file/schema.ts';
import { decide, hookOf } from './decide.ts';
import { type Held, isSame } from './held.ts';
import type { Holdings } from './holdings.ts';

/** One file of one credential, and what is needed to bring it a version. */
export type Place = {
  readonly credential: string;
  readonly destination: AgentDestination;
  readonly store: Store<FileTarget>;
  readonly holdings: Holdings;
  readonly log: Log;
};

/** The holdings' name of a file: credentials may share one. */
export function recordKey(credential: string, destination: string): string {
  return `${credential} ${destination}`;
}

export type VisitOptions = {
  /** Whether the upstream has confirmed `held` since the newer version in the file was first seen. */
  readonly confirmed: (newer: { readonly number: number }) => boolean;
  /** False: the hook of what arrives now counts as run. */
  readonly hooks: boolean;
};

/**
 * Brings the file its version, or finds that it has it: read, decide, write, read back. That a hook is owed is on disk
 * before the file is written, so that it runs after a crash between the two.
 *
 * @throws {EdgeError} where it does not have the version afterwards
 */
export async function visit(place: Place, held: Held, options: VisitOptions): Promise<void> {
  const { credential, destination, store, holdings } = place;
  const { target, onChange } = destination;
  const key = recordKey(credential, destination.id);
  const record = holdings.record(key);
  const found = await store.readBack(target);
  const newer = found?.mark ?? held.mark;
  const decision = decide(found, held, record, options.confirmed(newer));
  if (decision.do === 'ask') throw new EdgeError(newerFailure(decision.newer.number, held));
  const hook = onChange === null ? null : hookOf(found, held, record, options.hooks);
  if (decision.do === 'write') {
    report(place, held, decision.why);
    if (hook !== record.hook) await holdings.note(key, (known) => ({ ...known, hook }));
    await write(place, held, found);
    place.log.info(fieldsOf(place, held), `${credential}: ${destination.id} has version ${held.mark.number}`);
  }
  if (!isSame(record.published, held.mark) || hook !== record.hook)
    await holdings.note(key, () => ({ published: held.mark, hook }));
}

/** Reads back and compares: a file that somebody else writes at the same time is found out. */
async function write(
  { destination, store }: Place,
  { value, mark }: Held,
  before: Found | null,
): Promise<void> {
  const { target } = destination;
  await store.publish(target, value, mark, before);
  const after = await store.readBack(target);
  if (after?.value?.equals(value) === true && isSame(after.mark, mark)) return;
  throw new EdgeError({
    code: 'not_kept',
    verdict: 'retryable',
    message: `${target.file} took the version, but reading it back gives something else; something may be writing to the same file`,
  });
}

const WRONG = {
  gone: 'had lost',
  changed: 'no longer had',
  form: 'did not have in its configured form',
};

function report(place: Place, held: Held, why: keyof typeof WRONG | null): void {
  const { credential, destination, log } = place;
  if (why === null) return;
  const what = WRONG[why];
  log.warn(
    { ...fieldsOf(place, held), found: why },
    `${credential}: ${destination.id} ${what} version ${held.mark.number}: that is put right, for the agent looks after this file`,
  );
}

export function fieldsOf({ credential, destination }: Place, { mark }: Held) {
  return { credential, destination: destination.id, version: mark.number };
}

/** The code of a file that holds a newer version than the agent. */
export const NEWER = 'newer_version';

function newerFailure(number: number, { mark }: Held): Failure {
  return {
    code: NEWER,
    verdict: 'retryable',
    message: `it holds version ${number}, newer than version ${mark.number} that is held here; it is left until the upstream has said which one is current`,
  };
}
