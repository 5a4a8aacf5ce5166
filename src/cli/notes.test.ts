import { expect, test } from 'vitest';
import { notes } from './notes.ts';
import type { CredentialView } from './views.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const LATER = '2026-10-02T09:00:00Z';
const EARLIER = '2026-09-30T09:00:00Z';

const QUIET: CredentialView = {
  name: 'prod',
  provider: 'frameflow',
  kind: 'frameflow',
  state: 'managed',
  mode: 'automatic',
  lastError: null,
  lastSeenInUseAt: null,
  versions: [],
  rotation: null,
  nextRotationAt: LATER,
  pause: null,
  destinations: [],
  waysOut: [],
};

const VERSION: CredentialView['versions'][number] = {
  id: 'v3',
  number: 3,
  keyId: 'key_3',
  state: 'retiring',
  origin: 'minted',
  createdAt: EARLIER,
  expiresAt: LATER,
  compromisedAt: EARLIER,
  acceptedAt: null,
  fingerprint: null,
  lastUsedAt: null,
};

const PLACE: CredentialView['destinations'][number] = {
  destination: 'file:/app.env#KEY',
  required: true,
  state: 'published',
  version: 3,
  publishedAt: EARLIER,
  checkedAt: EARLIER,
  lastError: null,
  hook: null,
};

const ROTATION = {
  id: 'r1',
  state: 'overlap',
  overlapEndsAt: LATER,
  rollback: null,
  lastError: null,
} as const;

const FAILURE = { code: 'x', verdict: 'retryable', message: 'the program ended with 1' } as const;

const of = (change: Partial<CredentialView>) => notes({ ...QUIET, ...change }, NOW);

test('there is nothing to say of a credential that is well', () => {
  expect(of({ versions: [{ ...VERSION, compromisedAt: null }], destinations: [PLACE] })).toEqual([]);
});

test('a pause is told with its end, its reason and who asked; one that is over is not', () => {
  const pause = { until: LATER, reason: 'freeze', actor: 'duty', since: EARLIER };
  expect(of({ pause })).toEqual(['prod: paused by duty until 2026-10-02 09:00:00Z (freeze)']);
  expect(of({ pause: { ...pause, until: null, reason: null } })).toEqual([
    'prod: paused by duty until `keywarden resume prod`',
  ]);
  expect(of({ pause: { ...pause, until: EARLIER } })).toEqual([]);
});

test('a key known to others is told while it works', () => {
  expect(of({ versions: [VERSION] })).toEqual([
    "prod: version 3 (key_3) is known to others and works until 2026-10-02 09:00:00Z: revoke it in the provider's console",
  ]);
  expect(
    of({ mode: 'guided', versions: [{ ...VERSION, keyId: null, state: 'current', expiresAt: null }] }),
  ).toEqual([
    "prod: version 3 is known to others and works: revoke it in the provider's console once every destination has its successor, then: keywarden retire prod 3",
  ]);
  expect(of({ versions: [{ ...VERSION, expiresAt: null, state: 'retired' }] })).toEqual([]);
});

test('drift, a failing hook, a rollback and the ways out are told', () => {
  const hook = { state: 'owed', attempts: 2, lastError: FAILURE, at: EARLIER } as const;
  const rotation = {
    ...ROTATION,
    state: 'attention',
    lastError: FAILURE,
    rollback: { until: LATER },
  } as const;
  expect(
    of({
      rotation,
      destinations: [{ ...PLACE, state: 'drifted', hook }],
      waysOut: ['keywarden rotation r1 retry', 'keywarden rotation r1 abandon'],
    }),
  ).toEqual([
    'prod: the previous key is published again until 2026-10-02 09:00:00Z',
    'prod: its rotation is in attention: the program ended with 1',
    'prod, file:/app.env#KEY (drifted): holds a value that is not ours',
    'prod, file:/app.env#KEY (hook): the program ended with 1',
    'prod: what can be done: keywarden rotation r1 retry · keywarden rotation r1 abandon',
  ]);
});

test('the ways of a rotation that goes its way are not offered', () => {
  expect(of({ rotation: ROTATION, waysOut: ['keywarden rollback prod'] })).toEqual([]);
  const waits = { ...ROTATION, state: 'minting', lastError: FAILURE } as const;
  expect(of({ rotation: waits, waysOut: ['keywarden rotation r1 abandon'] })).toEqual([
    'prod: its rotation is in minting: the program ended with 1',
    'prod: what can be done: keywarden rotation r1 abandon',
  ]);
  expect(of({ state: 'parked', waysOut: ['keywarden forget prod'] })).toEqual([
    'prod: what can be done: keywarden forget prod',
  ]);
});

test('text from elsewhere cannot move the cursor', () => {
  const pause = { until: null, reason: '\u001b[2J', actor: 'duty', since: EARLIER };
  expect(of({ pause }).join('')).not.toContain('\u001b');
});
