import type { Channel } from '../../src/channels/contract.ts';
import { answerTheCall } from './acts.ts';
import type { Life, World } from './ground.ts';
import { refused } from './issuer.ts';

/** A channel, as one engine reaches it. */
export function channelOf(world: World, life: Life, name: string): Channel {
  return {
    deliver: (message) => {
      const arrive = () => {
        world.tell('onArrival', { life, channel: name, message });
        world.arrivals.push({ at: world.time, channel: name, message });
        answerTheCall(world, message);
      };
      return life.call({
        effect: 'deliver',
        target: name,
        apply: arrive,
        bent: {
          garbage: () => {
            arrive();
            throw refused('unusable_answer', 'unknown', `${name} answers with something else`);
          },
        },
      });
    },
    close: async () => undefined,
  };
}
