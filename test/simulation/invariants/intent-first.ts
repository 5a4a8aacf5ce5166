import type { Invariant, World } from '../ground.ts';

/** 4. The intent is committed before each effect; a value before it is published. */
export function intentFirst(world: World): Invariant {
  /** Also what another version has superseded while the hook was under way. */
  const owed = new Set<string>();
  const self: Invariant = {
    number: 4,
    name: 'intent before effect',
    onCommit: ({ changes }) => {
      for (const change of changes) {
        if (change.type === 'destination.put' && change.destination.hook !== null)
          owed.add(`${change.destination.id} ${change.destination.hook.versionId}`);
      }
    },
    onMint: ({ idempotencyKey }) => {
      if (!world.intents.has(idempotencyKey))
        world.fail(self, `a mint reached the provider whose intent (${idempotencyKey}) was never committed`);
    },
    onWrite: ({ place, mark, value }) => {
      if (world.everHeld.has(value)) return;
      world.fail(self, `${place.name} is given version ${mark.number}, whose value was never committed`);
    },
    onHook: ({ place, mark }) => {
      if (!owed.has(`${place.name} ${mark.versionId}`))
        world.fail(
          self,
          `the hook of ${place.name} runs for version ${mark.number}, and nothing says that it is owed`,
        );
    },
    onArrival: ({ channel, message }) => {
      const begun = [...world.ledger.deliveries.values()].some(
        (delivery) =>
          delivery.channel === channel &&
          delivery.alertId === message.alert.id &&
          delivery.event === message.event &&
          delivery.attempts > 0,
      );
      if (!begun && world.restores === 0)
        world.fail(self, `${channel} is told of ${message.alert.kind}, and no attempt was committed`);
    },
  };
  return self;
}
