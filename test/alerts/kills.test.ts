import { expect, test } from 'vitest';
import { killAlerts } from '../bench/alerts-kills.ts';

const KILLS = 10;

test('a daemon that is killed while it tells of alerts loses none, opens none anew, and marks what it tells again', {
  timeout: 180_000,
}, async () => {
  const report = await killAlerts({ seed: 3, kills: KILLS, bundled: true });
  expect(report.faults).toEqual([]);
  expect(report.repeatedInALife).toBeLessThanOrEqual(1);
  expect(report.repeated).toBeLessThanOrEqual(KILLS);
  // It was killed at moments that matter.
  expect(report.repeated + report.eventsAgain).toBeGreaterThan(0);
  expect(report.alerts).toBeGreaterThan(KILLS);
});
