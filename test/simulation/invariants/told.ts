import { goesOnAs } from '../../../src/alerting/risen.ts';
import type { Message } from '../../../src/channels/contract.ts';
import { type Alert, type Delivery, HOUR } from '../../../src/model/index.ts';
import type { Invariant, World } from '../ground.ts';

/** The channel that wakes people. */
const PAGER = 'oncall';

/**
 * 7. Every committed alert reaches each healed channel at least once under one unchanging dedup key, and counts as sent
 * only once the channel has said so, each time anew where it is told again. What was over before it could be told wakes
 * nobody late: it is told where nobody is woken. What got worse before it could be told is told as what it became.
 */
export function told(world: World): Invariant {
  const self: Invariant = {
    number: 7,
    name: 'every alert is told',
    onCommit: ({ changes, before }) => {
      for (const change of changes) {
        if (change.type === 'alert.put') {
          const known = before.alerts.get(change.alert.id);
          if (known !== undefined && known.dedupKey !== change.alert.dedupKey)
            world.fail(self, `the dedup key of ${change.alert.kind} ${change.alert.id} changes`);
        }
        if (change.type !== 'delivery.put' || change.delivery.state !== 'delivered') continue;
        const { channel, event } = change.delivery;
        if (!hasArrived(world, change.delivery))
          world.fail(self, `a ${event} counts as delivered at ${channel} and never arrived there`);
      }
    },
    onEnd: () => {
      for (const alert of world.ledger.alerts.values()) {
        if (alert.firstSeenAt > world.time - 6 * HOUR || alert.severity === 'info') continue;
        const owed = [...world.ledger.deliveries.values()].filter(
          ({ alertId, event }) => alertId === alert.id && event === 'trigger',
        );
        const channels = [...new Set(owed.map((delivery) => delivery.channel))];
        const toldOf = channels.filter((channel) => wasTold(world, channel, alert));
        for (const channel of channels) {
          const isLate = channel === PAGER && alert.state === 'resolved' && toldOf.length > 0;
          if (!isLate && !toldOf.includes(channel))
            world.fail(self, `${channel} was never told of ${alert.kind} (${alert.id})`);
        }
      }
    },
  };
  return self;
}

/** Itself; or, of an end, the begin that told it already: as one of several alerts in a message it is called over. */
function hasArrived({ arrivals }: World, { id, channel, alertId, event }: Delivery): boolean {
  return arrivals.some(
    ({ channel: name, message }) =>
      name === channel &&
      (message.id === id ||
        (event === 'resolve' && message.alert.id === alertId && message.alert.state === 'resolved')),
  );
}

/** Of the alert, or of the one as which it went on before it could be told. */
function wasTold(world: World, channel: string, alert: Alert): boolean {
  const next = world.ledger.alerts.get(goesOnAs(alert) ?? '');
  const isOf = ({ event, alert: told }: Message) => event === 'trigger' && told.id === alert.id;
  return (
    world.arrivals.some(({ channel: name, message }) => name === channel && isOf(message)) ||
    (next !== undefined && wasTold(world, channel, next))
  );
}
