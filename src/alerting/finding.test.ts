import { describe, expect, test } from 'vitest';
import type { Finding } from '../model/index.ts';
import { findingsToSignals } from './finding.ts';

const FINDING: Finding = {
  kind: 'auth-failure-spike',
  severity: 'critical',
  condition: 'no key',
  at: 1,
  keyId: null,
  credential: null,
  ips: ['198.51.100.20'],
  firstEventAt: 1,
  lastEventAt: 2,
  title: '60 refused logins',
  summary: '',
  action: null,
  evidence: {},
};
const ENDED: Finding = { ...FINDING, ended: true };
const OTHER: Finding = { ...FINDING, condition: 'key key_1' };

/** What each signal is: `raise`, `report` (a raise of something that is over), `resolve`. */
function told(...findings: readonly Finding[]): readonly string[] {
  return findingsToSignals(findings, 'log').map((signal) =>
    signal.type === 'raise' && signal.transient === true ? 'report' : signal.type,
  );
}

describe('the findings of one poll', () => {
  test('that begin or end an episode raise and resolve', () => {
    expect(told(FINDING)).toEqual(['raise']);
    expect(told(ENDED)).toEqual(['resolve']);
  });

  test('that begin and end an episode raise and resolve it; information is reported, else its end would void it', () => {
    expect(told(FINDING, ENDED)).toEqual(['raise', 'resolve']);
    expect(told({ ...FINDING, severity: 'info' }, ENDED)).toEqual(['report', 'resolve']);
  });

  test('that end one episode and begin the next raise the next', () => {
    expect(told(ENDED, FINDING)).toEqual(['resolve', 'raise']);
    const info: Finding = { ...FINDING, severity: 'info' };
    expect(told(info, ENDED, info)).toEqual(['report', 'resolve', 'raise']);
  });

  test('of other conditions have no part in it', () => {
    expect(told(FINDING, { ...OTHER, ended: true })).toEqual(['raise', 'resolve']);
  });
});
