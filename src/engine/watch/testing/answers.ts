import type { Finding, Signal } from '../../../model/index.ts';
import { respond } from '../respond.ts';
import type { WatchWorld } from './world.ts';

/** Of calls with the current key, a moment ago. */
export function findingOf(w: WatchWorld, over: Partial<Finding> = {}): Finding {
  return {
    kind: 'outside-allowlist',
    severity: 'critical',
    condition: 'key_2',
    at: w.now,
    keyId: 'key_2',
    credential: 'prod',
    ips: ['198.51.100.7'],
    firstEventAt: w.now,
    lastEventAt: w.now,
    title: 'used from elsewhere',
    summary: 'It was used from elsewhere.',
    action: null,
    evidence: {},
    ...over,
  };
}

/** What is told of findings of detectors that rotate at whatever is critical, and what is done; nothing is committed. */
export async function answered(w: WatchWorld, ...findings: readonly Finding[]) {
  const kinds = ['outside-allowlist', 'impossible-travel', 'auth-failure-spike', 'retired-key-use'];
  const rotate = Object.fromEntries(kinds.map((kind) => [kind, ['critical' as const]]));
  return respond(w.context(), { name: 'log', rules: { ...w.rules, rotate } }, findings);
}

export const summaryOf = (signal: Signal | undefined) => (signal?.type === 'raise' ? signal.summary : null);
