import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DAY, type Geo, MINUTE, SECOND, Secret } from '../../model/index.ts';
import { LATER, NO_RULES, REFUSED, record, START, version, WatchWorld } from './testing/world.ts';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
});
afterEach(() => w.state.close());

describe('a rotation in the log', () => {
  test('that a key of ours signed waits for the credential, which looks at once', async () => {
    w.log.push(w.call('key_2', { mintedKeyId: 'key_9' }));
    await w.poll();
    expect((await w.snapshot()).mints).toMatchObject([
      { id: 'event-0', signerKeyId: 'key_2', mintedKeyId: 'key_9' },
    ]);
    expect([await w.looks(), (await w.state.alerts({})).items]).toEqual([true, []]);
  });

  test('is nothing where its key came to us while the page was under way', async () => {
    w.log.push(w.call('key_2', { mintedKeyId: 'key_3' }));
    w.meanwhile = () => w.commit({ type: 'version.put', version: version(3, 'pending') });
    await w.poll();
    expect([(await w.snapshot()).mints, await w.looks()]).toEqual([[], false]);
  });

  test('of a key that nobody knows is told once, also where the log repeats it', async () => {
    const strange = w.call('key_unheard', { mintedKeyId: 'key_9' });
    w.log.push(strange, strange);
    await w.poll();
    w.log.push(strange);
    await w.poll();
    expect((await w.state.alerts({})).items).toMatchObject([
      { kind: 'foreign-mint', monitor: 'log', severity: 'critical', state: 'resolved' },
    ]);
  });
});

describe('the users of a key that is being replaced', () => {
  test('are kept, page after page, and wake the credential', async () => {
    w.log.push(w.call('key_1'), w.call('key_1'), w.call('key_2', { ip: '203.0.113.9' }));
    await w.poll();
    expect(await w.looks()).toBe(true);
    w.log.push(w.call('key_1'));
    await w.poll();
    const users = await w.state.keyUsers(['key_1', 'key_2']);
    expect(users.map(({ keyId, ip, calls }) => [keyId, ip, calls])).toEqual([
      ['key_1', '203.0.113.5', 3],
      ['key_2', '203.0.113.9', 1],
    ]);
  });

  test('wake it when they come with the new key, once', async () => {
    w.log.push(w.call('key_1'));
    await w.poll();
    await w.commit({
      type: 'work.put',
      work: LATER,
    });
    const seen: boolean[] = [];
    for (let turn = 0; turn < 2; turn += 1) {
      w.log.push(w.call('key_2'));
      await w.poll();
      seen.push(await w.looks());
    }
    expect(seen).toEqual([true, false]);
  });
});

describe('the key that reads the log', () => {
  test('is given over to its plan when it is refused twice, and nobody is told yet', async () => {
    w.refusal = REFUSED;
    await w.poll();
    expect((await w.snapshot()).record.state).toBe('managed');
    await w.poll();
    expect((await w.snapshot()).record).toEqual(record({ state: 'rejected', lastError: REFUSED }));
    expect([await w.looks(), (await w.state.alerts({})).items]).toEqual([true, []]);
    expect((await w.state.audit({ action: 'key.refused' })).items).toHaveLength(1);
    await w.poll();
    expect((await w.state.audit({ action: 'key.refused' })).items).toHaveLength(1);
    expect((await w.state.monitor('log'))?.attempts).toBe(3);
  });

  test('is not where another became current while it was being refused', async () => {
    w.refusal = REFUSED;
    await w.poll();
    w.meanwhile = () =>
      w.commit(
        { type: 'version.put', version: version(2, 'retiring') },
        { type: 'version.put', version: version(3, 'current'), value: Secret.from('three') },
      );
    await w.poll();
    expect((await w.snapshot()).record.state).toBe('managed');
  });

  test('is left alone, and the poll is kept, where its credential changes at the last moment', async () => {
    w.refusal = REFUSED;
    await w.poll();
    const kept = w.state;
    w.state = {
      ...kept,
      async credentials() {
        const found = await kept.credentials();
        await kept.commit([{ type: 'credential.put', record: record({ attempts: 1 }) }]);
        return found;
      },
    };
    await w.poll();
    expect((await w.snapshot()).record).toEqual(record({ attempts: 1 }));
    expect((await w.state.monitor('log'))?.attempts).toBe(2);
  });

  test('is looked at again at once when it reads the log after all', async () => {
    await w.commit({
      type: 'credential.put',
      record: record({ state: 'rejected', attempts: 5, retryAt: START + 60 * MINUTE }),
    });
    await w.poll();
    expect((await w.snapshot()).record).toMatchObject({ state: 'rejected', attempts: 5, retryAt: null });
    expect(await w.looks()).toBe(true);
  });
});

describe('what an earlier build remembered', () => {
  const old = (detectors: string) => ({
    name: 'log',
    cursor: '0',
    lastEventAt: START,
    polledAt: START,
    attempts: 0,
    skipped: 0,
    detectors,
  });
  const sources = [['key_2', START - DAY, START, ['203.0.113.5', START - DAY, START]]];

  test('is made into parts before the first poll, and the record holds it no more', async () => {
    const stored = JSON.stringify({ version: 2, reached: START, sources });
    await w.commit({ type: 'monitor.put', monitor: old(stored) });
    w.log.push(w.call('key_2', { ip: '203.0.113.6' }));
    await w.poll();
    expect((await w.state.monitor('log'))?.detectors).toBeNull();
    const [part] = await w.state.watchParts('log', ['key.key_2']);
    expect(part?.[1]).toContain(`["203.0.113.5",${START - DAY},${START}],["203.0.113.6",`);
    expect(w.warnings).toEqual([]);
  });

  test('is made into parts even where the poll fails', async () => {
    await w.commit({
      type: 'monitor.put',
      monitor: old(JSON.stringify({ version: 2, reached: START, sources })),
    });
    w.refusal = REFUSED;
    await w.poll();
    expect(await w.state.monitor('log')).toMatchObject({ detectors: null, attempts: 1 });
    expect(await w.state.watchParts('log', ['key.key_2'])).toHaveLength(1);
  });

  test('and cannot be read is told in the log, once', async () => {
    await w.commit({ type: 'monitor.put', monitor: old('{') });
    await w.poll();
    await w.poll();
    expect(w.warnings).toEqual([expect.stringMatching(/^log: what an earlier version remembered/)]);
  });
});

