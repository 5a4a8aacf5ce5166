import type { Hook } from '../../src/hooks/contract.ts';
import type { Life, World } from './ground.ts';
import type { Place } from './shelf.ts';

/** What runs after a publication at this destination, as one engine runs it. */
export function hookOf(world: World, life: Life, place: Place): Hook {
  return {
    run: ({ mark }) =>
      life.call({
        effect: 'hook',
        target: place.name,
        apply: () => world.tell('onHook', { life, place, mark }),
      }),
    close: async () => undefined,
  };
}
