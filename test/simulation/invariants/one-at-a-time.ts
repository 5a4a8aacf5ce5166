import type { Invariant, World } from '../ground.ts';

/**
 * 3. At most one open rotation of a credential. And what a paused holder does all the same is stopped by the store:
 * nothing is written over a version that it did not read.
 */
export function oneAtATime(world: World): Invariant {
  const self: Invariant = {
    number: 3,
    name: 'one rotation at a time',
    onCommit: ({ changes, before }) => {
      const open = new Set(before.open.map(({ id }) => id));
      for (const change of changes) {
        if (change.type !== 'rotation.put') continue;
        const { id, state, queued } = change.rotation;
        if (queued || ENDED.includes(state)) open.delete(id);
        else open.add(id);
      }
      if (open.size > 1) world.fail(self, `${[...open].join(' and ')} are open at once`);
    },
  };
  return self;
}

const ENDED: readonly string[] = ['completed', 'failed', 'abandoned', 'superseded'];
