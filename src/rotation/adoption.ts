import type { Failure, Version } from '../model/index.ts';
import type { Candidate, Outcome, Situation } from './situation.ts';

/** Which key is the current one, at first start, after a lost state, or when a person asked to look again. */
export type Adoption =
  | { readonly decision: 'adopt'; readonly candidate: Candidate }
  /** It cannot be known yet: a destination or the provider did not answer. */
  | { readonly decision: 'wait'; readonly waitsFor: 'store' | 'provider'; readonly failure: Failure }
  /** Only a person can say. */
  | { readonly decision: 'attention'; readonly failure: Failure };

/**
 * The newest working key: by Keywarden's own mark; else the one value without a mark that works; else the configured
 * first secret. Nothing is decided before every required destination was read and every candidate was tested, since
 * the one that is missing may be the newest. What another installation owns is left alone.
 */
export function chooseAdoption(situation: Situation, outcome: Extract<Outcome, { of: 'adopt' }>): Adoption {
  const unread = outcome.readings.find(({ required, failure }) => required && failure !== null);
  if (unread?.failure) return { decision: 'wait', waitsFor: 'store', failure: unread.failure };
  const found = outcome.readings.flatMap(({ candidate }) =>
    candidate !== null && isOurs(candidate, situation) ? [candidate] : [],
  );
  const untested = found.find(({ accepted }) => accepted === null);
  if (untested?.failure) return { decision: 'wait', waitsFor: 'provider', failure: untested.failure };
  const working = found.filter(({ accepted }) => accepted === true);
  return chooseFound(situation, working) ?? chooseConfigured(outcome);
}

function isOurs({ mark }: Candidate, { installation, snapshot }: Situation): boolean {
  return mark === null || (mark.installation === installation && mark.credential === snapshot.record.name);
}

function chooseFound({ snapshot }: Situation, working: readonly Candidate[]): Adoption | null {
  const numbered = working.map((candidate) => ({
    candidate,
    number: numberOf(candidate, snapshot.versions),
  }));
  const strange = distinct(numbered.flatMap(({ candidate, number }) => (number === null ? [candidate] : [])));
  const [newest] = numbered
    .filter(({ number }) => number !== null)
    .sort((a, b) => (b.number ?? 0) - (a.number ?? 0));
  // Where we have a history, a working value that is not in it was put there since; without one, our mark is the better word.
  if (newest !== undefined && (snapshot.versions.length === 0 || strange.length === 0))
    return { decision: 'adopt', candidate: newest.candidate };
  if (strange.length > 1) return { decision: 'attention', failure: ambiguous(strange.length) };
  return strange[0] === undefined ? null : { decision: 'adopt', candidate: strange[0] };
}

/** By its mark, or, where the mark is gone, by the version that we know to have this value. */
function numberOf({ mark, fingerprint }: Candidate, versions: readonly Version[]): number | null {
  return mark?.number ?? versions.find((version) => version.fingerprint === fingerprint)?.number ?? null;
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.map((candidate) => [candidate.fingerprint, candidate])).values()];
}

function ambiguous(count: number): Failure {
  return {
    code: 'ambiguous_key',
    verdict: 'permanent',
    message:
      `the destinations hold ${count} different keys that work, and none bears Keywarden's mark; ` +
      'remove all but the right one, or hand it over with `keywarden adopt`',
  };
}

function chooseConfigured({ configured, fault }: Extract<Outcome, { of: 'adopt' }>): Adoption {
  if (configured?.accepted === true) return { decision: 'adopt', candidate: configured };
  if (configured?.accepted === null && configured.failure) {
    return { decision: 'wait', waitsFor: 'provider', failure: configured.failure };
  }
  return {
    decision: 'attention',
    failure: configured?.failure ??
      fault ?? {
        code: 'no_key',
        verdict: 'permanent',
        message:
          'no destination holds a working key and the configuration names no first secret; hand one over with `keywarden adopt`',
      },
  };
}
