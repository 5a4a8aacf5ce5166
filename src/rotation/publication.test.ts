import { describe, expect, test } from 'vitest';
import { DAY, HOUR, MINUTE, SECOND } from '../model/index.ts';
import { foldPublication, type PublicationOutcome, type PublicationSituation } from './publication.ts';
import { failure } from './testing/provider.ts';
import { publicationSituation } from './testing/publication.ts';
import { START, World } from './testing/world.ts';
import { decidePublication } from './visit.ts';

const END = START + 3 * DAY;
const CHECK = HOUR;

const written: PublicationOutcome = {
  visit: { do: 'write', valueThere: false, drift: null },
  failure: null,
};
const inPlace: PublicationOutcome = { visit: { do: 'nothing' }, failure: null };

describe('what stands at a destination', () => {
  const world = new World();
  const wanted = { mark: world.mark(5), fingerprint: 'print' };
  const standing = (number: number, fields = {}, fingerprint = 'print') => ({
    mark: world.mark(number, fields),
    fingerprint,
  });

  test.each([
    ['nothing', null],
    ['a value without a mark', { mark: null, fingerprint: 'other' }],
    ['our own value without a mark', { mark: null, fingerprint: 'print' }],
    ['an older version', standing(4)],
    ['an earlier publication of this version', standing(4, { versionId: wanted.mark.versionId })],
    ['another version of the same number', standing(5, { versionId: 'restored' })],
    ['our mark on another value', standing(5, {}, 'tampered')],
    ['our mark on an emptied value', { mark: world.mark(5), fingerprint: null }],
    ['a newer mark of ours on an emptied value', { mark: world.mark(6), fingerprint: null }],
  ])('%s is written over', (_what, there) => {
    expect(decidePublication(there, wanted)).toEqual({ do: 'write' });
  });

  test('the wanted version, mark and all, is left as it is', () => {
    expect(decidePublication(standing(5), wanted)).toEqual({ do: 'nothing' });
  });

  test.each([
    ['another installation', { installation: 'footage/staging' }],
    ['another credential', { credential: 'frameflow-other' }],
  ])('what %s owns is left alone, older or newer, and said so', (_whose, owner) => {
    for (const number of [4, 5, 6]) {
      expect(decidePublication(standing(number, owner), wanted)).toMatchObject({
        do: 'refuse',
        failure: { code: 'foreign_owner', verdict: 'permanent' },
      });
    }
  });

  test('a version newer than ours is left alone: our state may be an old one', () => {
    expect(decidePublication(standing(6), wanted)).toMatchObject({
      do: 'refuse',
      failure: { code: 'newer_version', message: expect.stringContaining('newer than our version 5') },
    });
  });
});

/** One destination of a rotation that is publishing, its overlap being [START, END). */
function publishing(attempts = 0): PublicationSituation {
  return { ...publicationSituation({ attempts }), drift: { check: CHECK, onDrift: 'alert' } };
}

/** A destination outside of any rotation. */
function idle(attempts = 0): PublicationSituation {
  const situation = publishing(attempts);
  return { ...situation, snapshot: { ...situation.snapshot, open: null }, steps: [] };
}

const failing = (
  situation: PublicationSituation,
  now: number,
  verdict: 'retryable' | 'permanent' = 'retryable',
) => foldPublication(situation, { visit: null, failure: failure(verdict) }, now);

describe('a destination that fails', () => {
  test.each([
    [0, SECOND],
    [1, 2 * SECOND],
    [5, 32 * SECOND],
    [6, MINUTE],
    [60, MINUTE],
  ])('after %d failures is tried again after %d ms', (attempts, wait) => {
    expect(failing(publishing(attempts), START + HOUR).next).toBe(START + HOUR + wait);
    expect(failing(idle(attempts), START + HOUR).next).toBe(START + HOUR + wait);
  });

  test.each([
    [20 * MINUTE, MINUTE],
    [10 * MINUTE, 30 * SECOND],
    [MINUTE, 3 * SECOND],
    [5 * SECOND, SECOND],
  ])('with %d ms of the overlap left is tried again after %d ms at the latest', (left, wait) => {
    expect(failing(publishing(20), END - left).next).toBe(END - left + wait);
  });

  test('after the overlap’s end is tried every minute', () => {
    expect(failing(publishing(20), END + HOUR).next).toBe(END + HOUR + MINUTE);
  });

  test('that asks to be left alone is', () => {
    const outcome = { visit: null, failure: failure('retryable', 'throttled', 5 * MINUTE) };
    expect(foldPublication(publishing(), outcome, START + HOUR).next).toBe(START + HOUR + 5 * MINUTE);
  });

  test('keeps what it had, counts the attempt and says why', () => {
    const { changes } = failing(publishing(3), START + HOUR);
    expect(changes).toMatchObject([
      {
        destination: {
          state: 'pending',
          attempts: 4,
          versionId: expect.any(String),
          lastError: { code: 'test_retryable' },
        },
      },
      { step: { name: 'publish', destination: 'file', state: 'failed', error: { code: 'test_retryable' } } },
    ]);
  });

  test('for good needs a person, and is tried all the same', () => {
    const { changes, next } = failing(publishing(), START + HOUR, 'permanent');
    expect(changes[0]).toMatchObject({ destination: { state: 'failed' } });
    expect(next).toBe(START + HOUR + SECOND);
  });
});

