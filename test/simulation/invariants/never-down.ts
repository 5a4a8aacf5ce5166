import type { Invariant, World } from '../ground.ts';

/** 8. No destination's version goes down. */
export function neverDown(world: World): Invariant {
  const self: Invariant = {
    number: 8,
    name: "no destination's version goes down",
    onWrite: ({ place, mark }) => {
      const there = place.content?.mark ?? null;
      if (there === null || there.number <= mark.number) return;
      world.fail(self, `${place.name} goes from version ${there.number} down to ${mark.number}`);
    },
  };
  return self;
}
