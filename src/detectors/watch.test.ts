import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import type { ManagedKey, WatchContext } from './contract.ts';
import { DETECTORS } from './index.ts';
import { bodyOf, KEY, STORY } from './parts.ts';
import { ALL_DETECTORS, apart, begun, episodes, NOWHERE, play, rulesWith } from './testing/play.ts';
import { Shelf } from './testing/shelf.ts';
import * as traffic from './testing/traffic.ts';
import { createWatch } from './watch.ts';

const START = Date.UTC(2026, 9, 1);
const OLD_KEY: ManagedKey = {
  keyId: 'key_old',
  credential: 'frameflow-prod',
  state: 'retired',
  expiresAt: START,
  compromisedAt: null,
};
const STOLEN_KEY: ManagedKey = {
  ...OLD_KEY,
  keyId: 'key_stolen',
  state: 'compromised',
  expiresAt: START + 20 * HOUR,
  compromisedAt: START + 10 * HOUR,
};
const LIVE_KEY: ManagedKey = { ...OLD_KEY, keyId: 'key_live', state: 'current', expiresAt: null };

/** A day and a half with something for every detector that reads events: 2 spikes, 1 of them in, and 5 breaches. */
function story(seed: number): LogEvent[] {
  const random = traffic.randomFrom(seed);
  const one = (minute: number, over: Partial<LogEvent>): LogEvent =>
    traffic.event({
      id: `story-${seed}-${minute}-${random()}`,
      time: START + minute * MINUTE + Math.floor(random() * MINUTE),
      ...over,
    });
  const known = { keyId: 'key_live', ip: '203.0.113.7' };
  const events = [
    ...traffic.traffic({ seed, from: START, until: START + 36 * HOUR, failures: traffic.quiet }),
    ...traffic.traffic({
      seed: seed + 1,
      from: START,
      until: START + 36 * HOUR,
      failures: traffic.quiet,
      keyId: 'key_live',
    }),
    ...traffic.attack({
      from: START + 20 * HOUR,
      count: 70,
      every: 20_000,
      keyId: 'key_live',
      ips: ['198.51.100.1', '198.51.100.2'],
      succeeds: true,
    }),
    ...traffic.attack({ from: START + 21 * HOUR, count: 40, every: 45_000, keyId: null }),
    ...[0, 3, 200, 201].map((minute) =>
      one(600 + minute, { ...known, geo: { country: 'BR', city: null, latitude: null, longitude: null } }),
    ),
    ...[0, 4, 9].map((minute) => one(700 + minute, { ...known, ip: '192.0.2.200' })),
    ...[0, 2, 400].map((minute) => one(800 + minute, { keyId: 'key_old', ip: '198.18.0.9', status: 401 })),
    ...[0, 1, 90].map((minute) => one(900 + minute, { keyId: 'key_stranger' })),
    ...[595, 603, 604, 1_300].map((minute) => one(minute, { ...known, keyId: 'key_stolen' })),
  ];
  return events.sort((a, b) => a.time - b.time);
}

const RULES = rulesWith({
  detectors: ALL_DETECTORS,
  geolocations: ['DE', 'RU'],
  perCredential: {
    'frameflow-prod': { geolocations: null, ipAllowlist: ['203.0.113.0/24', '198.51.100.0/24'] },
  },
});
const SCRIPT = {
  apart: true,
  rules: RULES,
  keys: [OLD_KEY, STOLEN_KEY, LIVE_KEY],
  from: START + 10 * MINUTE,
  until: START + 4 * DAY,
  every: 5 * MINUTE,
};

function at(now: number, keys: readonly ManagedKey[] = []): WatchContext {
  return { monitor: 'log', keys, now, locate: () => null, feed: null };
}

