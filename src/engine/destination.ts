import type { CredentialConfig, DestinationConfig } from '../config/types.ts';
import type { Claim, CredentialSnapshot, Destination, RotationStep } from '../model/index.ts';
import type { Folded } from '../rotation/index.ts';
import { StateError } from '../state/contract.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { dueByOurClock } from './due-times.ts';
import { timeOf } from './provider-time.ts';

/** `work` rows of publications and hooks bear the credential and the destination. Names hold no blank. */
export function publicationId(credential: string, destination: string): string {
  return `${credential} ${destination}`;
}

/** In [0, 1), fixed for the destination: where in their period its checks for drift fall. */
export function checkSpread({ hash }: EngineContext, id: string): number {
  return hash.unit('drift', id);
}

/** A destination as the configuration has it. */
export type Place = { readonly credential: CredentialConfig; readonly destination: DestinationConfig };

/** Null: no longer configured. */
export function placeOf({ config }: EngineContext, id: string): Place | null {
  const blank = id.indexOf(' ');
  const credential = config.credentials[id.slice(0, blank)];
  const destination = credential?.destinations.find((entry) => entry.id === id.slice(blank + 1));
  return credential === undefined || destination === undefined ? null : { credential, destination };
}

/** What the state knows of one destination, and what of its credential its folds need. */
export type Known = {
  readonly snapshot: CredentialSnapshot;
  /** The steps of the open rotation. */
  readonly steps: readonly RotationStep[];
  readonly destination: Destination;
  /** False: the state has no row of it yet. */
  readonly stored: boolean;
};

/** Null: the state does not know the credential. */
export async function readDestination({ state }: EngineContext, place: Place): Promise<Known | null> {
  const snapshot = await state.credential(place.credential.name);
  if (snapshot === null) return null;
  const stored = snapshot.destinations.find(({ id }) => id === place.destination.id);
  return {
    snapshot,
    steps: snapshot.open === null ? [] : await state.steps(snapshot.open.id),
    destination: stored ?? unseen(place),
    stored: stored !== undefined,
  };
}

function unseen({ credential, destination }: Place): Destination {
  return {
    credential: credential.name,
    id: destination.id,
    state: 'pending',
    versionId: null,
    publishedAt: null,
    checkedAt: null,
    hook: null,
    attempts: 0,
    looks: 0,
    lastError: null,
  };
}

/** So often in succession the destination may change between our read and our write. */
const CONFLICT_LIMIT = 10;

/**
 * Folds, at the provider's time, into what the state knows by now, for an effect takes its time, and commits only where nobody has written the
 * destination or its credential since that was read; else once more.
 */
export async function commitFolded(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
  place: Place,
  fold: (known: Known, now: number) => Folded & { readonly next: number | null },
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const known = await readDestination(context, place);
    if (known === null) return context.state.commit([], { hold: { claim, next: null } });
    const { snapshot, destination, stored } = known;
    const { name } = snapshot.record;
    const [theirs, ours] = [timeOf(context, name), context.clock.now()];
    const { changes, signals, next } = fold(known, theirs);
    try {
      const expected = { credential: name, id: destination.id, destination: stored ? destination : null };
      return await committer.commit(
        [
          { type: 'credential.expect', name, revision: snapshot.revision },
          { type: 'destination.expect', ...expected },
          ...dueByOurClock(changes, theirs, ours),
        ],
        signals,
        { hold: { claim, next: next === null ? null : next - theirs + ours } },
      );
    } catch (error) {
      const moved = error instanceof StateError && error.code === 'stale';
      if (!moved || attempt === CONFLICT_LIMIT) throw error;
    }
  }
}
