import { describe, expect, it } from 'vitest';
import { DAY, MINUTE } from '../model/index.ts';
import { NOWHERE, play, rulesWith } from './testing/play.ts';
import { event, onTime } from './testing/traffic.ts';
import { createWatch } from './watch.ts';

const START = Date.UTC(2026, 9, 1);
const call = (minute: number, keyId: string, status = 200) =>
  event({ id: `${keyId}-${minute}`, time: START + minute * MINUTE, keyId, status });

describe('a key that nobody configured', () => {
  it('is told once, accepted or not', () => {
    const events = [call(10, 'key_a'), call(11, 'key_a'), call(12, 'key_b', 401), call(500, 'key_a')];
    const told = play(onTime(events), { from: START, until: START + DAY, every: 5 * MINUTE });
    expect(told.map(({ finding }) => [finding.condition, finding.severity, finding.keyId])).toEqual([
      ['key key_a', 'warning', 'key_a'],
      ['key key_b', 'warning', 'key_b'],
    ]);
    expect(told[0]?.finding.evidence).toEqual({ ips: ['203.0.113.5'], keyId: 'key_a' });
  });

  it('is not one that is managed, under otherKeys, or absent', () => {
    const watch = createWatch(rulesWith());
    const keys = [
      { keyId: 'key_m', credential: 'c', state: 'retired', expiresAt: null, compromisedAt: null } as const,
    ];
    const events = [call(1, 'key_9Xc1'), { ...call(2, 'x'), keyId: null }];
    const context = { monitor: 'log', keys, now: START + DAY, feed: null };
    expect(watch.observe(watch.restore(null), events, context)).toEqual([]);
    const managed = watch.observe(watch.restore(null), [call(1, 'key_m')], context);
    expect(managed.map(({ kind }) => kind)).toEqual(['retired-key-use']);
  });

  it('met in the backfill makes one finding with all others, however many pages it has', () => {
    const watch = createWatch(rulesWith());
    const state = watch.restore(null);
    const context = { monitor: 'log', keys: [], now: START + DAY, feed: null };
    const first = watch.observe(state, [call(1, 'key_b'), call(2, 'key_a')], context);
    expect(first.map(({ condition, keyId, evidence }) => [condition, keyId, evidence.keys])).toEqual([
      ['backfill', null, ['key_a', 'key_b']],
    ]);
    const later = { ...context, now: START + DAY + MINUTE };
    const second = watch.observe(state, [call(3, 'key_c'), call(4, 'key_a')], later);
    expect(second.map(({ condition, evidence }) => [condition, evidence.keys])).toEqual([
      ['backfill', ['key_a', 'key_b', 'key_c']],
    ]);
    const fresh = watch.observe(state, [call(24 * 60 + 1, 'key_d')], { ...context, now: START + 2 * DAY });
    expect(fresh.map(({ condition }) => condition)).toEqual(['key key_d']);
  });

  it('is ended when it becomes known', () => {
    const before = createWatch(rulesWith());
    const state = before.restore(null);
    const context = { monitor: 'log', keys: [], now: START, feed: null };
    before.observe(state, [call(0, 'key_a'), call(0, 'key_b')], context);
    before.observe(state, [call(1, 'key_c')], { ...context, now: START + MINUTE });

    const own = { ...NOWHERE, owner: 'data team', retired: false };
    const after = createWatch(rulesWith({ otherKeys: { key_a: own, key_c: own } }));
    const reopened = after.restore(before.save(state));
    const told = after.tick(reopened, context);
    expect(told.map(({ condition, ended, keyId }) => [condition, ended ?? false, keyId])).toEqual([
      ['key key_c', true, 'key_c'],
      ['backfill', false, 'key_b'],
    ]);
    const keys = [
      { keyId: 'key_b', credential: 'c', state: 'current', expiresAt: null, compromisedAt: null } as const,
    ];
    const last = after.tick(reopened, { ...context, keys });
    expect(last.map(({ condition, ended }) => [condition, ended])).toEqual([['backfill', true]]);
  });
});
