import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type LogEvent, MINUTE } from '../model/index.ts';
import type { ManagedKey, Rules } from './contract.ts';
import { begun, episodes, NOWHERE, play, rulesWith } from './testing/play.ts';
import { Shelf } from './testing/shelf.ts';
import { event, onTime, repeated, shuffled } from './testing/traffic.ts';
import { createWatch } from './watch.ts';

const START = Date.UTC(2026, 9, 1);
const SCRIPT = { from: START, until: START + 24 * DAY, every: 30 * MINUTE };
const DETECTORS: Rules['detectors'] = { 'unregistered-geolocation': {} };
const learning = (over: Partial<Rules> = {}) => ({
  ...SCRIPT,
  rules: rulesWith({ detectors: DETECTORS, learn: 14 * DAY, ...over }),
});

let serial = 0;
function call(at: number, country: string | null, over: Partial<LogEvent> = {}): LogEvent {
  serial += 1;
  const geo = country === null ? null : { country, city: null, latitude: null, longitude: null };
  return event({ id: `call-${serial}`, time: START + at, geo, ...over });
}

const conditions = (events: readonly LogEvent[], script: Parameters<typeof play>[1]) =>
  begun(play(onTime(events), script)).map(({ condition }) => condition);

describe('learnt countries', () => {
  const events = [
    call(0, 'DE'),
    call(13 * DAY, 'US'),
    call(14 * DAY + 1, 'FR'),
    call(14 * DAY + HOUR, 'FR'),
    call(15 * DAY, 'DE'),
    call(15 * DAY, 'US'),
    call(16 * DAY, 'BR'),
  ];

  it('are those of the first 14 days; later ones are breaches, each with what was learnt', () => {
    const found = begun(play(onTime(events), { ...learning(), restart: true }));
    expect(
      found.map(({ condition, severity, evidence }) => [condition, severity, evidence.baseline]),
    ).toEqual([
      ['key_9Xc1 FR', 'critical', 'learnt: DE, US'],
      ['key_9Xc1 BR', 'critical', 'learnt: DE, US'],
    ]);
    expect(found[0]?.title).toBe(
      'key_9Xc1 used from FR, a country it was never used from while they were learnt: 1 accepted call from 203.0.113.5',
    );
    expect(found[0]?.action).toContain(
      "register the country under the monitor's otherKeys.key_9Xc1.geolocations",
    );
  });

  it('are none of a key that has a list, or where nothing is learnt', () => {
    const otherKeys = { key_9Xc1: { ...NOWHERE, owner: 'data team', retired: false, geolocations: ['DE'] } };
    expect(conditions(events.slice(0, 2), learning({ otherKeys }))).toEqual(['key_9Xc1 US']);
    expect(conditions(events, learning({ learn: null }))).toEqual([]);
  });

  it('come from accepted calls with a known country alone', () => {
    const early = [
      call(0, 'DE'),
      call(HOUR, 'BR', { status: 401 }),
      call(HOUR, 'BR', { status: 403 }),
      call(HOUR, null),
    ];
    const late = [call(15 * DAY, null), call(15 * DAY, 'BR', { status: 401 }), call(16 * DAY, 'BR')];
    expect(conditions([...early, ...late], learning())).toEqual(['key_9Xc1 BR']);
  });

  it('come from the country database where the provider says nothing, and the provider goes first', () => {
    const locate = () => ({ country: 'BR', city: null, latitude: null, longitude: null });
    const some = [
      call(0, 'DE'),
      call(15 * DAY, 'DE', { ip: '192.0.2.1' }),
      call(16 * DAY, null, { ip: '192.0.2.1' }),
    ];
    expect(conditions(some, { ...learning(), locate })).toEqual(['key_9Xc1 BR']);
    const abroad = { ...learning({ learn: null, geolocations: ['DE'] }), locate };
    expect(conditions(some, abroad)).toEqual(['key_9Xc1 BR']);
    expect(conditions(some, { ...abroad, locate: () => null })).toEqual([]);
  });

  it('begin with the first accepted call, not with a guess at the key', () => {
    const some = [call(0, 'RU', { status: 401 }), call(10 * DAY, 'DE'), call(20 * DAY, 'US')];
    expect(conditions(some, learning())).toEqual([]);
  });

  it('are learnt of a call that comes late as well', () => {
    const late = { event: call(14 * DAY - MINUTE, 'US'), at: START + 14 * DAY + 3 * MINUTE };
    const arrivals = [...onTime([call(0, 'DE'), call(14 * DAY + MINUTE, 'US')]), late];
    expect(play(arrivals, { ...learning(), every: 2 * MINUTE, until: START + 15 * DAY })).toEqual([]);
    expect(begun(play(arrivals.slice(0, 2), learning()))).toEqual([]);
    expect(conditions([call(0, 'DE'), call(14 * DAY + 5 * MINUTE, 'US')], learning())).toEqual([
      'key_9Xc1 US',
    ]);
  });

  it('do not hang on the order of arrival, nor on repeats', () => {
    const edge = [-1, -0.5, 1, 2, 0, 1, 3, 6, 8].map((minute, index) =>
      call(14 * DAY + minute * MINUTE, index < 4 ? 'US' : 'FR'),
    );
    const some = [
      call(0, 'DE'),
      call(2 * MINUTE, 'DE'),
      ...edge,
      call(15 * DAY, 'BR'),
      call(15 * DAY + MINUTE, 'BR'),
    ];
    const told = [1, 2, 3, 4, 6, 7, 8].map((seed) => episodes(play(shuffled(some, seed), learning())));
    told.push(episodes(play(repeated(shuffled(some, 5), 6), learning())));
    expect(new Set(told.map((all) => all.join('\n'))).size).toBe(1);
    expect(told[0]).toHaveLength(2);
  });
});

