import { saidIn } from '../hooks/failed.ts';
import { type Claim, type Failure, failureOf } from '../model/index.ts';
import { markOf, versionById } from '../rotation/index.ts';
import type { Committer } from './commit.ts';
import type { EngineContext } from './context.ts';
import { commitFolded, placeOf, readDestination } from './destination.ts';
import { installationOf } from './situation.ts';

/** One turn of a destination's hook: runs it for the version that arrived there, unless it has run for that one. */
export async function turnHook(context: EngineContext, committer: Committer, claim: Claim): Promise<void> {
  const { plugins, state, log, rules } = context;
  const place = placeOf(context, claim.id);
  const known = place && (await readDestination(context, place));
  const hook = plugins.hooks.get(claim.id);
  const owed = known?.destination.hook;
  const version = known && versionById(known.snapshot.versions, owed?.versionId ?? null);
  // Nothing is owed, or it is no longer configured.
  if (!place || !hook || !version || owed?.state !== 'owed')
    return state.commit([], { hold: { claim, next: null } });

  const { id: destination, consumerLag } = place.destination;
  const credential = place.credential.name;
  const fields = { credential, destination, version: version.number };
  let failure: Failure | null = null;
  try {
    await hook.run({ credential, destination, mark: markOf(version, installationOf(context)) });
    log.info(fields, `${credential}: the hook of ${destination} ran for version ${version.number}`);
  } catch (error) {
    failure = failureOf(error);
    log.warn(
      { ...fields, failure, ...saidIn(error) },
      `${credential}: the hook of ${destination}: ${failure.message}`,
    );
  }
  await commitFolded(context, committer, claim, place, (latest, now) =>
    rules.foldHook(
      { destination: latest.destination, snapshot: latest.snapshot, version, consumerLag },
      failure,
      now,
    ),
  );
}
