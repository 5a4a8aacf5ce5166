import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE } from '../model/index.ts';
import { bodyOf } from './parts.ts';
import { apart, NOWHERE, play, rulesWith } from './testing/play.ts';
import { Shelf } from './testing/shelf.ts';
import { event, onTime } from './testing/traffic.ts';
import { unknownKey } from './unknown-key.ts';
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
    expect(told[0]?.finding.evidence).toEqual({
      keyId: 'key_a',
      count: 2,
      sources: ['203.0.113.5 (203.0.113.0/24, DE) 2'],
      userAgents: ['footage/1.4'],
      paths: ['GET /v1/assets'],
      requestIds: ['req_key_a-10', 'req_key_a-11'],
      pace: '▇▇ (1 min each)',
      ips: ['203.0.113.5'],
    });
  });

  it('shows its first 20 calls, and was told by an earlier build with its addresses', () => {
    const busy = Array.from({ length: 50 }, (_, turn) => ({
      ...call(10, 'key_a'),
      id: `${turn}`,
      ip: `203.0.113.${turn}`,
    }));
    const [told] = play(onTime(busy), { from: START, until: START + HOUR });
    expect(told?.finding.evidence.count).toBe('20 or more');
    expect(told?.finding.ips).toHaveLength(20);
    const kept =
      unknownKey.upgrade?.([START, [['key_a', 0, START, START + 1, 1, ['203.0.113.5']]]], 2) ?? null;
    const own = { ...NOWHERE, owner: 'data team', retired: false };
    const watch = createWatch(rulesWith({ otherKeys: { key_a: own } }));
    const state = apart(watch.open([['detector.unknown-key', bodyOf(3, kept)]]));
    const context = { monitor: 'log', keys: [], now: START + DAY, locate: () => null, feed: null };
    const [over] = watch.tick(state, context);
    expect([over?.ended, over?.keyId, over?.ips]).toEqual([true, 'key_a', ['203.0.113.5']]);
  });

  it('is not one that is managed, under otherKeys, or absent', () => {
    const watch = createWatch(rulesWith());
    const keys = [
      { keyId: 'key_m', credential: 'c', state: 'retired', expiresAt: null, compromisedAt: null } as const,
    ];
    const events = [call(1, 'key_9Xc1'), { ...call(2, 'x'), keyId: null }];
    const context = { monitor: 'log', keys, now: START + DAY, locate: () => null, feed: null };
    expect(watch.observe(apart(watch.open([])), events, context)).toEqual([]);
    const managed = watch.observe(apart(watch.open([])), [call(1, 'key_m')], context);
    expect(managed.map(({ kind }) => kind)).toEqual(['retired-key-use']);
  });

  it('met in the backfill makes one finding with all others, however many pages it has', () => {
    const watch = createWatch(rulesWith());
    const state = apart(watch.open([]));
    const context = { monitor: 'log', keys: [], now: START + DAY, locate: () => null, feed: null };
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
    const shelf = new Shelf();
    const state = apart(shelf.open(before));
    const context = { monitor: 'log', keys: [], now: START, locate: () => null, feed: null };
    before.observe(state, [call(0, 'key_a'), call(0, 'key_b')], context);
    before.observe(state, [call(1, 'key_c')], { ...context, now: START + MINUTE });

    const own = { ...NOWHERE, owner: 'data team', retired: false };
    const after = createWatch(rulesWith({ otherKeys: { key_a: own, key_c: own } }));
    shelf.keep(before, state);
    const reopened = apart(shelf.open(after));
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

  it('is bounded: after the first 500 further ones are told as one, and the state stays small', () => {
    const watch = createWatch(rulesWith());
    const shelf = new Shelf();
    const state = apart(shelf.open(watch));
    const context = { monitor: 'log', keys: [], now: START, locate: () => null, feed: null };
    watch.observe(state, [call(0, 'key_9Xc1')], context);
    const events = Array.from({ length: 900 }, (_, index) => call(1, `key_${index}`));
    const told = watch.observe(state, events, { ...context, now: START + MINUTE });
    const unknown = told.filter(({ kind }) => kind === 'unknown-key');
    expect(unknown).toHaveLength(501);
    expect(unknown.at(-1)).toMatchObject({ condition: 'others', keyId: null, ips: ['203.0.113.5'] });
    expect(unknown.at(-1)?.title).toContain('more than 500 keys in use that nobody configured');
    shelf.keep(watch, state);
    expect(shelf.parts.get('detector.unknown-key')?.length).toBeLessThan(120_000);

    const reopened = apart(shelf.open(watch));
    const later = { ...context, now: START + 3 * MINUTE };
    expect(watch.observe(reopened, [call(2, 'key_700')], later)).toEqual([]);
    shelf.keep(watch, reopened);
    const own = { ...NOWHERE, owner: 'data team', retired: false };
    const after = createWatch(rulesWith({ otherKeys: { key_0: own } }));
    const ended = after.tick(apart(shelf.open(after)), later);
    expect(ended.map((finding) => [finding.condition, finding.ended, finding.lastEventAt])).toEqual([
      ['key key_0', true, START + MINUTE],
      ['others', true, START + 2 * MINUTE],
    ]);
  });
});
