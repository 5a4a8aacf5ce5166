import { expect, test } from 'vitest';
import type { Rules, WatchContext } from './contract.ts';
import { knownBefore } from './habits.ts';
import { KEY } from './parts.ts';
import { Shelf } from './testing/shelf.ts';
import { event } from './testing/traffic.ts';
import { upgradeWatch } from './upgrade.ts';
import { createWatch } from './watch.ts';

const T = Date.UTC(2026, 9, 1, 9);
const MINUTE = 60_000;

/**
 * What the build before wrote after half an hour of ordinary calls from 203.0.113.5 and .6, two refused calls, and one
 * accepted call from 198.51.100.7, outside the allowlist, whose episode was still open.
 */
const RECORDED = `{"version":2,"reached":1790846701000,"repeats":[1790845800000,[3836771381889665,1348002678444918,6876779755934357],[]],
"sources":[["key_9Xc1",1790845200000,1790846700000,["203.0.113.5",1790845200000,1790846700000],["203.0.113.6",1790845200000,1790846700000],["198.51.100.7",1790846700000,1790846700000]],
["key_data",1790845200000,1790846700000,["203.0.113.5",1790845200000,1790846700000]]],
"detectors":{"unregistered-geolocation":[],"outside-allowlist":[["key_9Xc1","key_9Xc1","prod",1790846700000,1790846700000,1790846700000,1,1,
[[["198.51.100.7",1]],[["DE",1]],[["footage/1.4",1]],[["GET /v1/assets",1]],[["req_e20",1]]],[1790846700000,1,1]]],
"retired-key-use":[],"unknown-key":[1790845201000,[]],"log-silence":[null,null,null]}}`;

const rules: Rules = {
  geolocations: null,
  ipAllowlist: ['203.0.113.0/24'],
  perCredential: {},
  otherKeys: {},
  learn: null,
  detectors: {},
  rotate: {},
};

const context: WatchContext = {
  monitor: 'log',
  locate: () => null,
  keys: [{ keyId: 'key_9Xc1', credential: 'prod', state: 'current', expiresAt: null, compromisedAt: null }],
  now: T + 60 * MINUTE,
  feed: { caughtUp: true, trouble: null },
};

/** The recorded state as this build takes it over, with the keys of these events at hand. */
function takenOver(json = RECORDED) {
  const { parts, lost } = upgradeWatch(json);
  const shelf = new Shelf();
  for (const [name, body] of parts) shelf.parts.set(name, body);
  const watch = createWatch(rules);
  const state = shelf.open(watch);
  shelf.fetch(watch, state, [event({ id: 'new', time: context.now, keyId: 'key_data' })], context);
  return { watch, state, lost, names: parts.map(([name]) => name) };
}

test('what a build before remembered of each key is known in parts: since when, and from where it was accepted', () => {
  const { state, lost } = takenOver();
  expect(lost).toBeNull();
  const habit = state.habits.of('key_9Xc1');
  expect([habit?.first, habit?.last]).toEqual([T, T + 25 * MINUTE]);
  expect([...(habit?.sources.keys() ?? [])]).toEqual(['203.0.113.5', '203.0.113.6', '198.51.100.7']);
  const other = state.habits.of('key_data');
  expect(knownBefore(other?.sources.get('203.0.113.5'), context.now)).toBe(true);
  expect(knownBefore(other?.sources.get('203.0.113.6'), context.now)).toBe(false);
});

test('the time of its log and the events that it counted are known', () => {
  const { state } = takenOver();
  expect(state.clock.reached).toBe(T + 25 * MINUTE + 1_000);
  const first = (id: string) => state.repeats.first(id, state.clock.reached);
  expect(['e9', 'e10', 'e20', 'e21'].map(first)).toEqual([false, false, false, true]);
});

test('each detector is given what it remembered, in the form that had', () => {
  const { parts } = upgradeWatch(RECORDED);
  const body = parts.find(([name]) => name === 'detector.unknown-key')?.[1] ?? '';
  expect(JSON.parse(body)).toEqual([2, [1790845201000, []]]);
  expect(takenOver().names.filter((name) => name.startsWith(KEY))).toEqual(['key.key_9Xc1', 'key.key_data']);
});

test('a detector that cannot take over what it remembered says so, so that what it had open can be ended', () => {
  const kept = RECORDED.replace('"detectors":{', '"detectors":{"auth-failure-spike":[],');
  expect(takenOver(kept).state.startedAfresh).toContain(
    'detector.auth-failure-spike: it has the form 2, this build reads 3',
  );
});

test.each([
  ['no JSON', '{"version":2,'],
  ['another form', '{"version":1,"sources":[]}'],
  ['damaged', '{"version":2,"reached":"yesterday"}'],
  ['empty', 'null'],
])('what is %s is lost, and it is said', (_, json) => {
  const { lost, names, state } = takenOver(json);
  expect(lost).toBe('what an earlier version remembered of the log cannot be read');
  expect(names).toEqual([]);
  expect(state.startedAfresh).toEqual([]);
});