describe('what the watch remembers', () => {
  test('is written with each page, and only of the keys that the page shows', async () => {
    w.log.push(w.call('key_2'));
    w.log.push(w.call('key_3'));
    await w.poll();
    const before = await w.state.watchParts('log', ['key.key_2', 'key.key_3']);
    expect(before).toHaveLength(2);
    w.log.push(w.call('key_3', { ip: '203.0.113.9' }));
    await w.poll();
    const after = new Map(await w.state.watchParts('log', ['key.key_2', 'key.key_3']));
    expect(after.get('key.key_2')).toBe(new Map(before).get('key.key_2'));
    expect(after.get('key.key_3')).toContain('203.0.113.5');
    expect(after.get('key.key_3')).toContain('203.0.113.9');
  });

  test('is as it was where the page cannot be committed', async () => {
    w.log.push(w.call('key_2'));
    const kept = w.state;
    w.state = {
      ...kept,
      commit: (changes, options) =>
        changes.some(({ type }) => type === 'watch.parts')
          ? Promise.reject(new Error('the disk is full'))
          : kept.commit(changes, options),
    };
    await expect(w.poll()).rejects.toThrow('the disk is full');
    w.state = kept;
    expect(await w.state.watchParts('log', ['key.key_2'])).toEqual([]);
    expect(await w.state.monitor('log')).toBeNull();
  });

  test('and cannot be read starts afresh by itself, which the log says', async () => {
    await w.commit({ type: 'watch.parts', monitor: 'log', put: [['clock', 'damaged']], drop: [] });
    await w.poll();
    expect(w.warnings).toEqual([expect.stringContaining('log: clock:')]);
    await w.poll();
    expect(w.warnings).toHaveLength(1);
  });

  test('ends the alerts of a detector that has lost what it knew of them', async () => {
    w.rules = {
      ...NO_RULES,
      ipAllowlist: ['192.0.2.0/24'],
      geolocations: ['US'],
      detectors: { 'outside-allowlist': {}, 'unregistered-geolocation': {} },
    };
    const geo: Geo = { country: 'US', city: null, latitude: null, longitude: null };
    w.log.push(w.call('key_2', { geo }));
    w.log.push(w.call('key_1', { ip: '192.0.2.7' }));
    await w.poll();
    const states = async () =>
      (await w.state.alerts({})).items.map(({ kind, state }) => `${kind} ${state}`).toSorted();
    expect(await states()).toEqual(['outside-allowlist triggered', 'unregistered-geolocation triggered']);
    const damaged = ['detector.outside-allowlist', 'damaged'] as const;
    await w.commit({ type: 'watch.parts', monitor: 'log', put: [damaged], drop: [] });
    await w.poll();
    expect(await states()).toEqual(['outside-allowlist resolved', 'unregistered-geolocation triggered']);
  });
});

describe('a log that has shown nothing since it was first read', () => {
  const silence = async () => (await w.state.alerts({})).items.map(({ state }) => state);

  test('is told of as long as it lacks a rotation, and none is missed that nobody looked for in time', async () => {
    w.rules = { ...NO_RULES, detectors: { 'log-silence': { after: 15 * MINUTE } } };
    await w.poll();
    const made = { ...version(3, 'pending'), createdAt: w.now + SECOND };
    await w.commit({ type: 'version.put', version: made });
    for (let minute = 0; minute < 25; minute += 1) await w.poll();
    expect(await silence()).toEqual(['triggered']);
    for (let week = 0; week < 5; week += 1) {
      w.now += 7 * DAY - MINUTE;
      await w.poll();
    }
    expect(await silence()).toEqual(['triggered']);
    w.now += 7 * DAY;
    await w.poll();
    expect(await silence()).toEqual(['resolved']);
  });
});

describe('a country database', () => {
  test('is refreshed before each poll, and what is wrong with it is told in the log', async () => {
    const problems = ['cannot be read', null];
    let refreshed = 0;
    const locate = (): Geo => ({ country: 'US', city: null, latitude: null, longitude: null });
    const refresh = async () => {
      refreshed += 1;
      return problems.shift() ?? null;
    };
    w.countries = new Map([['log', { locate, refresh }]]);
    await w.poll();
    await w.poll();
    expect([refreshed, w.warnings]).toEqual([2, ['log: cannot be read']]);
  });

  test('says where calls come from whose provider does not', async () => {
    w.rules = { ...NO_RULES, geolocations: ['DE'], detectors: { 'unregistered-geolocation': {} } };
    const locate = (): Geo => ({ country: 'US', city: null, latitude: null, longitude: null });
    w.countries = new Map([['log', { locate, refresh: async () => null }]]);
    w.log.push(w.call('key_2', { geo: null }));
    w.log.push(w.call('key_1'));
    await w.poll();
    expect((await w.state.alerts({})).items).toMatchObject([
      { kind: 'unregistered-geolocation', credential: 'prod', evidence: { keyId: 'key_2' } },
    ]);
  });
});
