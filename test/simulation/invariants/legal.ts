import type { Change, Rotation, RotationState, VersionState } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';

const OPEN: readonly RotationState[] = ['attention', 'superseded', 'abandoned'];

/** What may follow what; a state may always follow itself. */
const ROTATION: Readonly<Record<RotationState, readonly RotationState[]>> = {
  minting: ['verifying', 'failed', ...OPEN],
  verifying: ['publishing', 'minting', 'failed', ...OPEN],
  publishing: ['overlap', ...OPEN],
  overlap: ['completed', 'publishing', ...OPEN],
  attention: [
    'minting',
    'verifying',
    'publishing',
    'overlap',
    'completed',
    'failed',
    'superseded',
    'abandoned',
  ],
  completed: [],
  failed: [],
  abandoned: [],
  superseded: [],
};

const VERSION: Readonly<Record<VersionState, readonly VersionState[]>> = {
  pending: ['current', 'unused', 'compromised', 'retired'],
  current: ['retiring', 'compromised', 'retired'],
  // Rolled back, and then superseded: it will not come back.
  retiring: ['retired', 'current', 'compromised', 'unused'],
  compromised: ['retired', 'current'],
  retired: ['current'],
  unused: ['retired', 'current', 'pending'],
  // Its value was found after all.
  orphaned: ['pending', 'unused', 'retired'],
};

/** 9. Legal transitions only, and one audit row for each of a rotation's. */
export function legal(world: World): Invariant {
  const self: Invariant = {
    number: 9,
    name: 'legal transitions, each audited',
    onCommit: ({ changes, before }) => {
      for (const change of changes) {
        if (change.type === 'rotation.put') {
          const fault = rotationFault(
            before.rotations.get(change.rotation.id) ?? null,
            change.rotation,
            changes,
          );
          if (fault !== null) world.fail(self, fault);
        }
        if (change.type === 'version.put') {
          const from = before.versions.get(change.version.id)?.state;
          const to = change.version.state;
          if (from !== undefined && from !== to && !VERSION[from].includes(to))
            world.fail(self, `version ${change.version.number} goes from ${from} to ${to}`);
        }
      }
    },
  };
  return self;
}

function rotationFault(from: Rotation | null, to: Rotation, changes: readonly Change[]): string | null {
  if (from === null) return to.state === 'minting' ? null : `rotation ${to.id} begins as ${to.state}`;
  if (from.state === to.state) return null;
  if (!ROTATION[from.state].includes(to.state))
    return `rotation ${to.id} goes from ${from.state} to ${to.state}`;
  const rows = changes.filter(
    (change) =>
      change.type === 'audit.append' &&
      change.entry.action === `rotation.${to.state}` &&
      change.entry.detail.rotation === to.id,
  );
  if (rows.length === 1) return null;
  return `rotation ${to.id} goes from ${from.state} to ${to.state} with ${rows.length} rows in the audit log`;
}
