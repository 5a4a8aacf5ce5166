import { describe, expect, test } from 'vitest';
import type { Mark } from '../model/index.ts';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { type DriftPolicy, nextCheck } from './drift.ts';
import { foldPublication, type PublicationSituation } from './publication.ts';
import { INSTALLATION } from './testing/outside.ts';
import { failure } from './testing/provider.ts';
import { START, World } from './testing/world.ts';
import { markOf } from './versions.ts';
import { decideVisit } from './visit.ts';

const NOW = START + HOUR;

/** A destination of which version 2, the current one, was seen; version 1 is retiring. */
function settled(onDrift: DriftPolicy['onDrift'] = 'alert') {
  const world = World.managing();
  world.rotate();
  world.advance('31s');
  const destination = world.memory.destinations.get('file');
  if (destination === undefined) throw new TypeError('file is not known');
  const { snapshot, steps } = world.situation();
  const [wanted, older] = snapshot.versions;
  if (wanted === undefined || older === undefined) throw new TypeError('there must be two versions');
  const situation: PublicationSituation = {
    destination,
    wanted,
    snapshot,
    steps,
    policy: world.policy,
    consumerLag: 0,
    drift: { check: HOUR, onDrift },
    spread: 0,
    hook: null,
  };
  return { situation, wanted, older };
}

type Settled = ReturnType<typeof settled>;
type There = { readonly fingerprint: string | null; readonly mark: Mark | null } | null;

function decide({ situation, wanted }: Settled, there: There) {
  const { destination, snapshot, drift } = situation;
  return decideVisit({ destination, versions: snapshot.versions, drift }, there, {
    mark: markOf(wanted, INSTALLATION),
    fingerprint: wanted.fingerprint,
  });
}

const DRIFTS = {
  'a stranger’s value without a mark': () => ({ fingerprint: 'theirs', mark: null }),
  'a stranger’s value under our mark': ({ wanted }: Settled) => ({
    fingerprint: 'theirs',
    mark: markOf(wanted, INSTALLATION),
  }),
  'our older value, put there by hand': ({ older }: Settled) => ({
    fingerprint: older.fingerprint,
    mark: null,
  }),
} as const;

describe.each(Object.entries(DRIFTS))('%s', (_what, there) => {
  test('is left alone under `alert`', () => {
    const known = settled('alert');
    expect(decide(known, there(known))).toMatchObject({ do: 'leave', drift: { what: 'changed' } });
  });

  test('is written over under `overwrite`', () => {
    const known = settled('overwrite');
    expect(decide(known, there(known))).toMatchObject({ do: 'write', drift: { what: 'changed' } });
  });

  test('is no drift where the wanted version was never seen', () => {
    const known = settled('alert');
    const destination = { ...known.situation.destination, versionId: known.older.id };
    const situation = { ...known.situation, destination };
    expect(decide({ ...known, situation }, there(known))).toMatchObject({ do: 'write', drift: null });
  });
});

describe('under either policy ours is written again', () => {
  test.each(['alert', 'overwrite'] as const)('where there is nothing any more (%s)', (onDrift) => {
    const known = settled(onDrift);
    const emptied = { fingerprint: null, mark: markOf(known.wanted, INSTALLATION) };
    for (const there of [null, emptied])
      expect(decide(known, there)).toMatchObject({ do: 'write', drift: { what: 'vanished' } });
  });

  test.each(['alert', 'overwrite'] as const)('where an older one, mark and all, is back (%s)', (onDrift) => {
    const known = settled(onDrift);
    const there = { fingerprint: known.older.fingerprint, mark: markOf(known.older, INSTALLATION) };
    expect(decide(known, there)).toMatchObject({
      do: 'write',
      drift: { what: 'reverted', versionId: known.older.id },
    });
  });

  test.each(['alert', 'overwrite'] as const)(
    'where only its mark is gone, and nobody is told (%s)',
    (onDrift) => {
      const known = settled(onDrift);
      const there = { fingerprint: known.wanted.fingerprint, mark: null };
      expect(decide(known, there)).toEqual({ do: 'write', valueThere: true, drift: null });
    },
  );
});

