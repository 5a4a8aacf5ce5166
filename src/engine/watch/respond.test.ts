import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Alert, DAY, formatTime, HOUR, type Rotation } from '../../model/index.ts';
import { blankRotation } from '../../rotation/blank-rotation.ts';
import { answered, findingOf, summaryOf } from './testing/answers.ts';
import { NO_RULES, START, version, WatchWorld } from './testing/world.ts';

const STRANGER = '198.51.100.7';

let w: WatchWorld;
beforeEach(async () => {
  w = await WatchWorld.open();
  w.rules = {
    ...NO_RULES,
    ipAllowlist: ['203.0.113.0/24'],
    detectors: { 'outside-allowlist': {} },
    rotate: { 'outside-allowlist': ['critical'] },
  };
});
afterEach(() => w.state.close());

/** Somebody else gets in with our key; a poll sees it. */
async function breach({ keyId = 'key_2', times = 1 } = {}): Promise<void> {
  for (let time = 0; time < times; time += 1) w.log.push(w.call(keyId, { ip: STRANGER }));
  await w.poll();
}

/** Quiet days, in which every episode ends. */
async function quiet(ms: number): Promise<void> {
  w.now += ms;
  await w.poll();
}

const rotations = async () => (await w.state.rotations({ credential: 'prod' })).items;
const alerts = async () => (await w.state.alerts({})).items;
const newest = async (): Promise<Alert> => {
  const [alert] = await alerts();
  if (alert === undefined) throw new Error('nobody was told');
  return alert;
};

/** What the plan makes of it, in short. */
async function end(state: Rotation['state'], over: Partial<Rotation> = {}): Promise<void> {
  for (const rotation of await rotations()) {
    const ended = { ...rotation, state, queued: false, endedAt: w.now, ...over };
    await w.commit({ type: 'rotation.put', rotation: ended });
  }
}

describe('a finding whose severity rotates', () => {
  test('begins an emergency rotation, and its alert says so', async () => {
    await breach();
    const [rotation, ...others] = await rotations();
    expect(others).toEqual([]);
    expect(rotation).toMatchObject({
      credential: 'prod',
      trigger: 'emergency',
      actor: 'watch',
      reason: 'outside-allowlist',
      queued: true,
    });
    expect(await w.looks()).toBe(true);
    const told = `Keywarden has begun an emergency rotation ${rotation?.id} of prod.`;
    const alert = await newest();
    expect(alert).toMatchObject({ kind: 'outside-allowlist', severity: 'critical', state: 'triggered' });
    expect(alert.summary).toContain(told);
    expect(alert.evidence).toMatchObject({ response: told, emergencyRotation: rotation?.id });
    expect(alert.action).toContain('keywarden history prod');
    expect((await w.state.audit({ action: 'rotation.requested' })).items).toMatchObject([
      { actor: 'watch', credential: 'prod', detail: { rotation: rotation?.id, trigger: 'emergency' } },
    ]);
  });

  test('begins none while the one before is under way, also where that was asked for by a person', async () => {
    await breach();
    const [first] = await rotations();
    await end('overlap', { endedAt: null, actor: 'alice' });
    await quiet(3 * DAY);
    await breach();
    expect(await rotations()).toHaveLength(1);
    const { summary, action } = await newest();
    expect(summary).toContain(
      `Keywarden has not begun an emergency rotation: emergency rotation ${first?.id} is under way (overlap).`,
    );
    expect(action).toContain('If these calls are not yours: `keywarden ');
  });

  test('begins none within 24 hours of the last, whatever was restarted or deleted meanwhile, and one after', async () => {
    await breach();
    const [first] = await rotations();
    const begunAt = formatTime(w.now);
    await end('completed');
    w.now += DAY - HOUR;
    await w.state.prune({ rotations: w.now, alerts: 0 });
    const { signals, changes } = await answered(w, findingOf(w, { condition: 'another' }));
    expect(changes).toEqual([]);
    expect(summaryOf(signals[0])).toContain(
      `Keywarden has not begun an emergency rotation: emergency rotation ${first?.id} was begun at ${begunAt}`,
    );
    await quiet(3 * DAY);
    await breach();
    expect(await rotations()).toMatchObject([{ trigger: 'emergency', queued: true }]);
  });

  test('keeps saying what was done for as long as its alert is open, and does it once', async () => {
    await breach();
    const [rotation] = await rotations();
    await end('completed');
    await breach({ times: 100 });
    const [alert, ...others] = await alerts();
    expect(others).toEqual([]);
    expect(alert?.count).toBe(2);
    expect(alert?.summary).toContain(`has begun an emergency rotation ${rotation?.id} of prod.`);
    expect(alert?.evidence.emergencyRotation).toBe(rotation?.id);
    expect(await rotations()).toHaveLength(1);
  });

  test('is answered once for all that a page shows of its credential', async () => {
    const { signals, changes } = await answered(
      w,
      findingOf(w),
      findingOf(w, { kind: 'impossible-travel', condition: 'key_2 BR' }),
    );
    const [rotation, ...others] = changes.filter(({ type }) => type === 'rotation.put');
    expect(others).toEqual([]);
    if (rotation?.type !== 'rotation.put') throw new Error('nothing was begun');
    expect(signals).toHaveLength(2);
    for (const signal of signals)
      expect(signal).toMatchObject({ evidence: { emergencyRotation: rotation.rotation.id } });
  });

  test('does so as well where another detector bears its alert, from the first or later', async () => {
    const detectors = { 'outside-allowlist': {}, 'unregistered-geolocation': {} };
    w.rules = { ...w.rules, geolocations: ['DE'], detectors };
    const geo = { country: 'BR', city: null, latitude: null, longitude: null };
    w.log.push(w.call('key_2', { ip: '203.0.113.66', geo }));
    await w.poll();
    expect([(await newest()).kind, await rotations()]).toEqual(['unregistered-geolocation', []]);
    w.log.push(w.call('key_2', { ip: '203.0.113.66', geo }));
    w.log.push(w.call('key_2', { ip: STRANGER, geo }));
    await w.poll();
    expect(await rotations()).toMatchObject([{ actor: 'watch', reason: 'outside-allowlist' }]);
    const [alert, ...others] = (await alerts()).filter(({ state }) => state === 'triggered');
    expect(others).toEqual([]);
    expect(alert?.kind).toBe('unregistered-geolocation');
    expect(alert?.summary).toContain('Keywarden has begun an emergency rotation');
  });

  test('takes the place of a scheduled rotation that is in its overlap, and says so', async () => {
    const scheduled = { ...blankRotation('prod', 'scheduled-1', START), state: 'overlap' } as const;
    await w.commit({ type: 'rotation.put', rotation: scheduled });
    await breach();
    const [begun] = (await rotations()).filter(({ trigger }) => trigger === 'emergency');
    expect(begun?.queued).toBe(true);
    expect((await newest()).summary).toContain('it takes the place of rotation scheduled-1');
  });

  test('says of a credential whose keys a person makes that they must be made by one', async () => {
    w.mode = 'guided';
    await breach();
    expect(await rotations()).toEqual([]);
    const { summary } = await newest();
    expect(summary).toContain('has not begun an emergency rotation: a person makes its keys');
    expect(summary).toContain('keywarden import prod');
  });

  test('begins it all the same where the credential changes at the last moment', async () => {
    const kept = w.state;
    let changes = 3;
    w.state = {
      ...kept,
      async audit(query) {
        changes -= 1;
        if (changes >= 0) await kept.commit([{ type: 'version.put', version: version(1, 'retired') }]);
        return kept.audit(query);
      },
    };
    await breach();
    expect(changes).toBeLessThan(0);
    const [rotation, ...others] = await rotations();
    expect(others).toEqual([]);
    expect((await newest()).evidence.emergencyRotation).toBe(rotation?.id);
  });
});