describe('a new version of a credential', () => {
  const ours = (keyId: string): ManagedKey => ({
    keyId,
    credential: 'frameflow-prod',
    state: 'current',
    expiresAt: null,
    compromisedAt: null,
  });
  const keys = [ours('key_1'), ours('key_2')];

  it('inherits what the credential has learnt, and goes on from there', () => {
    const events = [
      call(0, 'DE', { keyId: 'key_1' }),
      call(DAY, 'US', { keyId: 'key_1' }),
      call(15 * DAY, 'DE', { keyId: 'key_2' }),
      call(15 * DAY + HOUR, 'US', { keyId: 'key_2' }),
      call(16 * DAY, 'BR', { keyId: 'key_2' }),
    ];
    const found = begun(play(onTime(events), { ...learning(), keys, restart: true }));
    expect(found.map(({ condition, evidence }) => [condition, evidence.baseline])).toEqual([
      ['key_2 BR', 'learnt: DE, US'],
    ]);
    expect(found[0]?.action).toBe(
      "If these calls are not yours: `keywarden compromise frameflow-prod --key key_2`. If they are: register the country under the monitor's perCredential.frameflow-prod.geolocations.",
    );
    // Another key would be learning still.
    expect(conditions(events, { ...learning(), keys: keys.slice(0, 1) })).toEqual([]);
  });

  it('knows what is learnt of the others at the same time', () => {
    const events = [
      call(0, 'DE', { keyId: 'key_1' }),
      call(DAY, 'DE', { keyId: 'key_2' }),
      call(2 * DAY, 'US', { keyId: 'key_1' }),
      call(20 * DAY, 'US', { keyId: 'key_2' }),
    ];
    expect(conditions(events, { ...learning(), keys })).toEqual([]);
  });

  it('has its own record of it, which outlasts theirs', () => {
    const watch = createWatch(learning().rules);
    const shelf = new Shelf();
    const turn = (now: number, keys: readonly ManagedKey[], ...events: LogEvent[]) => {
      const state = shelf.open(watch);
      const context = { monitor: 'log', keys, now: START + now, locate: () => null, feed: null };
      shelf.fetch(watch, state, events, context);
      const findings = watch.observe(state, events, context);
      shelf.keep(watch, state);
      return findings.map(({ condition }) => condition);
    };
    turn(DAY, keys.slice(0, 1), call(0, 'DE', { keyId: 'key_1' }), call(HOUR, 'US', { keyId: 'key_1' }));
    turn(15 * DAY, keys, call(15 * DAY, 'DE', { keyId: 'key_2' }));
    const later = [
      call(16 * DAY, 'US', { keyId: 'key_2', ip: '192.0.2.1' }),
      call(16 * DAY, 'BR', { keyId: 'key_2' }),
    ];
    expect(turn(16 * DAY, keys.slice(1), ...later)).toEqual(['key_2 BR']);
  });

  it('learns for as long as the others, whichever is heard of first', () => {
    const [one, two] = [call(0, 'DE', { keyId: 'key_1' }), call(MINUTE, 'DE', { keyId: 'key_2' })];
    const late = call(14 * DAY + 5.5 * MINUTE, 'FR', { keyId: 'key_2' });
    const script = { ...learning(), every: 5 * MINUTE, keys };
    const inOrder = episodes(play(onTime([one, two, late]), script));
    const arrivals = [two, one, late].map((found, index) => ({
      event: found,
      at: late.time * Math.floor(index / 2),
    }));
    expect(episodes(play(arrivals, script))).toEqual(inOrder);
    expect(inOrder).toHaveLength(1);
  });

  it('learns nothing from whoever uses a key after it was given away', () => {
    const stolen: ManagedKey = { ...ours('key_1'), compromisedAt: START + DAY };
    const events = [
      call(0, 'DE', { keyId: 'key_1' }),
      call(2 * DAY, 'RU', { keyId: 'key_1' }),
      call(16 * DAY, 'RU', { keyId: 'key_2' }),
    ];
    expect(conditions(events, { ...learning(), keys: [stolen, ours('key_2')] })).toEqual(['key_2 RU']);
    expect(conditions(events, { ...learning(), keys })).toEqual([]);
  });
});
