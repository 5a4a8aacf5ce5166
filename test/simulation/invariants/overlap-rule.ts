import { formatDuration, MINUTE, type Rotation, SECOND, type Version } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';
import type { Ledger } from '../ledger.ts';

/** 5. No rotation begins in an open overlap but an emergency, or where the current key is dying or known to others. */
export function overlapRule(world: World): Invariant {
  const self: Invariant = {
    number: 5,
    name: 'none begins in an open overlap',
    onCommit: ({ changes, before }) => {
      for (const change of changes) {
        if (change.type === 'version.put' && change.version.state === 'retired') {
          const why = tooEarly(world, before, change.version);
          if (why !== null) world.fail(self, why);
        }
        if (change.type !== 'rotation.put' || change.rotation.queued) continue;
        const known = before.rotations.get(change.rotation.id);
        if (known !== undefined && !known.queued) continue;
        const why = inOverlap(world, before, change.rotation);
        if (why !== null) world.fail(self, why);
      }
    },
  };
  return self;
}

/** A key counts as ended before the provider ends it: what comes next does not wait for its overlap. */
function tooEarly({ issuer, time, restores }: World, before: Ledger, { id, keyId }: Version): string | null {
  const key = keyId === null ? undefined : issuer.keys.get(keyId);
  if (key?.endsAt == null || !issuer.isLive(key, time + MINUTE) || restores > 0) return null;
  return before.versions.get(id)?.state === 'retiring'
    ? `${keyId} counts as retired, ${formatDuration(key.endsAt - time)} before it ends`
    : null;
}

function inOverlap(world: World, before: Ledger, rotation: Rotation): string | null {
  const { current } = before;
  if (rotation.trigger === 'emergency' || current === null) return null;
  if (current.expiresAt !== null || (current.compromisedAt ?? null) !== null) return null;
  // By the provider's clock, whatever ours shows.
  const now = world.time;
  const overlapping = [...before.versions.values()].find(
    ({ state, expiresAt }) => state === 'retiring' && expiresAt !== null && expiresAt > now + 2 * SECOND,
  );
  if (overlapping === undefined) return null;
  return `the ${rotation.trigger} rotation ${rotation.id} begins while ${overlapping.keyId} still has its overlap`;
}