describe('a finding that was declined begins one once what was in the way is over', () => {
  const going = async (): Promise<void> => {
    const before = (await newest()).count;
    await breach({ times: 10 ** before });
    expect(await alerts()).toMatchObject([{ state: 'triggered', count: before + 1 }]);
  };

  test('as a rotation that was under way', async () => {
    const asked = { ...blankRotation('prod', 'asked-1', START), trigger: 'emergency' } as const;
    await w.commit({ type: 'rotation.put', rotation: asked });
    await breach();
    await going();
    expect(await rotations()).toHaveLength(1);
    await end('failed');
    await going();
    expect(await rotations()).toContainEqual(expect.objectContaining({ actor: 'watch', queued: true }));
    expect((await newest()).summary).toContain('Keywarden has begun an emergency rotation');
  });

  test('as the 24 hours since the last', async () => {
    const { changes } = await answered(w, findingOf(w, { condition: 'another' }));
    await w.commit(...changes);
    await end('failed');
    await breach();
    const day = w.now;
    for (const hours of [12, 23]) {
      w.now = day + hours * HOUR;
      await going();
      expect(await rotations()).toHaveLength(1);
      expect((await newest()).summary).toContain('the watch begins one in 24 hours at most');
    }
    w.now = day + DAY;
    await going();
    expect(await rotations()).toHaveLength(2);
  });
});

test.each([
  ['of a detector that only tells', { rotate: {} }],
  ['of another severity', { rotate: { 'outside-allowlist': ['warning', 'info'] } as const }],
])('a finding %s begins none', async (_, over) => {
  w.rules = { ...w.rules, ...over };
  await breach();
  expect(await rotations()).toEqual([]);
  expect((await newest()).evidence).not.toHaveProperty('response');
});

test('a finding about a key that nobody manages begins none', async () => {
  w.log.push(w.call('key_of_others', { ip: STRANGER }));
  await w.poll();
  expect((await newest()).kind).toBe('outside-allowlist');
  expect(await rotations()).toEqual([]);
});