describe('the watch', () => {
  it('tells every episode of the story once and ends all but the unknown key', () => {
    const told = play(traffic.onTime(story(1)), SCRIPT);
    expect(
      begun(told)
        .map(({ kind, condition, severity }) => `${kind} ${condition} ${severity}`)
        .sort(),
    ).toEqual([
      'auth-failure-spike key key_live warning',
      'auth-failure-spike no key warning',
      'failures-then-success key_live 198.51.100.2 critical',
      'outside-allowlist key_live critical',
      'retired-key-use key_old 198.18.0.9 critical',
      'retired-key-use key_stolen 203.0.113.7 critical',
      'unknown-key key key_stranger warning',
      'unregistered-geolocation key_live BR critical',
    ]);
    expect(episodes(told)).toHaveLength(7);
    const spike = told.findLast(
      ({ finding }) => finding.condition === 'key key_live' && finding.ended === true,
    );
    expect(spike?.finding.severity).toBe('critical');
    expect(spike?.finding.evidence.gotIn).toEqual(['198.51.100.2']);
  });

  it('finds the same episodes in any order of arrival within five minutes', () => {
    for (let seed = 1; seed <= 12; seed += 1) {
      const events = story(seed);
      const inOrder = episodes(play(traffic.onTime(events), SCRIPT));
      expect(inOrder.length).toBeGreaterThanOrEqual(6);
      expect(episodes(play(traffic.shuffled(events, seed), SCRIPT))).toEqual(inOrder);
    }
  });

  it('finds the same whether a page holds a minute or a day', () => {
    const arrivals = traffic.onTime(story(3));
    const fine = episodes(play(arrivals, SCRIPT));
    expect(episodes(play(arrivals, { ...SCRIPT, every: MINUTE }))).toEqual(fine);
    expect(episodes(play(arrivals, { ...SCRIPT, every: DAY, until: START + 6 * DAY }))).toEqual(fine);
  });

  it('is changed in nothing by events that come again within ten minutes', () => {
    for (let seed = 21; seed <= 28; seed += 1) {
      const arrivals = traffic.shuffled(story(seed), seed);
      const once = play(arrivals, SCRIPT);
      const twice = play(traffic.repeated(arrivals, seed), SCRIPT);
      expect(twice).toEqual(once);
    }
  });

  it('goes on from its stored state as if it had never stopped', () => {
    const arrivals = traffic.shuffled(story(5), 5);
    expect(play(arrivals, { ...SCRIPT, restart: true })).toEqual(play(arrivals, SCRIPT));
  });

  it('says the same of the same page, and the saved state is the same', () => {
    const watch = createWatch(RULES);
    const context = at(START + 3 * DAY, [OLD_KEY, STOLEN_KEY, LIVE_KEY]);
    const run = () => {
      const state = watch.open([]);
      return [watch.observe(state, story(8), context), watch.changes(state)];
    };
    expect(run()).toEqual(run());
  });
});

describe('a repeat that something else counts', () => {
  it('is known for one, over a restart, whatever the detectors made of the event', () => {
    const watch = createWatch(RULES);
    const shelf = new Shelf();
    const state = shelf.open(watch);
    const [event] = traffic.attack({ from: START, count: 1, every: 1_000 });
    if (event === undefined) throw new Error('an attack has an event');
    watch.observe(state, [event], at(START + MINUTE));
    expect([watch.first(state, 'mint', event), watch.first(state, 'mint', event)]).toEqual([true, false]);
    shelf.keep(watch, state);
    const restored = shelf.open(watch);
    expect([watch.first(restored, 'mint', event), watch.first(restored, 'other', event)]).toEqual([
      false,
      true,
    ]);
  });
});

