import type { Channel, Message } from '../../src/channels/contract.ts';
import { answerTheCall } from './acts.ts';
import type { Life, World } from './ground.ts';
import { refused } from './issuer.ts';

/** A channel, as one engine reaches it; what is told together arrives together. */
export function channelOf(world: World, life: Life, name: string): Channel {
  const tell = (messages: readonly Message[]) => {
    const arrive = () => {
      for (const message of messages) {
        world.tell('onArrival', { life, channel: name, message });
        world.arrivals.push({ at: world.time, channel: name, message });
        answerTheCall(world, message);
      }
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
  };
  return {
    deliver: (message) => tell([message]),
    deliverBundle: ({ bundle, ...around }) =>
      tell(
        bundle.items.map(({ delivery, alert }) => {
          return { ...around, id: delivery.id, event: delivery.event, alert, provider: null };
        }),
      ),
    close: async () => undefined,
  };
}
