import { expect, test } from 'vitest';
import { DAY, HOUR, SECOND } from '../../model/index.ts';
import { play } from '../testing/play.ts';
import * as traffic from '../testing/traffic.ts';

const START = Date.UTC(2026, 9, 1);
const AT = START + 4 * DAY + 10 * HOUR;
/** Where the key has been used from all the while. */
const KNOWN = '203.0.113.5';
const NEW = '198.51.100.77';

/** What the evidence says of the sources whenever a spike is told; the refused calls come from `ips` in turn. */
function told(...ips: readonly string[]): unknown[] {
  const usual = traffic.traffic({ seed: 9, from: START, until: AT + HOUR, failures: traffic.quiet });
  const refused = traffic.attack({ from: AT, count: 80, every: 3 * SECOND, ips });
  return play(traffic.onTime([...usual, ...refused]), { from: START, until: AT + 3 * HOUR })
    .map(({ finding }) => finding)
    .filter(({ kind, condition }) => kind === 'auth-failure-spike' && condition === 'key key_9Xc1')
    .map(({ evidence }) => evidence.knownSources);
}

test.each([
  ['the key’s own sources', [KNOWN], true],
  ['new sources', [NEW], undefined],
  ['both', [KNOWN, NEW], undefined],
])('a spike of refused logins from %s says so where all of them are the key’s own', (_, ips, said) => {
  const found = told(...ips);
  expect(found).not.toEqual([]);
  expect(found.at(-1)).toBe(said);
});
