import type { DestinationConfig } from '../config/types.ts';
import {
  type Claim,
  type Destination,
  EdgeError,
  type Failure,
  failureOf,
  type Version,
} from '../model/index.ts';
import { currentVersion, decidePublication, foldPublication, markOf } from '../rotation/index.ts';
import type { Found } from '../stores/contract.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import { installationOf } from './situation.ts';

/** `work` rows of publications bear the credential and the destination. Names hold no blank. */
export function publicationId(credential: string, destination: string): string {
  return `${credential} ${destination}`;
}

function parsePublicationId(id: string): { credential: string; destination: string } {
  const blank = id.indexOf(' ');
  return { credential: id.slice(0, blank), destination: id.slice(blank + 1) };
}

/** One turn of one destination: bring it the current version, or find that it has it. */
export async function turnPublication(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
): Promise<void> {
  const { config, state, clock, log, counters } = context;
  const { credential, destination: id } = parsePublicationId(claim.id);
  const configured = config.credentials[credential]?.destinations.find((entry) => entry.id === id);
  const snapshot = await state.credential(credential);
  const wanted = snapshot && currentVersion(snapshot.versions);
  // No longer configured, or nothing to publish yet: adoption makes it due again.
  if (configured === undefined || snapshot === null || !wanted)
    return state.commit([], { hold: { claim, next: null } });

  const started = clock.monotonic();
  const outcome = await publish(context, configured, wanted);
  counters.observe('rotation_step_seconds', { step: 'publish' }, (clock.monotonic() - started) / 1_000);
  if (outcome.failure !== null) {
    log.warn(
      { credential, destination: id, failure: outcome.failure },
      `${credential}: ${id}: ${outcome.failure.message}`,
    );
  } else if (outcome.written) {
    log.info(
      { credential, destination: id, version: wanted.number },
      `${credential}: ${id} has version ${wanted.number}`,
    );
  }
  // Read again: the rotation that brought the version may have begun its overlap's end meanwhile.
  const latest = (await state.credential(credential)) ?? snapshot;
  const steps = latest.open === null ? [] : await state.steps(latest.open.id);
  const destination = latest.destinations.find((entry) => entry.id === id) ?? unseen(credential, id);
  const folded = foldPublication(
    { destination, wanted, snapshot: latest, steps, consumerLag: configured.consumerLag },
    outcome,
    clock.now(),
  );
  await committer.commit(folded.changes, folded.signals, { hold: { claim, next: folded.next } });
}

function unseen(credential: string, id: string): Destination {
  return {
    credential,
    id,
    state: 'pending',
    versionId: null,
    publishedAt: null,
    attempts: 0,
    lastError: null,
  };
}

/** Read, decide, write, read back and compare: a store that accepts and does not keep is found out. */
async function publish(
  context: EngineContext,
  { store: storeName, target }: DestinationConfig,
  version: Version,
): Promise<{ failure: Failure | null; written: boolean }> {
  const { plugins, hash, state } = context;
  const store = named(plugins.stores, storeName);
  const mark = markOf(version, installationOf(context));
  const standing = (found: Found | null) =>
    found && { fingerprint: found.value && hash.fingerprint(found.value), mark: found.mark };
  try {
    const wanted = { mark, fingerprint: version.fingerprint };
    const before = await store.readBack(target);
    const decision = decidePublication(standing(before), wanted);
    if (decision.do === 'refuse') return { failure: decision.failure, written: false };
    if (decision.do === 'nothing') return { failure: null, written: false };
    await store.publish(target, await state.versionValue(version.id), mark, before);
    const after = decidePublication(standing(await store.readBack(target)), wanted);
    if (after.do !== 'nothing') throw new EdgeError(notKept(storeName));
    return { failure: null, written: true };
  } catch (error) {
    return { failure: failureOf(error), written: false };
  }
}

function notKept(store: string): Failure {
  return {
    code: 'not_kept',
    verdict: 'retryable',
    message: `the store ${store} accepted the new version, but reading it back gives something else; something may be writing to the same place`,
  };
}
