import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE } from '../model/index.ts';
import type { Feed } from './contract.ts';
import { markOf } from './distinct.ts';
import { AccountPace } from './log-silence-account.ts';
import { apart, rulesWith } from './testing/play.ts';
import { Shelf } from './testing/shelf.ts';
import { event } from './testing/traffic.ts';
import { createWatch, type WatchState } from './watch.ts';

const START = Date.UTC(2026, 9, 1);
const TROUBLE: Feed = { caughtUp: false, trouble: 'FrameFlow answered 503 to GET /v1/auth/logs' };
const WELL: Feed = { caughtUp: true, trouble: null };

describe('a feed', () => {
  const watch = createWatch(rulesWith());
  const poll = (state: WatchState, minute: number, feed: Feed) =>
    watch
      .tick(state, {
        monitor: 'frameflow-auth-log',
        keys: [],
        now: START + minute * MINUTE,
        locate: () => null,
        feed,
      })
      .map(({ kind, title, ended }) => ({ kind, title, ended: ended ?? false }));

  it('that fails for as long as `after` is told once, and ended with the first poll that succeeds', () => {
    const state = watch.open([]);
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
    const state = watch.open([]);
    poll(state, 0, TROUBLE);
    poll(state, 14, WELL);
    expect(poll(state, 15, TROUBLE)).toEqual([]);
    expect(poll(state, 29, TROUBLE)).toEqual([]);
    expect(poll(state, 30, TROUBLE)).toHaveLength(1);
  });

  it('is remembered over a restart', () => {
    const shelf = new Shelf();
    const restart = (state: WatchState) => {
      shelf.keep(watch, state);
      return shelf.open(watch);
    };
    const state = shelf.open(watch);
    poll(state, 0, TROUBLE);
    const again = restart(state);
    expect(poll(again, 15, TROUBLE)).toHaveLength(1);
    expect(poll(restart(again), 16, WELL).map(({ ended }) => ended)).toEqual([true]);
  });

  it('is remembered from the form that knew of failing polls alone', () => {
    const stored: [string, string] = [
      'detector.log-silence',
      JSON.stringify([2, [START, 'FrameFlow answered 503', null]]),
    ];
    const state = watch.open([stored]);
    expect(state.startedAfresh).toEqual([]);
    expect(poll(state, 15, TROUBLE)).toHaveLength(1);
  });

  it('that is merely quiet, or still reading a backlog, is no silence', () => {
    const state = watch.open([]);
    for (let minute = 0; minute < 600; minute += 60) {
      expect(poll(state, minute, minute < 300 ? WELL : { caughtUp: false, trouble: null })).toEqual([]);
    }
  });

  it('that has not been read to its end ends no episode: what it would show is not known', () => {
    const state = watch.open([]);
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
    const context = { monitor: 'log', keys: [], now: START + MINUTE, locate: () => null, feed: null };
    expect(watch.observe(apart(state), attack, context)).toHaveLength(1);
    expect(poll(state, 10 * 60, TROUBLE).map(({ kind }) => kind)).toEqual([]);
    expect(poll(state, 10 * 60 + 1, WELL).map(({ kind, ended }) => [kind, ended])).toEqual([
      ['auth-failure-spike', true],
    ]);
    expect(START + HOUR).toBeLessThan(state.clock.settled);
  });
});

describe('a feed that is late', () => {
  const watch = createWatch(rulesWith({ detectors: { 'log-silence': { after: 15 * MINUTE } } }));
  /** A poll that shows events, the newest of which is `lag` minutes old. */
  const poll = (state: WatchState, minute: number, events: number, lag: number, feed: Feed = WELL) => {
    const now = START + minute * MINUTE;
    const context = { monitor: 'log', keys: [], now, locate: () => null, feed };
    const page = Array.from({ length: events }, (_, index) =>
      event({ id: `e${minute}-${index}`, time: now - lag * MINUTE - index }),
    );
    const findings = [...watch.observe(state, page, context), ...watch.tick(state, context)];
    return findings.map(({ condition, ended }) => [condition, ended ?? false]);
  };

  it('is told once five events came that earlier polls should have brought, and ended by one on time', () => {
    const state = watch.open([]);
    poll(state, 0, 3, 1);
    expect(poll(state, 1, 4, 40)).toEqual([]);
    expect(poll(state, 2, 0, 0)).toEqual([]);
    expect(poll(state, 3, 1, 40)).toEqual([['late', false]]);
    expect(poll(state, 4, 9, 40)).toEqual([]);
    expect(poll(state, 5, 1, 4)).toEqual([['late', true]]);
  });

  it('is none in a backfill, after an outage, where some are on time, or where the lateness is ordinary', () => {
    const state = watch.open([]);
    expect(poll(state, 0, 50, 600)).toEqual([]);
    expect(poll(state, 1, 50, 14)).toEqual([]);
    poll(state, 2, 0, 0, TROUBLE);
    expect(poll(state, 3, 50, 600)).toEqual([]);
    expect(poll(state, 4, 50, 300, { caughtUp: false, trouble: null })).toEqual([]);
    expect(poll(state, 4, 1, 0)).toEqual([]);
    expect(poll(state, 400, 50, 390)).toEqual([]);
  });
});

