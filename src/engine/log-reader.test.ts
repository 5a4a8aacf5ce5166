import { describe, expect, test } from 'vitest';
import type { CredentialRecord, CredentialSnapshot, Failure, Version } from '../model/index.ts';
import { keyAccepted, keyRefused } from './log-reader.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const REFUSED: Failure = { code: 'rejected', verdict: 'rejected', message: 'FrameFlow answered 401' };

const READER: Version = {
  id: 'version-2',
  credential: 'prod',
  number: 2,
  keyId: 'key_2',
  state: 'current',
  origin: 'minted',
  fingerprint: 'ab',
  createdAt: NOW,
  expiresAt: null,
  compromisedAt: null,
  acceptedAt: null,
  probedAt: null,
};

const RECORD: CredentialRecord = {
  name: 'prod',
  provider: 'frameflow',
  state: 'managed',
  firstSeenAt: NOW,
  lastError: null,
  attempts: 3,
  retryAt: NOW + 60_000,
  pause: null,
  recoveryId: null,
  uncertain: [],
};

function snapshot(over: Partial<CredentialRecord> = {}, current: Version = READER): CredentialSnapshot {
  return {
    record: { ...RECORD, ...over },
    revision: 7,
    versions: [current],
    open: null,
    queued: null,
    destinations: [],
    mints: [],
  };
}

const wake = { type: 'work.wake', kind: 'credential', id: 'prod', at: NOW };

describe('a key that is refused when it reads the log', () => {
  const refused = (found: CredentialSnapshot | undefined, failures = 2, failure = REFUSED) =>
    keyRefused({ snapshot: found, reader: READER, failures }, failure, NOW);

  test('the second time in succession gives its credential over to its plan', () => {
    expect(refused(snapshot())).toEqual([
      { type: 'credential.expect', name: 'prod', revision: 7 },
      {
        type: 'credential.put',
        record: { ...RECORD, state: 'rejected', lastError: REFUSED, attempts: 0, retryAt: null },
      },
      {
        type: 'audit.append',
        entry: {
          at: NOW,
          actor: 'daemon',
          action: 'key.refused',
          credential: 'prod',
          detail: { keyId: 'key_2', code: 'rejected' },
        },
      },
      wake,
    ]);
  });

  test('the first time is a hiccup, and so is any failure that is not of the key', () => {
    expect(refused(snapshot(), 1)).toEqual([]);
    expect(refused(snapshot(), 5, { ...REFUSED, verdict: 'retryable' })).toEqual([]);
  });

  test('is no news where another key is current by now, or the plan looks for one already', () => {
    expect(refused(snapshot({}, { ...READER, id: 'version-3' }))).toEqual([]);
    expect(refused(snapshot({}, { ...READER, state: 'retiring' }))).toEqual([]);
    for (const state of ['new', 'attention', 'rejected'] as const)
      expect(refused(snapshot({ state }))).toEqual([]);
    expect(refused(undefined)).toEqual([]);
  });
});

describe('a refused key that reads the log', () => {
  const accepted = (found: CredentialSnapshot) => keyAccepted({ snapshot: found, reader: READER }, NOW);

  test('is looked at again at once', () => {
    const rejected = snapshot({ state: 'rejected' });
    expect(accepted(rejected)).toEqual([
      { type: 'credential.expect', name: 'prod', revision: 7 },
      { type: 'credential.put', record: { ...rejected.record, retryAt: null } },
      wake,
    ]);
  });

  test('is nothing to speak of where it was never refused, is looked at already, or is current no more', () => {
    expect(accepted(snapshot())).toEqual([]);
    expect(accepted(snapshot({ state: 'rejected', retryAt: null }))).toEqual([]);
    expect(accepted(snapshot({ state: 'rejected' }, { ...READER, id: 'version-3' }))).toEqual([]);
  });
});
