import { expect, test } from 'vitest';
import { DAY, type LogEvent, MINUTE } from '../model/index.ts';
import { KEY, REST } from './parts.ts';
import { NOWHERE, rulesWith } from './testing/play.ts';
import { Shelf } from './testing/shelf.ts';
import { event } from './testing/traffic.ts';
import { createWatch } from './watch.ts';

const START = Date.UTC(2026, 9, 1, 9);
const NAME = `${KEY}key_9Xc1`;

const rules = rulesWith({
  otherKeys: { key_9Xc1: { ...NOWHERE, owner: 'data team', retired: false } },
  detectors: { 'dormant-key': { after: 30 * DAY }, 'new-client': {}, 'volume-surge': {} },
});

/** A watch that has met a key's first call, and what a call some minutes later makes it write. */
function begun() {
  const watch = createWatch(rules);
  const shelf = new Shelf();
  let state = shelf.open(watch);
  const call = (minute: number, over: Partial<LogEvent> = {}) => {
    const now = START + minute * MINUTE;
    const context = { monitor: 'log', keys: [], now, locate: () => null, feed: null };
    const events = [event({ id: `evt_${minute}`, time: now, ...over })];
    shelf.fetch(watch, state, events, context);
    watch.observe(state, events, context);
    const { put } = watch.changes(state);
    for (const [name, body] of put) shelf.parts.set(name, body);
    return put.map(([name]) => name).filter((name) => name.startsWith(KEY));
  };
  const restart = () => {
    state = shelf.open(watch);
  };
  return { shelf, call, restart };
}

test('what seldom changes of a key is written when it does, and not with every call', () => {
  const { call, restart } = begun();
  expect(call(0)).toEqual([NAME, NAME + REST]);
  expect(call(1)).toEqual([NAME]);
  restart();
  expect(call(2)).toEqual([NAME]);
  expect(call(3, { userAgent: 'curl/8.5' })).toEqual([NAME, NAME + REST]);
});

test('a key of which what seldom changes cannot be read is known all the same', () => {
  const { shelf, call, restart } = begun();
  call(0);
  shelf.parts.set(NAME + REST, '[1,{');
  restart();
  expect(call(30)).toEqual([NAME, NAME + REST]);
  expect(shelf.parts.get(NAME)).toContain(`[1,[${START},${START + 30 * MINUTE},`);
  expect(shelf.parts.get(NAME + REST)).toContain('"new-client"');
});

test('the two parts of a key may come in any order', () => {
  const { shelf, call } = begun();
  call(0);
  const watch = createWatch(rules);
  const state = watch.open([]);
  watch.admit(state, [...shelf.parts].filter(([name]) => name.startsWith(KEY)).reverse());
  expect(state.habits.of('key_9Xc1')?.slots.some((slot) => slot?.rests)).toBe(true);
});
