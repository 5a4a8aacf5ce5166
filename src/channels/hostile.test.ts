import { expect, test } from 'vitest';
import { Hostile, PAYLOADS, PLANTED } from '../alerting/hostile.suite.ts';
import { ALERT_KINDS } from '../model/index.ts';
import { messageOf } from './contract.suite.ts';
import { faultsOfSeveral, faultsOn } from './hostile.suite.ts';
import { masked } from './masked.ts';

/** Each on all channels. */
const ROUNDS = PAYLOADS / 2;

test('no hostile alert of any kind passes a limit, mentions anybody or shows a secret, on any channel', {
  timeout: 120_000,
}, () => {
  const hostile = new Hostile(2);
  const kinds = new Set<string>();
  let planted = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const message = hostile.message();
    kinds.add(message.alert.kind);
    if (JSON.stringify(message).includes(PLANTED)) planted += 1;
    const faults = faultsOn(message);
    if (faults.length > 0) expect.fail(`round ${round}: ${faults.join('\n')}`);
  }
  expect([...kinds].sort()).toEqual([...ALERT_KINDS].sort());
  expect(planted).toBeGreaterThan(ROUNDS / 4);
});

test('no message of several hostile alerts does', { timeout: 120_000 }, () => {
  const hostile = new Hostile(3);
  for (let round = 0; round < ROUNDS / 10; round += 1) {
    const faults = faultsOfSeveral(hostile);
    if (faults.length > 0) expect.fail(`round ${round}: ${faults.join('\n')}`);
  }
});

test.each([
  ['curl ff_live_8x9a2bC3d4', 'curl ff_live_[redacted]'],
  ['key sk_live_a-b_C9, and more', 'key sk_live_[redacted], and more'],
  ['Authorization: Bearer abcDEF123456', 'Authorization: Bearer [redacted]'],
  [
    'https://hooks.slack.com/services/T0/B0/XkT9 is gone',
    'https://hooks.slack.com/services/[redacted] is gone',
  ],
  ['xoxb-17-abc glpat-abc ghp_abc', 'xoxb-[redacted] glpat-[redacted] ghp_[redacted]'],
  ['hvs.CAESIJabcdef', 'hvs.[redacted]'],
  ['AKIAIOSFODNN7EXAMPLE', 'AKIA[redacted]'],
  ['eyJhbGciOiJIUzI1NiJ9.e30.abc', 'eyJ[redacted]'],
  ['-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end', '[redacted] end'],
])('of "%s" people see "%s"', (text, seen) => {
  expect(masked({ [text]: [text] })).toEqual({ [seen]: [seen] });
});

test('a key by which channels fold repeats stays the same, whatever the configuration calls things', () => {
  const dedupKey = 'publish-failed:sk_live_app:0f1e';
  expect(masked({ alert: { dedupKey } })).toEqual({ alert: { dedupKey } });
});

test('what an alert says of keys without giving them away stays as it is', () => {
  const message = messageOf();
  const alert = {
    ...message.alert,
    summary: 'key_9Xc1 (ff_live_…9Xc1) of footage_live_app, bearer of bad news',
  };
  expect(masked({ ...message, alert })).toEqual({ ...message, alert });
});