describe('a stored state', () => {
  const watch = createWatch(rulesWith());

  it('is nothing to speak of where there is none', () => {
    const shelf = new Shelf();
    const state = shelf.open(watch);
    expect(state.startedAfresh).toEqual([]);
    shelf.keep(watch, state);
    expect(shelf.open(watch).startedAfresh).toEqual([]);
    expect(watch.changes(shelf.open(watch))).toEqual({ put: [], drop: [] });
  });

  it.each([
    ['cut off', 'clock', '[1,17', 'it is no JSON'],
    ['no part', 'clock', '{}', 'does not say in which form'],
    ['newer', 'clock', '[2,5]', 'has the form 2, this build reads 1'],
    ['of a newer detector', 'detector.log-silence', '[99,[]]', 'has the form 99'],
    [
      'damaged in a detector',
      'detector.outside-allowlist',
      bodyOf(DETECTORS['outside-allowlist'].form, 'damaged'),
      'expected a list',
    ],
    ['out of range', 'clock', '[1,1e999]', 'expected a number'],
    ['damaged in the repeats', 'repeats.4', '[1,[1,2,["x"]]]', 'expected a number'],
    ['damaged in a story', 'story.4', '[1,["spike",[[{}]]]]', 'expected text'],
  ])('that is %s is left, the watch says which, and what else there is stays', (_, name, body, reason) => {
    const shelf = new Shelf();
    const first = shelf.open(watch);
    watch.observe(first, traffic.attack({ from: START, count: 30, every: 1_000 }), at(START + MINUTE));
    shelf.keep(watch, first);
    shelf.parts.set(name, body);
    const state = shelf.open(watch);
    expect(state.startedAfresh).toHaveLength(1);
    expect(state.startedAfresh[0]).toContain(`${name}: `);
    expect(state.startedAfresh[0]).toContain(reason);
    shelf.keep(watch, state);
    expect(shelf.open(watch).startedAfresh).toEqual([]);
  });

  it('that is damaged in a detector leaves nothing of it in any story', () => {
    const shelf = new Shelf();
    const rules = rulesWith({ ipAllowlist: ['192.0.2.0/24'] });
    const strict = createWatch(rules);
    const first = shelf.open(strict);
    strict.observe(first, [traffic.event({ id: 'a', time: START })], at(START));
    shelf.keep(strict, first);
    expect([...shelf.parts.keys()].some((name) => name.startsWith(STORY))).toBe(true);
    shelf.parts.set('detector.outside-allowlist', bodyOf(DETECTORS['outside-allowlist'].form, 'damaged'));
    shelf.keep(strict, shelf.open(strict));
    expect([...shelf.parts.keys()].some((name) => name.startsWith(STORY))).toBe(false);
  });

  it('that is damaged in a key makes it a key never seen', () => {
    const shelf = new Shelf();
    shelf.parts.set(`${KEY}key_9Xc1`, '[1,["then"]]');
    const state = shelf.open(watch);
    const page = [traffic.event({ id: 'a', time: START })];
    shelf.fetch(watch, state, page, at(START));
    watch.observe(state, page, at(START));
    shelf.keep(watch, state);
    expect(shelf.parts.get(`${KEY}key_9Xc1`)).toContain(`[1,[${START},${START},`);
  });

  it('stays small however much a flood brings', () => {
    const shelf = new Shelf();
    const state = shelf.open(watch);
    const flood = Array.from({ length: 15_000 }, (_, index) =>
      traffic.event({
        id: `flood-${index}`,
        time: START + index * 20,
        keyId: index % 3 === 0 ? null : `key_${index % 3_000}`,
        ip: `10.${index % 7}.${(index >> 8) % 256}.${index % 256}`,
        userAgent: 'x'.repeat(400) + index,
        path: `/${'y'.repeat(400)}${index}`,
        status: index % 2 === 0 ? 401 : 200,
      }),
    );
    watch.observe(state, flood, at(START + DAY));
    shelf.keep(watch, state);
    expect(shelf.size).toBeLessThan(8 * 1024 * 1024);
    expect(shelf.open(watch).startedAfresh).toEqual([]);
  });

  it('is written no further than a page changes it', () => {
    const shelf = new Shelf();
    const state = shelf.open(watch);
    const many = Array.from({ length: 500 }, (_, key) =>
      traffic.event({ id: `a-${key}`, time: START, keyId: `key_${key}` }),
    );
    watch.observe(state, many, at(START));
    shelf.keep(watch, state);
    watch.observe(
      state,
      [traffic.event({ id: 'b', time: START + MINUTE, keyId: 'key_7' })],
      at(START + MINUTE),
    );
    const { put } = watch.changes(state);
    expect(put.filter(([name]) => name.startsWith(KEY)).map(([name]) => name)).toEqual([`${KEY}key_7`]);
  });
});

