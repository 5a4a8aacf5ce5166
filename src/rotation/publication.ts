import type {
  Change,
  CredentialSnapshot,
  Destination,
  Failure,
  Mark,
  Rotation,
  RotationStep,
  Signal,
  Version,
} from '../model/index.ts';
import { formatTime } from '../model/index.ts';
import { backoff } from './backoff.ts';
import { lateness } from './deadlines.ts';
import { audit, type Folded, folded } from './folded.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import { moveStep } from './steps.ts';

/** What stands at a destination, as far as the decision needs it. */
export type Standing = { readonly fingerprint: string | null; readonly mark: Mark | null };

/** What to do with a destination that shall have `wanted`. */
export type PublicationDecision =
  /** It has it already, mark and all. */
  | { readonly do: 'nothing' }
  | { readonly do: 'write' }
  /** Only a person may overwrite what stands there. */
  | { readonly do: 'refuse'; readonly failure: Failure };

/** Decides from what was read whether to write. What another installation owns, and what is newer, is left alone. */
export function decidePublication(
  standing: Standing | null,
  wanted: { readonly mark: Mark; readonly fingerprint: string | null },
): PublicationDecision {
  const { mark } = wanted;
  const there = standing?.mark ?? null;
  if (standing === null || there === null) return { do: 'write' };
  if (there.installation !== mark.installation || there.credential !== mark.credential) {
    return { do: 'refuse', failure: foreign(there) };
  }
  if (there.number > mark.number) return { do: 'refuse', failure: newer(there, mark) };
  const same = there.versionId === mark.versionId && standing.fingerprint === wanted.fingerprint;
  return same ? { do: 'nothing' } : { do: 'write' };
}

function foreign(there: Mark): Failure {
  return {
    code: 'foreign_owner',
    verdict: 'permanent',
    message: `it holds ${there.credential} of the installation ${there.installation}, which is left alone; choose another place, or remove what stands there`,
  };
}

function newer(there: Mark, wanted: Mark): Failure {
  return {
    code: 'newer_version',
    verdict: 'permanent',
    message: `it holds version ${there.number}, newer than our version ${wanted.number}: this state may be restored from an older backup; run \`keywarden adopt ${there.credential}\``,
  };
}

/** One publication: the destination, the version it shall have, and the rotation that brought it, if one is open. */
export type PublicationSituation = {
  readonly destination: Destination;
  readonly wanted: Version;
  readonly snapshot: CredentialSnapshot;
  readonly steps: readonly RotationStep[];
  /** How long the destination's readers cache, ms. */
  readonly consumerLag: number;
};

/** After so many failures in succession an outage is told; it is some 15 s long by then. */
const PATIENCE = 5;

/**
 * What came of one attempt, and when the next is due (null: none, it has the version).
 * @throws {TypeError} for a version that the provider never accepted
 */
export function foldPublication(
  situation: PublicationSituation,
  outcome: { readonly failure: Failure | null; readonly written: boolean },
  now: number,
): Folded & { readonly next: number | null } {
  const { id, state } = situation.wanted;
  if (state === 'pending') throw new TypeError(`version ${id} was published before the provider accepted it`);
  return outcome.failure === null
    ? { ...arrived(situation, outcome.written, now), next: null }
    : failed(situation, outcome.failure, now);
}

function arrived(
  { destination, wanted, snapshot, steps }: PublicationSituation,
  written: boolean,
  now: number,
): Folded {
  const { credential, id } = destination;
  const changes: Change[] = [
    {
      type: 'destination.put',
      destination: {
        ...destination,
        state: 'published',
        versionId: wanted.id,
        publishedAt: now,
        attempts: 0,
        lastError: null,
      },
    },
    { type: 'work.wake', kind: 'credential', id: credential, at: now },
  ];
  if (snapshot.open?.newVersionId === wanted.id) {
    changes.push(moveStep(steps, snapshot.open.id, 'publish', 'done', now, { destination: id }));
  }
  if (written) {
    changes.push(
      audit(now, 'daemon', 'version.published', credential, {
        destination: id,
        number: wanted.number,
        keyId: wanted.keyId,
      }),
    );
  }
  return folded(changes, [
    resolve('publish-failed', credential, now, id),
    resolve('store-unreachable', credential, now, id),
  ]);
}

function failed(
  situation: PublicationSituation,
  failure: Failure,
  now: number,
): Folded & { readonly next: number } {
  const { destination, wanted, snapshot, steps } = situation;
  const attempts = destination.attempts + 1;
  const rotation = snapshot.open?.newVersionId === wanted.id ? snapshot.open : null;
  const overlapLeft = rotation?.overlapEndsAt == null ? undefined : rotation.overlapEndsAt - now;
  const changes: Change[] = [
    {
      type: 'destination.put',
      destination: {
        ...destination,
        state: failure.verdict === 'permanent' ? 'failed' : 'pending',
        attempts,
        lastError: failure,
      },
    },
  ];
  if (rotation !== null) {
    changes.push(
      moveStep(steps, rotation.id, 'publish', 'failed', now, { destination: destination.id, error: failure }),
    );
  }
  return {
    ...folded(changes, tell(situation, failure, attempts, rotation, now)),
    next: now + backoff(attempts, { retryAfterMs: failure.retryAfterMs, overlapLeft }),
  };
}

function tell(
  { destination, wanted, consumerLag }: PublicationSituation,
  failure: Failure,
  attempts: number,
  rotation: Rotation | null,
  now: number,
): Signal[] {
  const { credential, id } = destination;
  const overlapEndsAt = rotation?.overlapEndsAt ?? null;
  const late = rotation === null ? null : lateness(rotation, consumerLag, now);
  const lasting = late !== null || failure.verdict === 'permanent' || failure.verdict === 'rejected';
  if (!lasting && attempts < PATIENCE) return [];
  const evidence = { destination: id, version: wanted.number, attempts, ...failureEvidence(failure) };
  const until = overlapEndsAt === null ? '' : ` The old key works until ${formatTime(overlapEndsAt)}.`;
  return [
    raise(lasting ? 'publish-failed' : 'store-unreachable', credential, now, {
      severity: late ?? (!lasting && overlapEndsAt !== null ? 'critical' : 'warning'),
      condition: id,
      title: `${credential}: ${id} does not have the new key`,
      summary: `${failure.message}.${until} Keywarden goes on trying; other destinations are not held up.`,
      action: lasting
        ? 'Repair the destination; see: keywarden check'
        : 'Bring the store back; publishing goes on by itself.',
      deadline: overlapEndsAt,
      evidence,
    }),
  ];
}
