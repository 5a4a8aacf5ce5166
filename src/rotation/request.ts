import type { Rotation } from '../model/index.ts';
import { formatDuration, formatTime } from '../model/index.ts';
import { blankRotation } from './blank-rotation.ts';
import type { Situation } from './situation.ts';
import { currentVersion, isPressing, overlapEnd } from './versions.ts';

/** A person's or program's wish for a rotation now. */
export type RotationRequest = {
  readonly emergency: boolean;
  readonly reason: string | null;
  readonly actor: string;
  /** The caller's Idempotency-Key. */
  readonly requestKey: string | null;
};

export type Admission =
  | { readonly admitted: true; readonly rotation: Rotation }
  /** `inFlight`: the rotation that stands in the way, if one does. */
  | {
      readonly admitted: false;
      readonly code: 'rotation_in_flight' | 'overlap_open' | 'no_version' | 'guided';
      readonly inFlight: Rotation | null;
      readonly reason: string;
    };

/** One rotation of a credential at a time, its overlap included; an emergency may wait for, or supersede, the open one. */
export function admit(situation: Situation, request: RotationRequest, id: string, now: number): Admission {
  const { open, queued, versions } = situation.snapshot;
  if (situation.policy.mode === 'guided') return { ...inFlight(null, handMade(situation)), code: 'guided' };
  if (currentVersion(versions) === null) {
    return {
      admitted: false,
      code: 'no_version',
      inFlight: null,
      reason: 'no working key was adopted yet, so there is nothing to rotate',
    };
  }
  if (queued !== null) return inFlight(queued, `rotation ${queued.id} waits to begin`);
  if (open !== null && !request.emergency) return inFlight(open, inTheWay(open));
  const overlap = request.emergency ? null : openOverlap(situation, now);
  if (overlap !== null) return { ...inFlight(null, overlap), code: 'overlap_open' };
  const rotation: Rotation = {
    ...blankRotation(situation.snapshot.record.name, id, now),
    queued: true,
    trigger: request.emergency ? 'emergency' : 'manual',
    reason: request.reason,
    actor: request.actor,
    requestKey: request.requestKey,
  };
  return { admitted: true, rotation };
}

function inFlight(rotation: Rotation | null, reason: string): Extract<Admission, { admitted: false }> {
  return { admitted: false, code: 'rotation_in_flight', inFlight: rotation, reason };
}

/**
 * Why a rotation has to wait although none is open: a key was superseded by hand or by an emergency and still works.
 * One whose successor has an end itself, or is known to others, waits for nothing.
 */
function openOverlap({ snapshot: { versions } }: Situation, now: number): string | null {
  const end = overlapEnd(versions, now);
  if (end === null || isPressing(versions)) return null;
  return `a superseded key still works; its overlap ends at ${formatTime(end)}`;
}

function handMade({ snapshot }: Situation): string {
  return `a person makes its keys in the provider's dashboard; then: \`keywarden import ${snapshot.record.name} < file-with-the-key\``;
}

/** True where a minted key lies in the journal and is about to be taken: nothing may end the rotation before. */
export function isAnswered({ answeredAt, newVersionId }: Rotation): boolean {
  return answeredAt !== null && newVersionId === null;
}

/** True where an emergency may take the place of `open`: nothing that was sent for it is yet to be answered or verified. */
export function givesWay(rotation: Rotation): boolean {
  const { state, trigger, attempts, intent } = rotation;
  if (isAnswered(rotation)) return false;
  // One emergency after another must not keep each other from ever minting.
  if (state === 'minting' && trigger === 'emergency' && attempts === 0) return false;
  if (state === 'minting') return intent === null || intent.sends === 0;
  return state !== 'verifying';
}

function inTheWay(open: Rotation): string {
  const end = open.overlapEndsAt === null ? '' : `; its overlap ends at ${formatTime(open.overlapEndsAt)}`;
  return `rotation ${open.id} is in ${open.state}${end}`;
}

/** What a rotation asked for now would do: for people, nothing sent. */
export type RotationPlan = {
  readonly credential: string;
  readonly trigger: 'manual' | 'emergency';
  /** What it would wait for, null where it would begin at once. */
  readonly waitsFor: string | null;
  readonly steps: ReadonlyArray<{ readonly name: string; readonly detail: string }>;
};

export function describe(situation: Situation, emergency: boolean, now: number): RotationPlan {
  const { snapshot, policy, destinations } = situation;
  const current = currentVersion(snapshot.versions);
  const required = destinations.filter(({ required }) => required).map(({ id }) => id);
  return {
    credential: snapshot.record.name,
    trigger: emergency ? 'emergency' : 'manual',
    waitsFor: waitsFor(situation, emergency, now),
    steps:
      policy.mode === 'guided'
        ? []
        : [
            {
              name: 'preflight',
              detail: `${emergency ? 'at least one destination' : required.join(', ') || 'no destination'} can be written`,
            },
            {
              name: 'mint',
              detail: `the successor of ${current?.keyId ?? 'the current key'} (version ${current?.number ?? '-'})`,
            },
            {
              name: 'verify',
              detail: `accepted ${policy.settle.successes} times in succession, not before ${formatDuration(policy.settle.minimum)}`,
            },
            ...destinations.map(({ id }) => ({ name: 'publish', detail: id })),
            { name: 'overlap', detail: `both keys work for ${formatDuration(policy.overlap)} from the mint` },
            { name: 'retire', detail: `${current?.keyId ?? 'the current key'} ends` },
          ],
  };
}

function waitsFor(situation: Situation, emergency: boolean, now: number): string | null {
  const { snapshot } = situation;
  const { open, queued, versions } = snapshot;
  if (situation.policy.mode === 'guided') return handMade(situation);
  if (currentVersion(versions) === null) return 'a working key to be adopted';
  if (queued !== null) return `rotation ${queued.id}, which waits to begin`;
  if (open === null) return emergency ? null : openOverlap(situation, now);
  if (!emergency) return inTheWay(open);
  return givesWay(open) ? null : `rotation ${open.id} to end ${open.state}`;
}