describe('of a failure is told', () => {
  const told = (
    situation: PublicationSituation,
    now: number,
    verdict: 'retryable' | 'permanent' = 'retryable',
  ) =>
    failing(situation, now, verdict).signals.flatMap((signal) =>
      signal.type === 'raise' ? [`${signal.kind} ${signal.severity}`] : [],
    );

  test('nothing before the fifth in succession', () => {
    expect([0, 3].map((attempts) => told(publishing(attempts), START + HOUR))).toEqual([[], []]);
    expect(told(publishing(4), START + HOUR)).toEqual(['store-unreachable critical']);
  });

  test('a warning only where no overlap is running out', () => {
    expect(told(idle(4), START + HOUR)).toEqual(['store-unreachable warning']);
  });

  test('at once what only a person can repair', () => {
    expect(told(publishing(), START + HOUR, 'permanent')).toEqual(['publish-failed warning']);
    expect(told(idle(), START + HOUR, 'permanent')).toEqual(['publish-failed warning']);
  });

  test.each([
    ['just before half of the overlap', 1.5 * DAY - 1, []],
    ['at half of it', 1.5 * DAY, ['publish-failed warning']],
    ['just before 80 %', 2.4 * DAY - 1, ['publish-failed warning']],
    ['at 80 %', 2.4 * DAY, ['publish-failed critical']],
    ['after its end', 4 * DAY, ['publish-failed critical']],
  ])('%s, at the first failure', (_when, passed, expected) => {
    expect(told(publishing(), START + passed)).toEqual(expected);
  });

  test('which destination, which version and how long the old key works', () => {
    const [signal] = failing(publishing(4), START + HOUR).signals;
    expect(signal).toMatchObject({
      condition: 'file',
      deadline: END,
      summary: expect.stringContaining('The old key works until 2026-10-04T09:00:00Z.'),
      evidence: { destination: 'file', version: 2, attempts: 5, code: 'test_retryable' },
    });
  });
});

describe('on arrival', () => {
  const arrived = foldPublication(publishing(7), written, START + HOUR);

  test('the destination has the version, and is looked at again when its next check is due', () => {
    const { wanted } = publishing();
    expect(arrived.next).toBe(START + 2 * HOUR);
    expect(arrived.changes[0]).toMatchObject({
      destination: {
        state: 'published',
        versionId: wanted.id,
        publishedAt: START + HOUR,
        checkedAt: START + HOUR,
        attempts: 0,
        lastError: null,
      },
    });
  });

  test('the rotation is woken and its step done', () => {
    expect(arrived.changes).toContainEqual({
      type: 'work.wake',
      kind: 'credential',
      id: 'frameflow-prod',
      at: START + HOUR,
    });
    expect(arrived.changes).toContainEqual(
      expect.objectContaining({
        type: 'step.put',
        step: expect.objectContaining({ destination: 'file', state: 'done' }),
      }),
    );
  });

  test('all alerts of the destination are resolved', () => {
    expect(arrived.signals.map(({ type, kind, condition }) => [type, kind, condition])).toEqual([
      ['resolve', 'store-drift', 'file'],
      ['resolve', 'file-permissions', 'file'],
      ['resolve', 'publish-failed', 'file'],
      ['resolve', 'store-unreachable', 'file'],
      ['resolve', 'hook-failed', 'file'],
    ]);
  });

  test('the alert of a hook that is still configured is its own', () => {
    const hook = { id: 'frameflow-prod file', lane: 'hook:exec' };
    const { signals } = foldPublication({ ...publishing(), hook }, written, START + HOUR);
    expect(signals.map(({ kind }) => kind)).not.toContain('hook-failed');
  });

  test('only what was written is in the audit log', () => {
    const found = foldPublication(publishing(), inPlace, START + HOUR);
    const audits = [arrived, found].map(
      ({ changes }) => changes.filter(({ type }) => type === 'audit.append').length,
    );
    expect(audits).toEqual([1, 0]);
  });

  test('of a version that is no longer wanted the rotation’s step stays open', () => {
    const situation = publishing();
    const old = { ...situation.wanted, id: 'older', number: 1 };
    const { changes } = foldPublication({ ...situation, wanted: old }, written, START + HOUR);
    expect(changes.map(({ type }) => type)).not.toContain('step.put');
  });
});

test('a version that the provider never accepted cannot be published', () => {
  const situation = publishing();
  const pending = { ...situation, wanted: { ...situation.wanted, state: 'pending' as const } };
  expect(() => foldPublication(pending, written, START)).toThrow(TypeError);
});
