import { describe, expect, test } from 'vitest';
import { DAY, HOUR, type LogPage, MINUTE, SECOND, type Version } from '../model/index.ts';
import { readSince, standstillOf } from './log-standstill.ts';
import { START, version } from './watch/testing/world.ts';

const EMPTY: LogPage = { events: [], skipped: 0, nextCursor: '7', hasMore: false };

type Case = {
  readonly page?: Partial<LogPage>;
  readonly lastEventAt?: number | null;
  readonly after?: number;
  readonly since?: number;
  readonly made?: Partial<Version>;
};

/** What a poll says, so long after `key_2` was minted. */
function standstill({
  page,
  lastEventAt = START - DAY,
  after = 10 * MINUTE,
  since = START - DAY,
  made,
}: Case = {}) {
  const snapshot = { versions: [{ ...version(2, 'current'), ...made }] };
  const record = { lastEventAt };
  return standstillOf({ ...EMPTY, ...page }, { record, snapshot, since, begun: START + after });
}

describe('a log stands still', () => {
  test('where it lacks the rotation that made a key, and all that came after it', () => {
    expect(standstill()).toBe(
      'it shows nothing since 2026-09-30T09:00:00Z, though key_2 was minted at 2026-10-01T09:00:00Z',
    );
    expect(standstill({ lastEventAt: null })).toMatch(/^it shows nothing at all, though key_2 /);
  });

  test('where its provider says that there is more and does not give it', () => {
    expect(standstill({ page: { stuck: 'it is stuck' }, lastEventAt: START })).toBe('it is stuck');
  });

  test('and not where there is more to read, or the rotation may yet arrive', () => {
    expect(standstill({ page: { hasMore: true } })).toBeNull();
    expect(standstill({ after: 5 * MINUTE })).toBeNull();
    expect(standstill({ after: 5 * MINUTE + SECOND })).not.toBeNull();
  });

  test('and not where it showed something as new, as far as clocks agree', () => {
    expect(standstill({ lastEventAt: START })).toBeNull();
    expect(standstill({ lastEventAt: START - HOUR })).toBeNull();
    expect(standstill({ lastEventAt: START - HOUR - SECOND })).not.toBeNull();
  });

  test('and not where the key was made before the log was first read, or not by Keywarden', () => {
    expect(standstill({ lastEventAt: null, since: START })).toBeNull();
    expect(standstill({ since: START })).toBeNull();
    expect(standstill({ made: { origin: 'adopted' } })).toBeNull();
    expect(standstill({ made: { fingerprint: null, state: 'orphaned' } })).toBeNull();
  });
});

describe('a log owes what was done', () => {
  const since = (over: Partial<Parameters<typeof readSince>[0]['record']>, known: number | null = null) =>
    readSince({
      record: { polledAt: START - MINUTE, lastEventAt: null, ...over },
      known,
      backfill: DAY,
      begun: START,
    });

  test('since its first poll looked back, however long ago that is', () => {
    expect(since({ polledAt: null })).toBe(START - DAY);
    expect(since({}, START - 60 * DAY)).toBe(START - 60 * DAY);
  });

  test('and no longer than 7 days where it was not read in these', () => {
    expect(since({ polledAt: START - 7 * DAY }, START - 60 * DAY)).toBe(START - 60 * DAY);
    expect(since({ polledAt: START - 8 * DAY }, START - 60 * DAY)).toBe(START - 7 * DAY);
  });

  test('as far as it shows where nothing was noted, or by a clock that was ahead', () => {
    expect(since({})).toBe(START - DAY);
    expect(since({ lastEventAt: START - 2 * DAY })).toBe(START - 2 * DAY);
    expect(since({ lastEventAt: START - 2 * DAY }, START + 300 * DAY)).toBe(START - 2 * DAY);
  });
});