describe('a drift', () => {
  const drift = { what: 'changed', versionId: null } as const;
  const left = (known: Settled, seen = NOW) =>
    foldPublication(known.situation, { visit: { do: 'leave', drift }, failure: null }, seen);

  test('that is left keeps the destination as drifted, and it is looked at again', () => {
    const folded = left(settled());
    expect(folded.next).toBe(NOW + HOUR);
    expect(folded.changes[0]).toMatchObject({
      destination: { state: 'drifted', checkedAt: NOW, versionId: settled().wanted.id },
    });
    expect(folded.signals[0]).toMatchObject({
      type: 'raise',
      kind: 'store-drift',
      severity: 'warning',
      condition: 'file',
      evidence: { found: 'changed', written: false },
    });
  });

  test('that is seen again is audited once', () => {
    const known = settled();
    const destination = { ...known.situation.destination, state: 'drifted' as const };
    const again = left({ ...known, situation: { ...known.situation, destination } });
    const audits = [left(known), again].map(
      ({ changes }) => changes.filter(({ type }) => type === 'audit.append').length,
    );
    expect(audits).toEqual([1, 0]);
  });

  test('that was written over is told, and its end at once', () => {
    const known = settled('overwrite');
    const visit = { do: 'write', valueThere: false, drift } as const;
    const { signals } = foldPublication(known.situation, { visit, failure: null }, NOW);
    expect(signals.map(({ type, kind }) => `${type} ${kind}`)).toEqual([
      'raise store-drift',
      'resolve store-drift',
      'resolve file-permissions',
      'resolve publish-failed',
      'resolve store-unreachable',
      'resolve hook-failed',
    ]);
  });

  test('that could not be written over is told, and stays', () => {
    const known = settled('overwrite');
    const visit = { do: 'write', valueThere: false, drift } as const;
    const outcome = { visit, failure: failure('retryable') };
    const { changes, signals } = foldPublication(known.situation, outcome, NOW);
    expect(changes[0]).toMatchObject({ destination: { state: 'pending', attempts: 1 } });
    expect(signals.map(({ type, kind }) => `${type} ${kind}`)).toEqual(['raise store-drift']);
  });

  test('is told with the end of the key that somebody put back', () => {
    const known = settled();
    const visit = { do: 'leave', drift: { what: 'changed', versionId: known.older.id } } as const;
    const [signal] = foldPublication(known.situation, { visit, failure: null }, NOW).signals;
    expect(signal).toMatchObject({ deadline: known.older.expiresAt, evidence: { foundVersion: 1 } });
  });
});

describe('a destination that had its version and cannot be read', () => {
  const unread = (attempts: number) => {
    const known = settled();
    const destination = { ...known.situation.destination, attempts };
    return foldPublication(
      { ...known.situation, destination },
      { visit: null, failure: failure('permanent') },
      NOW,
    );
  };

  test('still counts as published, and was not looked at', () => {
    const { destination } = settled().situation;
    expect(unread(0).changes).toEqual([
      {
        type: 'destination.put',
        destination: { ...destination, attempts: 1, lastError: expect.anything() },
      },
    ]);
  });

  test('is told as unreachable, a warning, from the fifth failure on', () => {
    expect([0, 3].flatMap((attempts) => unread(attempts).signals)).toEqual([]);
    expect(unread(4).signals).toMatchObject([{ kind: 'store-unreachable', severity: 'warning' }]);
  });

  test('is looked at less and less often, and once an hour at least', () => {
    expect([0, 5, 10, 40].map((attempts) => unread(attempts).next - NOW)).toEqual([
      1_000,
      32_000,
      1_024_000,
      HOUR,
    ]);
  });
});

describe('a newer version of ours at a destination', () => {
  const newer = failure('permanent', 'newer_version');
  const found = (known: Settled) =>
    foldPublication(known.situation, { visit: { do: 'refuse', failure: newer }, failure: newer }, NOW);

  test('makes the credential look for its newest key anew, told once as a restored state', () => {
    const { changes, signals } = found(settled());
    expect(changes).toContainEqual(
      expect.objectContaining({ type: 'credential.put', record: expect.objectContaining({ state: 'new' }) }),
    );
    expect(signals.filter(({ type }) => type === 'raise')).toMatchObject([{ kind: 'state-restored' }]);
  });

  test('asks for nothing more while that goes on', () => {
    const known = settled();
    const record = { ...known.situation.snapshot.record, state: 'new' as const };
    const snapshot = { ...known.situation.snapshot, record, open: null };
    const { changes, signals } = found({ ...known, situation: { ...known.situation, snapshot } });
    expect(changes.map(({ type }) => type)).not.toContain('credential.put');
    expect(signals).toEqual([]);
  });
});

describe('the next check', () => {
  test.each([0, 0.25, 0.999])('comes once in every period, at a moment of its own (%d)', (spread) => {
    const policy = { check: 15 * MINUTE, onDrift: 'alert' } as const;
    let at = START + 123;
    const moments = Array.from({ length: 5 }, () => {
      at = nextCheck(policy, spread, at);
      return at;
    });
    const [first = 0] = moments;
    expect(first).toBeGreaterThan(START + 123);
    expect(first).toBeLessThanOrEqual(START + 123 + policy.check);
    expect(moments).toEqual([0, 1, 2, 3, 4].map((n) => first + n * policy.check));
    expect(first % policy.check).toBe(Math.floor(spread * policy.check));
  });

  test('of a thousand destinations do not come together', () => {
    const policy = { check: DAY, onDrift: 'alert' } as const;
    const moments = Array.from({ length: 1_000 }, (_, n) => nextCheck(policy, n / 1_000, START));
    expect(new Set(moments.map((at) => Math.floor(at / HOUR))).size).toBeGreaterThanOrEqual(24);
  });
});