describe('an event from the future', () => {
  it('does not carry the time of the log off', () => {
    const wrong = traffic.event({ id: 'wrong', time: START + 300 * DAY });
    const attack = traffic.attack({ from: START + HOUR, count: 30, every: 1_000 });
    const arrivals = [{ event: wrong, at: START + 30 * MINUTE }, ...traffic.onTime(attack)];
    const told = play(arrivals, { from: START + 20 * MINUTE, until: START + 3 * HOUR });
    expect(told.map(({ finding, polledAt }) => [finding.ended ?? false, polledAt])).toEqual([
      [false, START + 61 * MINUTE],
      [true, START + 96 * MINUTE],
    ]);
  });
});

describe('a detector that is switched off', () => {
  it('says nothing, and ends what it had told', () => {
    const context = at(START + HOUR);
    const abroad = rulesWith({ geolocations: ['US'], ipAllowlist: ['192.0.2.0/24'] });
    const on = createWatch(abroad);
    const shelf = new Shelf();
    const state = apart(shelf.open(on));
    const events = [
      traffic.event({ id: 'a', time: START }),
      traffic.event({ id: 'b', time: START, keyId: 'key_stranger' }),
      ...traffic.attack({ from: START, count: 30, every: 1_000 }),
    ];
    const told = on.observe(state, events, context);
    expect(new Set(told.map(({ kind }) => kind)).size).toBe(4);
    const off = createWatch({ ...abroad, detectors: {} });
    shelf.keep(on, state);
    const reopened = apart(shelf.open(off));
    shelf.fetch(off, reopened, [], context);
    const ended = off.tick(reopened, context);
    const names = (findings: typeof told) =>
      findings.map(({ kind, condition }) => `${kind} ${condition}`).sort();
    expect(names(ended)).toEqual(names(told));
    expect(ended.every((finding) => finding.ended)).toBe(true);
    expect(off.observe(off.open([]), events, context)).toEqual([]);
  });
});

describe('rules', () => {
  it('are the credential’s for its keys, else the key’s own, else the monitor’s', () => {
    const rules = rulesWith({
      geolocations: ['DE'],
      perCredential: { 'frameflow-prod': { geolocations: ['US'], ipAllowlist: null } },
      otherKeys: {
        key_own: { ...NOWHERE, geolocations: ['FR'], owner: 'data team', retired: false },
        key_none: { ...NOWHERE, owner: 'billing', retired: false },
      },
    });
    const places = ['DE', 'US', 'FR'];
    const events = ['key_live', 'key_own', 'key_none', 'key_stranger'].flatMap((keyId) =>
      places.map((country) =>
        traffic.event({
          id: `${keyId}-${country}`,
          time: START,
          keyId,
          geo: { country, city: null, latitude: null, longitude: null },
        }),
      ),
    );
    const watch = createWatch(rules);
    const found = watch.observe(apart(watch.open([])), events, at(START, [LIVE_KEY]));
    expect(
      found.filter(({ kind }) => kind === 'unregistered-geolocation').map(({ condition }) => condition),
    ).toEqual([
      'key_live DE',
      'key_live FR',
      'key_own DE',
      'key_own US',
      'key_none US',
      'key_none FR',
      'key_stranger US',
      'key_stranger FR',
    ]);
  });
});
