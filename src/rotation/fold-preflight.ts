import type { Rotation } from '../model/index.ts';
import { backoff } from './backoff.ts';
import { type Folded, folded, putRotation } from './folded.ts';
import { lookAgain, NEWER } from './restored.ts';
import { failureEvidence, raise, resolve } from './signals.ts';
import type { Outcome, Situation } from './situation.ts';
import { beganWith } from './steps.ts';
import { currentVersion, isDying } from './versions.ts';

type PreflightResults = Extract<Outcome, { of: 'preflight' }>['results'];

/**
 * All required destinations writable: the mint may go. Where the key cannot wait (an emergency, a current key that has
 * an end), one writable destination is enough. Else it waits, and says for what.
 */
export function foldPreflight(
  situation: Situation,
  rotation: Rotation,
  results: PreflightResults,
  now: number,
): Folded {
  const { credential } = rotation;
  const failed = results.filter((result) => result.failure !== null);
  const again = lookForNewer(situation, results, now);
  if (again.changes.length > 0) return again;
  const required = new Set(
    situation.destinations
      // One that was added since holds up nothing.
      .filter(({ id, required }) => required && beganWith(situation.steps, id))
      .map(({ id }) => id),
  );
  const blocking = failed.filter(({ destination }) => required.has(destination));
  const pressing = rotation.trigger === 'emergency' || isDying(situation.snapshot.versions);
  const ready = pressing ? failed.length < results.length || results.length === 0 : blocking.length === 0;
  if (ready) {
    return folded(
      [
        putRotation({
          ...rotation,
          preflightedAt: now,
          // A mint that goes on failing keeps its backoff over the preflights in between.
          attempts: rotation.intent === null ? 0 : rotation.attempts,
          retryAt: null,
          lastError: null,
        }),
      ],
      [resolve('store-unreachable', credential, now, 'preflight')],
    );
  }
  const failure = blocking[0]?.failure ?? failed[0]?.failure ?? null;
  const attempts = rotation.attempts + 1;
  const names = (blocking.length > 0 ? blocking : failed).map(({ destination }) => destination);
  return folded(
    [
      putRotation({
        ...rotation,
        attempts,
        retryAt: now + backoff(attempts, { retryAfterMs: failure?.retryAfterMs }),
        lastError: failure,
      }),
    ],
    [
      raise('store-unreachable', credential, now, {
        severity: pressing ? 'critical' : 'warning',
        condition: 'preflight',
        title: pressing
          ? `${credential} must be rotated now and no destination can be written`
          : `${credential} is due for rotation and waits for ${names.join(', ')}`,
        summary:
          'Nothing was minted: the overlap would run while a destination cannot be written. The old key stays in use. ' +
          (failure?.message ?? ''),
        action: `Make the destination writable; the rotation then goes on by itself. See: \`keywarden check\``,
        deadline: currentVersion(situation.snapshot.versions)?.expiresAt ?? null,
        evidence: {
          rotation: rotation.id,
          destinations: names,
          ...(failure === null ? {} : failureEvidence(failure)),
        },
      }),
    ],
  );
}

/** Where one of them holds a newer version. */
function lookForNewer(situation: Situation, results: PreflightResults, now: number): Folded {
  const newer = results.find(({ failure }) => failure?.code === NEWER);
  if (!newer?.failure) return folded([]);
  const { failure } = newer;
  const found = situation.snapshot.destinations.find(({ id }) => id === newer.destination);
  const again = lookAgain(situation, found, failure, now);
  if (again.changes.length === 0 || found === undefined) return again;
  const destination = { ...found, looks: found.looks + 1 };
  return { ...again, changes: [...again.changes, { type: 'destination.put', destination }] };
}
