import { describe, expect, test } from 'vitest';
import type { ManagedKey } from '../detectors/contract.ts';
import { event } from '../detectors/testing/traffic.ts';
import type { LogEvent } from '../model/index.ts';
import { type MintView, mintsIn } from './log-mints.ts';

const NOW = Date.UTC(2026, 9, 1, 9);
const own = { geolocations: null, ipAllowlist: null };

function key(keyId: string, credential = 'prod'): ManagedKey {
  return { keyId, credential, state: 'current', expiresAt: null, compromisedAt: null };
}

const VIEW: MintView = {
  monitor: 'log',
  keys: [key('key_1'), key('key_2'), key('key_parked', 'parked')],
  otherKeys: {
    key_team: { ...own, owner: 'data team', retired: false },
    key_gone: { ...own, owner: 'billing', retired: true },
  },
  credentials: [],
  lookedAfter: (credential) => credential === 'prod',
  first: () => true,
  now: NOW,
};

function mint(keyId: string | null, mintedKeyId: string | null, over: Partial<LogEvent> = {}): LogEvent {
  const id = `${keyId}-${mintedKeyId}`;
  return event({ id, time: NOW - 1_000, keyId, mintedKeyId, ip: '192.0.2.9', status: 201, ...over });
}

const nothing = { changes: [], signals: [] };

describe('a rotation in the log', () => {
  test('that a key of ours signed goes to its credential, which looks at once', () => {
    const { changes, signals } = mintsIn([mint('key_1', 'key_8'), mint('key_2', 'key_9')], VIEW);
    expect(changes).toEqual([
      {
        type: 'mint.put',
        mint: {
          id: 'key_1-key_8',
          credential: 'prod',
          signerKeyId: 'key_1',
          mintedKeyId: 'key_8',
          at: NOW - 1_000,
          ip: '192.0.2.9',
          userAgent: 'footage/1.4',
        },
      },
      { type: 'mint.put', mint: expect.objectContaining({ signerKeyId: 'key_2', mintedKeyId: 'key_9' }) },
      { type: 'work.wake', kind: 'credential', id: 'prod', at: NOW },
    ]);
    expect(signals).toEqual([]);
  });

  test('is nothing where it made a version of ours, minted nothing, or was refused', () => {
    const events = [
      mint('key_1', 'key_2'),
      mint('key_unheard', 'key_2'),
      mint('key_1', null),
      mint('key_1', 'key_8', { status: 401 }),
    ];
    expect(mintsIn(events, VIEW)).toEqual(nothing);
  });

  test('is its owner’s business where a key under otherKeys made it, or the new key is listed', () => {
    expect(mintsIn([mint('key_team', 'key_8'), mint('key_unheard', 'key_team')], VIEW)).toEqual(nothing);
  });

  test('that a key of ours signed is the credential’s even where the new key is listed: its signer ends', () => {
    expect(mintsIn([mint('key_1', 'key_team')], VIEW).changes).toHaveLength(2);
  });

  test.each([
    ['key_unheard', 'key_8 was minted by key_unheard, a key that nobody configured, from 192.0.2.9 (DE)'],
    ['constructor', 'key_8 was minted by constructor, a key that nobody configured, from 192.0.2.9 (DE)'],
    ['__proto__', 'key_8 was minted by __proto__, a key that nobody configured, from 192.0.2.9 (DE)'],
    ['key_gone', 'key_8 was minted by key_gone, a retired key of billing, from 192.0.2.9 (DE)'],
    [
      'key_parked',
      'key_8 was minted by key_parked, a key of parked, which is configured no more, from 192.0.2.9 (DE)',
    ],
    [null, 'key_8 was minted by a key that nobody configured from 192.0.2.9 (DE)'],
  ])('that nothing of ours can explain is told at once: signed by %s', (signer, title) => {
    const { changes, signals } = mintsIn([mint(signer, 'key_8')], VIEW);
    expect(changes).toEqual([]);
    expect(signals).toMatchObject([
      {
        type: 'raise',
        kind: 'foreign-mint',
        severity: 'critical',
        monitor: 'log',
        condition: 'key_8',
        transient: true,
        at: NOW - 1_000,
        title,
        evidence: { ips: ['192.0.2.9'], keyId: signer, mintedKeyId: 'key_8' },
      },
    ]);
  });

  test('is told once, and a repeat goes to the credential again, which knows it', () => {
    const seen = new Set<string>();
    const first = ({ id }: LogEvent) => !seen.has(id) && seen.add(id) !== undefined;
    const view = { ...VIEW, first };
    const events = [mint('key_unheard', 'key_8'), mint('key_1', 'key_9')];
    expect(mintsIn(events, view).signals).toHaveLength(1);
    const again = mintsIn(events, view);
    expect(again.signals).toEqual([]);
    expect(again.changes).toHaveLength(2);
  });
});
