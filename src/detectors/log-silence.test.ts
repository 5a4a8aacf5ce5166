import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../model/index.ts';
import type { Feed } from './contract.ts';
import { rulesWith } from './testing/play.ts';
import { createWatch, type WatchState } from './watch.ts';

const START = Date.UTC(2026, 9, 1);
const TROUBLE: Feed = { caughtUp: false, trouble: 'FrameFlow answered 503 to GET /v1/auth/logs' };
const WELL: Feed = { caughtUp: true, trouble: null };

describe('a feed', () => {
  const watch = createWatch(rulesWith());
  const poll = (state: WatchState, minute: number, feed: Feed) =>
    watch
      .tick(state, { monitor: 'frameflow-auth-log', keys: [], now: START + minute * MINUTE, feed })
      .map(({ kind, title, ended }) => ({ kind, title, ended: ended ?? false }));

  it('that fails for as long as `after` is told once, and ended with the first poll that succeeds', () => {
    const state = watch.restore(null);
    for (let minute = 0; minute < 15; minute += 1) expect(poll(state, minute, TROUBLE)).toEqual([]);
    expect(poll(state, 15, TROUBLE)).toEqual([
      {
        kind: 'log-silence',
        title:
          'the log frameflow-auth-log has not been read for 15m: FrameFlow answered 503 to GET /v1/auth/logs',
        ended: false,
      },
    ]);
    expect(poll(state, 16, TROUBLE)).toEqual([]);
    expect(poll(state, 17, WELL).map(({ ended }) => ended)).toEqual([true]);
    expect(poll(state, 18, WELL)).toEqual([]);
  });

  it('that recovers in between starts anew', () => {
    const state = watch.restore(null);
    poll(state, 0, TROUBLE);
    poll(state, 14, WELL);
    expect(poll(state, 15, TROUBLE)).toEqual([]);
    expect(poll(state, 29, TROUBLE)).toEqual([]);
    expect(poll(state, 30, TROUBLE)).toHaveLength(1);
  });

  it('is remembered over a restart', () => {
    const state = watch.restore(null);
    poll(state, 0, TROUBLE);
    const again = watch.restore(watch.save(state));
    expect(poll(again, 15, TROUBLE)).toHaveLength(1);
    expect(poll(watch.restore(watch.save(again)), 16, WELL).map(({ ended }) => ended)).toEqual([true]);
  });

  it('that is merely quiet, or still reading a backlog, is no silence', () => {
    const state = watch.restore(null);
    for (let minute = 0; minute < 600; minute += 60) {
      expect(poll(state, minute, minute < 300 ? WELL : { caughtUp: false, trouble: null })).toEqual([]);
    }
  });

  it('that has not been read to its end ends no episode: what it would show is not known', () => {
    const state = watch.restore(null);
    const attack = Array.from({ length: 30 }, (_, index) => ({
      id: `a${index}`,
      time: START + index,
      keyId: null,
      ip: '198.51.100.1',
      geo: null,
      method: 'GET',
      path: '/',
      status: 401,
      userAgent: null,
      mintedKeyId: null,
      requestId: null,
    }));
    const context = { monitor: 'log', keys: [], now: START + MINUTE, feed: null };
    expect(watch.observe(state, attack, context)).toHaveLength(1);
    expect(poll(state, 10 * 60, TROUBLE).map(({ kind }) => kind)).toEqual([]);
    expect(poll(state, 10 * 60 + 1, WELL).map(({ kind, ended }) => [kind, ended])).toEqual([
      ['auth-failure-spike', true],
    ]);
    expect(START + HOUR).toBeLessThan(state.clock.settled);
  });
});
