import { type Change, failureOf, type Secret } from '../model/index.ts';
import { type Folded, strayedAnswer } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import type { SpooledAnswer } from '../state/spool.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';

/** So often in succession the credential may change between our read and our write. */
const CONFLICT_LIMIT = 10;

/**
 * Saves a mint's answer that the state did not take because of `cause`. False where the disk takes not even this: the
 * answer is then held in memory alone.
 */
export async function spoolAnswer(
  { spool, log }: EngineContext,
  entry: SpooledAnswer,
  cause: unknown,
): Promise<boolean> {
  const { credential, rotationId: rotation } = entry;
  const fields = { credential, rotation, error: cause };
  try {
    await spool.save(entry);
    log.error(fields, `${credential}: a minted key lies in the spool: the state did not take it`);
    return true;
  } catch (error) {
    log.error(fields, `${credential}: a minted key is held in memory alone: the state did not take it`);
    log.error({ credential, rotation, error }, `${credential}: and the spool did not take it either`);
    return false;
  }
}

/**
 * Takes in what lies in the spool, before anything else is done with these credentials.
 * @throws {StateError} where the spool cannot be read or the state does not take it: nothing is lost by that
 */
export async function takeInSpooled(context: EngineContext, committer: Committer): Promise<void> {
  for (const entry of await context.spool.load()) {
    const { credential, rotationId: rotation } = entry;
    const fields = { credential, rotation };
    if ((await context.state.credential(credential)) === null) {
      const message = `${credential}: the spool holds a minted key of a credential that the state does not know; it stays there`;
      context.log.error(fields, message);
      continue;
    }
    await journalSpooled(context, committer, entry);
    await context.spool.clear(credential);
    context.log.info(fields, `${credential}: the minted key was taken in from the spool`);
  }
}

/**
 * Gives the answer to the rotation that waits for it, by way of the journal. Where none does any more its key is kept
 * and told; where the state has it already, nothing is done.
 * @throws {StateError} where the state does not take it
 */
export async function journalSpooled(
  context: EngineContext,
  committer: Committer,
  entry: SpooledAnswer,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { changes, signals } = await takenIn(context, entry);
    try {
      return await committer.commit(changes, signals);
    } catch (error) {
      const moved = error instanceof StateError && error.code === 'stale';
      if (!moved || attempt === CONFLICT_LIMIT) throw error;
    }
  }
}

async function takenIn(context: EngineContext, entry: SpooledAnswer): Promise<Folded> {
  const { state, clock, newId } = context;
  const { credential, rotationId, answer, at } = entry;
  const journal: Change = { type: 'journal.put', rotationId, answer, at };
  const snapshot = await state.credential(credential);
  if (snapshot === null) return { changes: [journal], signals: [] };
  const { open, revision } = snapshot;
  const asRead: Change = { type: 'credential.expect', name: credential, revision };
  if (open?.id === rotationId && open.newVersionId === null && open.answeredAt === null) {
    const rotation = { ...open, answeredAt: at };
    const wake: Change = { type: 'work.wake', kind: 'credential', id: credential, at: clock.now() };
    return { changes: [asRead, journal, { type: 'rotation.put', rotation }, wake], signals: [] };
  }
  if (await isJournalled(context, entry)) return { changes: [], signals: [] };
  const key = readKey(context, snapshot.record.provider, answer);
  const kept = strayedAnswer({ snapshot, rotationId, answer, at, key }, clock.now(), newId);
  return kept.changes.length === 0 ? kept : { ...kept, changes: [asRead, ...kept.changes] };
}

async function isJournalled(
  { state }: EngineContext,
  { rotationId, answer }: SpooledAnswer,
): Promise<boolean> {
  return (await state.journalled(rotationId)).some((journalled) => journalled.equals(answer));
}

function readKey({ plugins, hash }: EngineContext, provider: string, answer: Secret) {
  try {
    const { key, keyId, createdAt } = named(plugins.providers, provider).parseMint(answer);
    return { value: key, fingerprint: hash.fingerprint(key), keyId, createdAt };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}
