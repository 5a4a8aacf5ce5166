import { describe, expect, test } from 'vitest';
import type { HookRecord, Version } from '../model/index.ts';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { foldHook, type HookSituation } from './hook.ts';
import { foldPublication, type PublicationOutcome, type PublicationSituation } from './publication.ts';
import { failure } from './testing/provider.ts';
import { publicationSituation } from './testing/publication.ts';
import { START } from './testing/world.ts';

const NOW = START + HOUR;
const WORK = { id: 'frameflow-prod file', lane: 'hook:exec' };

/** Version 2, just minted, is current; the file has version 1. */
function arriving(hook: HookRecord | null = null): PublicationSituation {
  return { ...publicationSituation({ hook }), hook: WORK };
}

const owedFor = (version: Version, fields: Partial<HookRecord> = {}): HookRecord => ({
  versionId: version.id,
  state: 'owed',
  attempts: 0,
  lastError: null,
  at: START,
  ...fields,
});

const written = (valueThere = false): PublicationOutcome => ({
  visit: { do: 'write', valueThere, drift: null },
  failure: null,
});
const inPlace: PublicationOutcome = { visit: { do: 'nothing' }, failure: null };

function owed(situation: PublicationSituation, outcome: PublicationOutcome): boolean {
  const { changes } = foldPublication(situation, outcome, NOW);
  const work = changes.filter((change) => change.type === 'work.put');
  const record = changes.flatMap((change) =>
    change.type === 'destination.put' ? [change.destination.hook] : [],
  )[0];
  const isOwed = record?.state === 'owed' && record.versionId === situation.wanted.id;
  expect(work).toEqual(
    isOwed && situation.destination.hook?.versionId !== situation.wanted.id
      ? [{ type: 'work.put', work: { kind: 'hook', ...WORK, dueAt: NOW } }]
      : [],
  );
  return work.length > 0;
}

describe('a hook is owed', () => {
  test('where a version was written, in the same commit', () => {
    expect(owed(arriving(), written())).toBe(true);
  });

  test('where it is found in place although it was not seen there before: a crash fell between', () => {
    expect(owed(arriving(), inPlace)).toBe(true);
  });

  test('where an older one was owed, or done', () => {
    const older = { ...arriving().wanted, id: 'older' };
    expect(owed(arriving(owedFor(older)), written())).toBe(true);
    expect(owed(arriving(owedFor(older, { state: 'done' })), written())).toBe(true);
  });

  test('where a minted version stands without its mark: a crash fell between the two', () => {
    const situation = arriving();
    const destination = { ...situation.destination, versionId: null };
    expect(owed({ ...situation, destination }, written(true))).toBe(true);
  });
});

describe('a hook is not owed', () => {
  test('where none is configured', () => {
    const { changes } = foldPublication({ ...arriving(), hook: null }, written(), NOW);
    expect(changes[0]).toMatchObject({ destination: { hook: null } });
    expect(changes.map(({ type }) => type)).not.toContain('work.put');
  });

  test('twice for one version: neither at a check nor where a lost value is written again', () => {
    const situation = arriving();
    const destination = { ...situation.destination, versionId: situation.wanted.id };
    expect(owed({ ...situation, destination }, inPlace)).toBe(false);
    expect(owed({ ...situation, destination }, written())).toBe(false);
    expect(owed(arriving(owedFor(situation.wanted, { state: 'done' })), written())).toBe(false);
  });

  test('for a value that stood there before Keywarden came', () => {
    const situation = arriving();
    const destination = { ...situation.destination, versionId: null };
    for (const origin of ['adopted', 'configured'] as const) {
      const wanted = { ...situation.wanted, origin };
      expect(owed({ ...situation, destination, wanted }, written(true))).toBe(false);
      expect(owed({ ...situation, destination, wanted }, written(false))).toBe(true);
    }
  });
});

/** The hook was owed for version 2 and has failed so often. */
function running(attempts = 0, fields: Partial<HookRecord> = {}): HookSituation {
  const { destination, wanted, snapshot } = arriving();
  const hook = owedFor(wanted, { attempts, ...fields });
  return {
    destination: { ...destination, versionId: wanted.id, hook },
    version: wanted,
    snapshot,
    consumerLag: 0,
  };
}

const told = (situation: HookSituation, now = NOW) =>
  foldHook(situation, failure('retryable'), now).signals.map((signal) =>
    signal.type === 'raise' ? `${signal.kind} ${signal.severity}` : `${signal.type} ${signal.kind}`,
  );

describe('a run', () => {
  test('that succeeds is the last one for its version', () => {
    const folded = foldHook(running(5), null, NOW);
    expect(folded.next).toBe(null);
    expect(folded.changes).toMatchObject([
      { destination: { hook: { state: 'done', attempts: 0, at: NOW } } },
      { entry: { action: 'hook.ran' } },
    ]);
    expect(folded.signals).toMatchObject([{ type: 'resolve', kind: 'hook-failed', condition: 'file' }]);
  });

  test('that fails is followed by another: after 1 s, doubling to 1 h', () => {
    const idle = (attempts: number): HookSituation => {
      const situation = running(attempts);
      return { ...situation, snapshot: { ...situation.snapshot, open: null } };
    };
    const waits = [0, 1, 6, 12, 50].map(
      (attempts) => (foldHook(idle(attempts), failure('permanent'), NOW).next ?? 0) - NOW,
    );
    expect(waits).toEqual([SECOND, 2 * SECOND, 64 * SECOND, HOUR, HOUR]);
  });

  test('that fails late in an overlap is followed by another soon', () => {
    const end = START + 3 * DAY;
    const { next } = foldHook(running(50), failure('retryable'), end - 10 * MINUTE);
    expect(next).toBe(end - 10 * MINUTE + 30 * SECOND);
  });

  test('that fails keeps its count and its error', () => {
    const { changes } = foldHook(running(1), failure('retryable'), NOW);
    expect(changes).toMatchObject([
      { destination: { hook: { state: 'owed', attempts: 2, lastError: { code: 'test_retryable' } } } },
    ]);
  });

  test('that fails is told from the third time on, and wakes somebody from 80 % of the overlap on', () => {
    expect([0, 1].flatMap((attempts) => told(running(attempts)))).toEqual([]);
    expect(told(running(2))).toEqual(['hook-failed warning']);
    expect(told(running(9), START + 2.4 * DAY - MINUTE)).toEqual(['hook-failed warning']);
    expect(told(running(9), START + 2.4 * DAY + MINUTE)).toEqual(['hook-failed critical']);
  });

  test('changes nothing where a newer version has arrived meanwhile, whose run is due at once', () => {
    for (const outcome of [null, failure('retryable')]) {
      const folded = foldHook(running(1, { versionId: 'newer' }), outcome, NOW);
      expect(folded).toEqual({ changes: [], signals: [], next: NOW });
    }
  });

  test('changes nothing where it was done meanwhile', () => {
    const folded = foldHook(running(0, { state: 'done' }), failure('retryable'), NOW);
    expect(folded).toEqual({ changes: [], signals: [], next: null });
  });
});
