import { Hostile } from '../../src/alerting/hostile.suite.ts';
import { faultsOfSeveral, faultsOn } from '../../src/channels/hostile.suite.ts';
import type { Row } from './row.ts';

/** One message in so many bears several alerts. */
const SEVERAL = 10;

/**
 * Alerts of all kinds with strings in every field that mean harm, laid out for Slack, PagerDuty and the webhook.
 *
 * @throws {Error} with the first that passes a limit, mentions somebody or shows a secret
 */
export function hostility(payloads: number, seed: number): Row[] {
  const hostile = new Hostile(seed);
  const begun = performance.now();
  for (let round = 0; round < payloads; round += 1) {
    const faults = round % SEVERAL === 0 ? faultsOfSeveral(hostile) : faultsOn(hostile.message());
    if (faults.length > 0) throw new Error(`payload ${round} of seed ${seed}:\n${faults.join('\n')}`);
  }
  const took = (performance.now() - begun) / payloads;
  return [
    {
      name: `alerts: ${payloads.toLocaleString('en')} hostile payloads, over a limit, live or with a secret`,
      value: 0,
      unit: 'payloads',
      target: { atMost: 0 },
    },
    {
      name: 'alerts: the same, laid out and looked through, each',
      value: Number(took.toFixed(2)),
      unit: 'ms',
    },
  ];
}
