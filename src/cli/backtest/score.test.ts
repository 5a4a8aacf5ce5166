import { expect, test } from 'vitest';
import { type Finding, HOUR, MINUTE } from '../../model/index.ts';
import type { Found } from './found.ts';
import type { Label } from './labels.ts';
import { benignPaged, missedIn, score } from './score.ts';

function found(over: Partial<Finding> = {}, toldAt = 2 * MINUTE): Found {
  const begun: Finding = {
    kind: 'auth-failure-spike',
    severity: 'warning',
    condition: 'key_1',
    at: MINUTE,
    keyId: 'key_1',
    credential: null,
    ips: ['192.0.2.1'],
    firstEventAt: MINUTE,
    lastEventAt: MINUTE,
    title: '',
    summary: '',
    action: null,
    evidence: {},
    ...over,
  };
  return { begun, latest: begun, toldAt, severity: begun.severity };
}

function label(over: Partial<Label> = {}): Label {
  return {
    episode: 'guessing',
    kinds: ['auth-failure-spike'],
    keyId: 'key_1',
    ips: new Set(['192.0.2.1']),
    from: MINUTE,
    to: MINUTE,
    benign: false,
    ...over,
  };
}

test.each([
  ['its key, address and time', found(), true],
  ['no key of its own', found({ keyId: null }), true],
  ['another key', found({ keyId: 'key_2' }), false],
  ['another address', found({ ips: ['192.0.2.2'] }), false],
  ['a kind that is not named', found({ kind: 'new-client' }), false],
  [
    'a graver kind that bears one that is',
    found({ kind: 'new-client', also: [{ kind: 'auth-failure-spike', severity: 'warning', title: '' }] }),
    true,
  ],
  ['a poll before it', found({}, MINUTE), false],
  ['a poll hours after it', found({}, MINUTE + 6 * HOUR), true],
  ['a poll long after it', found({}, 2 * MINUTE + 6 * HOUR), false],
])('an episode and a finding with %s', (_what, one, finds) => {
  expect(missedIn(score([one], [label()]))).toHaveLength(finds ? 0 : 1);
});

test('where no address is named, the key decides', () => {
  const log = label({ keyId: null, ips: new Set(), kinds: ['log-silence'] });
  expect(missedIn(score([found({ kind: 'log-silence', keyId: null, ips: [] })], [log]))).toEqual([]);
  expect(missedIn(score([found({ kind: 'log-silence' })], [log]))).toHaveLength(1);
});

test('a page that no attack explains is false; a benign episode has those alone, and none that are for the record', () => {
  const benign = label({ episode: 'look-alike', benign: true });
  const other = found({ keyId: 'key_3', ips: [] });
  const note = found({ severity: 'info' });
  const both = score([found(), other, note], [label(), benign]);
  expect(both.falsePages).toEqual([other]);
  expect(both.pages).toHaveLength(2);
  expect(benignPaged(both)).toEqual([]);
  expect(benignPaged(score([found()], [benign]))).toHaveLength(1);
  expect(benignPaged(score([note], [benign]))).toEqual([]);
});
