import type { CredentialRecord, Destination, Failure, Signal } from '../model/index.ts';
import { backoff } from './backoff.ts';
import { endEarly } from './end.ts';
import { audit, type Folded, folded } from './folded.ts';
import { isAnswered } from './request.ts';
import { failureEvidence, raise } from './signals.ts';
import { applied, type Situation } from './situation.ts';

/** The code of a publication or preflight that finds a newer version of ours than the state knows. */
export const NEWER = 'newer_version';

/** So many looks in succession are made at once: a person may have handed over a key after the first. */
const AT_ONCE = 2;

/** True where the newest working key is being looked for: at the first start, or anew. */
export function isLooking({ state }: CredentialRecord): boolean {
  return state !== 'managed' && state !== 'rejected';
}

/**
 * A destination holds a newer version than this state knows: the state was restored from an older backup, or lost a
 * commit. What it holds is not overwritten; the newest working key is looked for anew, as at the first start: at once,
 * and ever more seldom where that does not end it (a store that does not give every reader the same). Nothing where it is
 * under way already.
 * @param found the destination; undefined where it was never visited
 */
export function lookAgain(
  situation: Pick<Situation, 'policy' | 'snapshot' | 'steps'>,
  found: Destination | undefined,
  failure: Failure,
  now: number,
): Folded {
  const { record, open } = situation.snapshot;
  // What could not wait for the search, and has minted since, keeps it from going on; before that it goes on meanwhile.
  if (isLooking(record) && (open === null || open.newVersionId === null)) return folded([]);
  // A minted key that lies in the journal is taken first; whoever found the newer version finds it again.
  if (open !== null && isAnswered(open)) return folded([]);
  const ended =
    open === null
      ? folded([])
      : endEarly(situation, open, 'abandoned', now, { actor: 'daemon', detail: { why: failure.code } });
  const known = applied(situation, ended.changes).snapshot.record;
  const attempts = Math.max(0, (found?.looks ?? 0) + 1 - AT_ONCE);
  const retryAt = attempts === 0 ? null : now + backoff(attempts, {});
  return folded(
    [
      ...ended.changes,
      { type: 'credential.put', record: { ...known, state: 'new', attempts, retryAt } },
      audit(now, 'daemon', 'adoption.requested', record.name, { why: failure.code }),
      { type: 'work.wake', kind: 'credential', id: record.name, at: now },
    ],
    [
      ...ended.signals,
      // What is found again and again is told by who finds it.
      ...(attempts === 0 ? [restored(record.name, failure, now)] : []),
    ],
  );
}

function restored(credential: string, failure: Failure, now: number): Signal {
  return raise('state-restored', credential, now, {
    severity: 'warning',
    transient: true,
    title: `${credential}: a destination holds a newer version than the state knows`,
    summary:
      'The state seems to be restored from an older backup. The newest working key in the destinations is adopted.',
    action: `Nothing, where the backup was restored on purpose; see: \`keywarden history ${credential}\``,
    evidence: failureEvidence(failure),
  });
}
