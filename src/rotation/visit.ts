import type { AlteredRights, Destination, Failure, Mark, Version } from '../model/index.ts';
import { type Drift, type DriftPolicy, driftAt, putsBack, type Standing, type Wanted } from './drift.ts';
import { NEWER } from './restored.ts';

/** What to do with a destination that shall have `wanted`. */
export type PublicationDecision =
  /** It has it already, mark and all. */
  | { readonly do: 'nothing' }
  | { readonly do: 'write' }
  /** Only a person may overwrite what stands there. */
  | { readonly do: 'refuse'; readonly failure: Failure };

/** Decides from what was read whether to write. What another installation owns, and what is newer, is left alone. */
export function decidePublication(standing: Standing | null, wanted: Wanted): PublicationDecision {
  const { mark } = wanted;
  const there = standing?.mark ?? null;
  if (standing === null || there === null) return { do: 'write' };
  if (there.installation !== mark.installation || there.credential !== mark.credential) {
    return { do: 'refuse', failure: foreign(there) };
  }
  // Without a value it is no version: nothing there is lost.
  if (standing.fingerprint === null) return { do: 'write' };
  // Two versions of one number: a state that was restored has given it out again, and the other is held nowhere else.
  const another = there.versionId !== mark.versionId && standing.fingerprint !== wanted.fingerprint;
  if (there.number > mark.number || (there.number === mark.number && another))
    return { do: 'refuse', failure: newer(there, mark) };
  const same = there.versionId === mark.versionId && standing.fingerprint === wanted.fingerprint;
  // The same version under a lower number is one of its earlier publications: a stale answer, before a rollback.
  const settled = same && there.number === mark.number;
  return settled && standing.outdated !== true ? { do: 'nothing' } : { do: 'write' };
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
    code: NEWER,
    verdict: 'permanent',
    message: `it holds version ${there.number}, ${there.number > wanted.number ? 'newer than our version' : 'another than ours of the number'} ${wanted.number}: this state may be restored from an older backup; the newest working key is looked for anew (see: \`keywarden adopt ${there.credential}\`)`,
  };
}

/** What a visit found, and what is done about it. */
export type VisitDecision = (
  | Extract<PublicationDecision, { do: 'nothing' | 'refuse' }>
  /** `valueThere`: the value was there before and only our mark is missing, or the form or the rights are others. */
  | { readonly do: 'write'; readonly valueThere: boolean; readonly drift: Drift | null }
  /** It had the version and holds something that is not ours: a person decides. */
  | { readonly do: 'leave'; readonly drift: Drift }
) & {
  /** Somebody has changed who may read it since it was published; absent: nobody has. */
  readonly rights?: AlteredRights;
};

/** The whole decision about a known destination: whose it is, whether it has drifted, and what the policy says then. */
export function decideVisit(
  known: {
    readonly destination: Destination;
    readonly versions: readonly Version[];
    readonly drift: DriftPolicy;
  },
  standing: Standing | null,
  wanted: Wanted,
): VisitDecision {
  const decision = decidePublication(standing, wanted);
  if (decision.do === 'refuse') return decision;
  const rights = rightsAt(known.destination, standing);
  if (decision.do === 'nothing' && !('rights' in rights && known.drift.onDrift === 'overwrite'))
    return { ...decision, ...rights };
  const drift = driftAt(known.destination, known.versions, standing, wanted);
  if (drift !== null && !putsBack(drift, known.drift)) return { do: 'leave', drift, ...rights };
  const valueThere = standing?.fingerprint != null && standing.fingerprint === wanted.fingerprint;
  return { do: 'write', valueThere, drift, ...rights };
}

/** What was there before Keywarden came had whatever rights its owner wanted: the first write sets them. */
function rightsAt(destination: Destination, standing: Standing | null): { readonly rights?: AlteredRights } {
  const ours = destination.versionId !== null || standing?.mark != null;
  return ours && standing?.rights ? { rights: standing.rights } : {};
}