describe('a busy account that falls silent', () => {
  const WEEK = 168;
  const hourly = (hour: number) => (hour % 24 < 6 ? 0 : 600);
  /** The hours, from the given one on, in which the silence holds. */
  function silentHours(pace: AccountPace, from: number, counts: readonly number[]): number[] {
    const begin = Math.floor(START / HOUR);
    const silent: number[] = [];
    for (const [index, count] of counts.entries()) {
      const hour = from + index;
      for (let serial = 0; serial < count; serial += 1)
        pace.add((begin + hour) * HOUR, markOf(`${hour}-${serial}`));
      pace.settle((begin + hour + 1) * HOUR);
      if (pace.silence !== null) silent.push(hour);
    }
    return silent;
  }
  const habit = Array.from({ length: 3 * WEEK }, (_, hour) => hourly(hour));

  it('is told from the hour on that held next to nothing, until one that does not', () => {
    const pace = new AccountPace(undefined);
    expect(silentHours(pace, 0, habit)).toEqual([]);
    const after = [0, 0, 0, 0, 0, 0, 600, 5, 0, 600];
    expect(silentHours(pace, 3 * WEEK, after)).toEqual([7, 8].map((hour) => 3 * WEEK + hour));
    expect(new AccountPace(JSON.parse(JSON.stringify(pace.save()))).save()).toEqual(pace.save());
  });

  it('is none of a quiet account, in the first two weeks, at night, or where there are merely fewer', () => {
    const quiet = habit.map((count) => count / 10);
    expect(silentHours(new AccountPace(undefined), 0, [...quiet, ...quiet.map(() => 0)])).toEqual([]);
    expect(
      silentHours(new AccountPace(undefined), 0, [...habit.slice(0, 2 * WEEK), ...habit.map(() => 60)]),
    ).toEqual([]);
    expect(
      silentHours(new AccountPace(undefined), 0, [
        ...habit.slice(0, WEEK),
        ...habit.slice(0, 100).map(() => 0),
      ]),
    ).toEqual([]);
  });

  it('is the habit once it has lasted for a day and the week has come round', () => {
    const pace = new AccountPace(undefined);
    silentHours(pace, 0, habit);
    const silent = silentHours(
      pace,
      3 * WEEK,
      Array.from({ length: 3 * WEEK }, () => 0),
    );
    expect(silent[0]).toBe(3 * WEEK + 6);
    expect(silent.at(-1)).toBeLessThanOrEqual(5 * WEEK + 30);
  });

  it('is one finding, with the habit in it, and over a restart', () => {
    const watch = createWatch(rulesWith({ detectors: { 'log-silence': { after: 15 * MINUTE } } }));
    const shelf = new Shelf();
    let state = shelf.open(watch);
    const told: unknown[] = [];
    for (let hour = 0; hour < 2 * WEEK + 30; hour += 1) {
      const now = START + (hour + 1) * HOUR;
      const events = Array.from(
        { length: hour >= 2 * WEEK + 7 && hour < 2 * WEEK + 10 ? 0 : hourly(hour) },
        (_, index) => event({ id: `${hour}-${index}`, time: now - HOUR + index }),
      );
      const context = { monitor: 'log', keys: [], now, locate: () => null, feed: WELL };
      for (const { condition, ended, firstEventAt, evidence } of [
        ...watch.observe(state, events, context),
        ...watch.tick(state, context),
      ])
        told.push([condition, ended ?? false, (firstEventAt - START) / HOUR - 2 * WEEK, evidence.count]);
      shelf.keep(watch, state);
      state = shelf.open(watch);
    }
    expect(told).toEqual([
      ['account', false, 7, 0],
      ['account', true, 7, 0],
    ]);
  });
});
