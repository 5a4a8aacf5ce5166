import type { Alert, Change, Delivery } from '../model/index.ts';
import { owe } from './outbox.ts';
import { type ChannelKinds, channelsFor, type Route } from './route.ts';

export type ReoweContext = {
  readonly now: number;
  readonly routes: readonly Route[];
  readonly channels: ChannelKinds;
  readonly newId: () => string;
  /** A channel that has refused an alert so often is not asked to take it again. */
  readonly refusals: number;
};

/**
 * The messages that are owed anew: a warning that still holds, of which nobody was told (the channel refused it for
 * good, or is no longer configured) and which nobody has acknowledged, goes where the routes send it by now.
 *
 * @param deliveries those of these alerts
 */
export function reowe(
  openAlerts: readonly Alert[],
  deliveries: readonly Delivery[],
  context: ReoweContext,
): Change[] {
  const triggers = Map.groupBy(
    deliveries.filter(({ event }) => event === 'trigger'),
    ({ alertId }) => alertId,
  );
  return openAlerts
    .filter(({ state, severity }) => state === 'triggered' && severity !== 'info')
    .flatMap((alert) => {
      const made = triggers.get(alert.id) ?? [];
      if (made.some((trigger) => reaches(trigger, context.channels))) return [];
      return channelsFor(alert, context.routes, context.channels)
        .filter((channel) => refusals(made, channel) < context.refusals)
        .flatMap((channel) => owe(alert, 'trigger', channel, context));
    });
}

function reaches({ state, channel }: Delivery, channels: ChannelKinds): boolean {
  return state === 'delivered' || (state === 'pending' && Object.hasOwn(channels, channel));
}

function refusals(triggers: readonly Delivery[], channel: string): number {
  return triggers.filter((trigger) => trigger.channel === channel && trigger.state === 'failed').length;
}
