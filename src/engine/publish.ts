import { type Claim, EdgeError, type Failure, failureOf, type Version } from '../model/index.ts';
import { currentVersion, markOf, type PublicationOutcome } from '../rotation/index.ts';
import type { Found } from '../stores/contract.ts';
import type { Committer } from './commit.ts';
import { type EngineContext, named } from './context.ts';
import {
  checkSpread,
  commitFolded,
  type Known,
  type Place,
  placeOf,
  publicationId,
  readDestination,
} from './destination.ts';
import { hookLane } from './lanes.ts';
import { installationOf } from './situation.ts';

/** One turn of one destination: bring it the current version, or find that it has it, or that it has drifted. */
export async function turnPublication(
  context: EngineContext,
  committer: Committer,
  claim: Claim,
): Promise<void> {
  const { state, clock, rules } = context;
  const place = placeOf(context, claim.id);
  const known = place && (await readDestination(context, place));
  const wanted = known && currentVersion(known.snapshot.versions);
  // No longer configured, or nothing to publish yet: adoption makes it due again.
  if (!place || !known || !wanted) return state.commit([], { hold: { claim, next: null } });

  const outcome = await visit({ context, claim, place, known, wanted });
  // Another version became current meanwhile: that one is published.
  if (outcome === null) return state.commit([], { hold: { claim, next: clock.now() } });
  report(context, place, wanted, outcome);
  await commitFolded(context, committer, claim, place, ({ snapshot, steps, destination }, now) =>
    rules.foldPublication(
      {
        snapshot,
        steps,
        destination,
        wanted,
        policy: place.credential.rotation,
        consumerLag: place.destination.consumerLag,
        drift: place.credential.drift,
        spread: checkSpread(context, claim.id),
        hook: hookOf(place),
      },
      outcome,
      now,
    ),
  );
}

function hookOf({ credential, destination }: Place): { id: string; lane: string } | null {
  const { onChange, id } = destination;
  return onChange && { id: publicationId(credential.name, id), lane: hookLane(onChange.kind) };
}

type Visit = {
  readonly context: EngineContext;
  readonly claim: Claim;
  readonly place: Place;
  readonly known: Known;
  readonly wanted: Version;
};

/** Read, decide, write, read back. Null: between the reading and the writing another version became current. */
async function visit(turn: Visit): Promise<PublicationOutcome | null> {
  const { context, place, known, wanted } = turn;
  const there = await attempt(() => storeOf(turn).readBack(place.destination.target));
  if ('failure' in there) return { visit: null, failure: there.failure };
  const decision = context.rules.decideVisit(
    {
      destination: known.destination,
      versions: known.snapshot.versions,
      drift: place.credential.drift,
    },
    standing(context, there.value),
    { mark: markOf(wanted, installationOf(context)), fingerprint: wanted.fingerprint },
  );
  if (decision.do === 'refuse') return { visit: decision, failure: decision.failure };
  if (decision.do !== 'write') return { visit: decision, failure: null };
  if (!(await isStillWanted(turn))) return null;
  const written = await attempt(() => write(turn, there.value));
  return { visit: decision, failure: 'failure' in written ? written.failure : null };
}

/**
 * Asked right before the write: a process may have been paused since it read what it decided upon.
 * @throws {StateError} `claim_lost` where somebody else has taken the destination over
 */
async function isStillWanted({ context, claim, place, wanted }: Visit): Promise<boolean> {
  await context.state.commit([], { under: claim });
  const latest = await readDestination(context, place);
  const current = latest && currentVersion(latest.snapshot.versions);
  return current?.id === wanted.id && current.number === wanted.number;
}

/** Reads back and compares: a store that accepts and does not keep is found out. */
async function write(turn: Visit, before: Found | null): Promise<void> {
  const { context, place, wanted } = turn;
  const { store: name, target } = place.destination;
  const mark = markOf(wanted, installationOf(context));
  const store = storeOf(turn);
  const started = context.clock.monotonic();
  await store.publish(target, await context.state.versionValue(wanted.id), mark, before);
  const after = standing(context, await store.readBack(target));
  const seconds = (context.clock.monotonic() - started) / 1_000;
  context.counters.observe('rotation_step_seconds', { step: 'publish' }, seconds);
  const { do: left } = context.rules.decidePublication(after, { mark, fingerprint: wanted.fingerprint });
  if (left !== 'nothing') throw new EdgeError(notKept(name));
}

function storeOf({ context, place }: Visit) {
  return named(context.plugins.stores, place.destination.store);
}

function standing({ hash }: EngineContext, found: Found | null) {
  if (found === null) return null;
  const { value, mark, rights = null, outdated = false } = found;
  return { fingerprint: value && hash.fingerprint(value), mark, rights, outdated };
}

async function attempt<T>(
  run: () => Promise<T>,
): Promise<{ readonly value: T } | { readonly failure: Failure }> {
  try {
    return { value: await run() };
  } catch (error) {
    return { failure: failureOf(error) };
  }
}

function notKept(store: string): Failure {
  return {
    code: 'not_kept',
    verdict: 'retryable',
    message: `the store ${store} accepted the new version, but reading it back gives something else; something may be writing to the same place`,
  };
}

function report(
  { log }: EngineContext,
  place: Place,
  wanted: Version,
  { visit, failure }: PublicationOutcome,
): void {
  const { name } = place.credential;
  const { id } = place.destination;
  const fields = { credential: name, destination: id, version: wanted.number };
  if (visit !== null && 'drift' in visit && visit.drift !== null)
    log.warn({ ...fields, drift: visit.drift.what }, `${name}: ${id} no longer had version ${wanted.number}`);
  if (failure !== null) log.warn({ ...fields, failure }, `${name}: ${id}: ${failure.message}`);
  else if (visit?.do === 'write') log.info(fields, `${name}: ${id} has version ${wanted.number}`);
}
