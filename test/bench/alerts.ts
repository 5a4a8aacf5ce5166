import { type BurstOptions, burst } from './alerts-burst.ts';
import { hostility } from './alerts-hostile.ts';
import { killAlerts } from './alerts-kills.ts';
import type { Row } from './row.ts';

export type AlertsOptions = {
  readonly burst?: BurstOptions;
  readonly kills?: number;
  /** Of the moments of the kills, and of the payloads. */
  readonly seed?: number;
  readonly payloads?: number;
  /** Whether the daemons run as they are shipped, in one file. */
  readonly bundled?: boolean;
};

/** Fixed, so that two runs draw the same moments and payloads. */
export const ALERTS_SEED = 7;

/** A storm of alerts, a daemon that is killed while it tells of them, and alerts that mean harm. */
export async function bench(options: AlertsOptions = {}): Promise<Row[]> {
  const { kills = 500, seed = ALERTS_SEED, payloads = 100_000, bundled = true } = options;
  return [
    ...(await burst({ ...options.burst, bundled })),
    ...(await killed({ kills, seed, bundled })),
    ...hostility(payloads, seed),
  ];
}

/** @throws {Error} where something was lost, told twice without saying so, or opened anew */
async function killed(options: {
  readonly kills: number;
  readonly seed: number;
  readonly bundled: boolean;
}): Promise<Row[]> {
  const report = await killAlerts(options);
  if (report.faults.length > 0) {
    throw new Error(
      `alerts did not come through kills, with seed ${options.seed}:\n${report.faults.join('\n')}`,
    );
  }
  const name = `alerts: ${options.kills} kills, ${report.alerts.toLocaleString('en')} alerts`;
  return [
    {
      name: `${name}: lost, or a second incident`,
      value: report.faults.length,
      unit: 'alerts',
      target: { atMost: 0 },
    },
    { name: `${name}: PagerDuty events under the same key again`, value: report.eventsAgain, unit: 'events' },
    {
      name: `${name}: repeated Slack messages, each marked`,
      value: report.repeated,
      unit: 'messages',
      target: { atMost: options.kills },
    },
    {
      name: `${name}: the most after one kill`,
      value: report.repeatedInALife,
      unit: 'messages',
      target: { atMost: 1 },
    },
  ];
}
