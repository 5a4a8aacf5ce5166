import type { Alert, Change } from '../model/index.ts';
import { audited, owe, told } from './outbox.ts';
import type { AlertingContext } from './passage.ts';
import { isPressing } from './transient.ts';

/** Kinds of channels that know of acknowledgements. */
const ACKNOWLEDGING: readonly string[] = ['pagerduty'];

/**
 * Somebody has taken the alert on, or an event that is critical: no channel needs to press further, and those that can are told.
 * Nothing where it is acknowledged or resolved already.
 *
 * @param actor a token's name, or `cli`
 */
export function acknowledge(
  alert: Alert,
  actor: string,
  { deliveries, ...context }: Pick<AlertingContext, 'now' | 'channels' | 'deliveries' | 'newId'>,
): Change[] {
  if (alert.state !== 'triggered' && !isPressing(alert)) return [];
  const after: Alert = {
    ...alert,
    // An event was never open.
    state: alert.state === 'triggered' ? 'acknowledged' : alert.state,
    acknowledgedBy: actor,
    acknowledgedAt: context.now,
    revision: alert.revision + 1,
  };
  const own = deliveries.filter(({ alertId }) => alertId === alert.id);
  const channels = told(own, context.channels).filter((name) =>
    ACKNOWLEDGING.includes(context.channels[name] ?? ''),
  );
  return [
    { type: 'alert.put', alert: after, expected: alert.revision },
    ...channels.flatMap((channel) => owe(after, 'acknowledge', channel, { ...context, own })),
    audited('alert.acknowledged', after, actor, context.now),
  ];
}
