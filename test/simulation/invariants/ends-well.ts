import { DAY, HOUR, type Rotation } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';

/** Beyond its overlap a rotation needs no longer than this once all is well. */
const SETTLES = DAY;

/**
 * 6. Every rotation ends, or is in `attention` with an alert, in bounded time after healing; no intent stays open.
 */
export function endsWell(world: World): Invariant {
  const self: Invariant = {
    number: 6,
    name: 'every rotation ends',
    onEnd: () => {
      const { ledger, time } = world;
      for (const rotation of ledger.rotations.values()) {
        if (ENDED.includes(rotation.state)) continue;
        const since = Math.max(rotation.startedAt, world.healsAt);
        const bound = world.plan.overlap + SETTLES;
        if (time - since <= bound) continue;
        if (rotation.state === 'attention' && isTold(world)) continue;
        world.fail(
          self,
          `${rotation.id} is still ${nameOf(rotation)} ${Math.round((time - since) / HOUR)} h after all was well`,
        );
      }
      const current = ledger.current;
      const key = current?.keyId == null ? undefined : world.issuer.keys.get(current.keyId);
      if (
        key !== undefined &&
        key.revokedAt === null &&
        time - key.mintedAt > world.plan.every + world.plan.overlap + 2 * DAY &&
        !isTold(world)
      )
        world.fail(
          self,
          `the key in use, ${key.id}, is ${Math.round((time - key.mintedAt) / DAY)} days old and nobody was told`,
        );
    },
  };
  return self;
}

function nameOf({ state, queued, intent }: Rotation): string {
  if (queued) return 'queued';
  return intent === null ? state : `${state} (sent ${intent.sends} times)`;
}

function isTold({ ledger }: World): boolean {
  return [...ledger.alerts.values()].some(
    ({ kind, state }) => state !== 'resolved' && TELLING.includes(kind),
  );
}

const TELLING: readonly string[] = [
  'rotation-attention',
  'rotation-failed',
  'rotation-overdue',
  'credential-rejected',
  'publish-failed',
  'store-unreachable',
];
const ENDED: readonly string[] = ['completed', 'failed', 'abandoned', 'superseded'];
