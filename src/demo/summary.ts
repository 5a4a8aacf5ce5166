import { DAY, formatDuration } from '../model/index.ts';
import type { Tally } from './application-process.ts';
import type { ChannelName } from './arrivals.ts';
import type { Screen } from './screen.ts';
import type { UsersFigures } from './users.ts';
import type { AlertVerdict, RotationFigures } from './verdict.ts';

/** All that is known at the end. */
export type Result = {
  /** By the demonstration's clock, ms. */
  readonly virtual: number;
  /** By the wall's, ms. */
  readonly wall: number;
  readonly rotations: RotationFigures;
  readonly application: Tally;
  readonly keysUsed: number;
  readonly users: UsersFigures;
  /** Failed calls by reason. */
  readonly failures: ReadonlyMap<string, number>;
  /** Which application ended before it was asked to, and why. */
  readonly lost: string | null;
  readonly alerts: AlertVerdict;
  readonly staged: number;
};

const NAMES: Readonly<Record<ChannelName, string>> = { slack: 'Slack', pagerduty: 'PagerDuty' };
const CHANNELS: readonly ChannelName[] = ['slack', 'pagerduty'];

/** Everything that went wrong, a line each. Empty: the demonstration has succeeded. */
export function faultsOf({ failures, lost, alerts }: Result): readonly string[] {
  return [
    ...(lost === null ? [] : [lost]),
    ...[...failures].map(([what, count]) => `${calls(count)} of the application failed: ${what}`),
    ...alerts.untold.map(({ told }) => `no alert came of this: ${told}`),
    ...CHANNELS.flatMap((channel) => [
      ...alerts.channels[channel].lost.map((reason) => `${NAMES[channel]} did not receive ${reason}`),
      ...(alerts.channels[channel].pending === 0
        ? []
        : [`${alerts.channels[channel].pending} alerts were still on their way to ${NAMES[channel]}`]),
    ]),
  ];
}

export function tellSummary(screen: Screen, result: Result): void {
  const { rotations, application, users, alerts } = result;
  const days = (result.virtual / DAY).toFixed(1);
  const passed = result.virtual < DAY ? formatDuration(result.virtual) : `${days} virtual days`;
  screen.print();
  screen.print(screen.paint('bold', `${passed} in ${(result.wall / 1_000).toFixed(0)} s`));
  screen.row(
    'rotations',
    `${rotations.completed} completed, ${rotations.open} under way, ${rotations.failed} failed`,
  );
  screen.row('overlaps', `${rotations.overlaps}, in each of which both keys were valid`);
  screen.row(
    'application',
    `${calls(application.calls)} with ${result.keysUsed} keys, ${application.failures} failures`,
  );
  screen.row(
    'users',
    `${users.consented} consented, ${users.ended} took it back; ${users.renewals} renewals unseen by them; ${calls(users.calls)} in their names, ${users.failures} failures`,
  );
  screen.row(
    'alerts',
    `${alerts.raised} raised; ${CHANNELS.map((channel) => arrivedText(channel, alerts)).join('; ')}`,
  );
  screen.row(
    'staged',
    `attacks, intruders and a user who leaves: ${result.staged}, of which ${result.staged - alerts.untold.length} were told`,
  );
  screen.print();
  const faults = faultsOf(result);
  for (const fault of faults) screen.print(screen.paint('red', `  FAILED: ${fault}`));
  if (faults.length === 0) {
    screen.print(screen.paint('green', '  No call of the application failed, and every alert arrived.'));
  }
}

function arrivedText(channel: ChannelName, { channels }: AlertVerdict): string {
  const { owed, arrived } = channels[channel];
  return `${NAMES[channel]} received ${arrived} of ${owed}`;
}

function calls(count: number): string {
  return count === 1 ? '1 call' : `${count} calls`;
}
