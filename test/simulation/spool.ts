import type { Spool } from '../../src/state/spool.ts';
import type { Life, World } from './ground.ts';

/** The spool of one machine: what was saved outlives the process. */
export function spoolOf(world: World, life: Life): Spool {
  const { spooled } = life.machine;
  return {
    reserve: () => life.going(),
    save: async (entry) => {
      await life.going();
      spooled.set(entry.credential, entry);
      world.tell('onSpooled', { answer: entry.answer });
    },
    load: async () => {
      await life.going();
      return [...spooled.values()];
    },
    clear: async (credential) => {
      await life.going();
      spooled.delete(credential);
    },
  };
}
